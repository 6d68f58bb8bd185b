/* SPDX-License-Identifier: Apache-2.0 */
/* Vault's transit API over what the broker does anyway: a SIGN or a VERIFY for a worker, a key from the catalogue. What a client leaves out means what it
 * means to Vault (sha2-256, pss, asn1), so that nothing is signed in another way than it thinks; a key does one algorithm, and whoever asks for
 * another is told which. A signature is verified by what the key does, unless the client names something else. Runs in the front; decides nothing. */
#include "front_transit.h"

#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "front_transit_way.h"
#include "json/json_write.h"
#include "problem.h"

#define JSON "application/json"

static const struct front_transit_way *way_of(const struct catalog_key *key)
{
	return front_transit_way_of(key->alg, key->crv);
}

bool front_transit_has(const struct front *front, struct jwk11_view path)
{
	static const char *const starts[] = { "/v1/transit/", "/v1/auth/token/" };

	for (size_t i = 0; front->conf->transit == CONF_YES && i < J11_COUNT(starts); i++)
		if (path.len > strlen(starts[i]) && memcmp(path.data, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

int64_t front_transit_version(const struct catalog_key *key)
{
	return key->is_version && key->moment > 0 ? key->moment : 1;
}

/* ---- what is asked for ---- */

/* The version of this number that is published; NULL: a refusal. */
static const struct catalog_key *find_version(const struct front_request *q, const struct catalog_key *key, int64_t n, struct jwk11_err *err)
{
	const struct catalog_key *first = catalog_versions(q->front->catalog, key->name);

	if (first == NULL && n == front_transit_version(key))
		return key;
	for (const struct catalog_key *k = first; k != NULL; k = k->next_version)
		if (front_transit_version(k) == n && j11_version_is_published(k->version_state))
			return k;
	j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_ARGUMENT, "key \"%s\" has no version %lld", key->name, (long long)n);
	j11_err_hint(err, "GET /v1/transit/keys/%s lists them", key->name);
	return NULL;
}

/* The version that is meant. Only the active one signs, so one that is named must be that. */
static const struct catalog_key *version_of(const struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct front_transit_body *b,
	struct jwk11_err *err)
{
	const struct catalog_key *found = op == CONF_OP_VERIFY || b->version > 0 ? find_version(q, key, b->version, err) : key;

	if (op == CONF_OP_VERIFY || found == NULL || found == key)
		return found;
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_NOT_ACTIVE, "key \"%s\": version %lld is %s; version %lld signs", key->name, (long long)b->version,
		j11_version_state_name(found->version_state), (long long)front_transit_version(key));
	return NULL;
}

static enum jwk11_rc add_base64(struct front_request *q, enum wire_field field, struct jwk11_view text, const char *what, bool url, struct jwk11_err *err)
{
	struct jwk11_buf *octets = &q->front->octets;
	enum jwk11_rc rc;

	jwk11_buf_reset(octets);
	rc = url ? j11_b64url_decode(text, what, octets, err) : j11_b64_decode(text, what, octets, err);
	if (rc == JWK11_OK)
		wire_add(q->datagram, field, j11_buf_view(octets));
	return rc;
}

enum jwk11_rc front_transit_take(struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct j11_json *root, struct jwk11_err *err)
{
	struct front_transit_body body;
	const struct catalog_key *version;
	const struct front_transit_way *way;
	enum jwk11_rc rc = front_transit_body_read(root, op, q->key, &body, err);

	if (rc != JWK11_OK)
		return rc;
	version = version_of(q, key, op, &body, err);
	if (version == NULL)
		return err->rc;
	way = way_of(version);
	if (way == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "key \"%s\" does %s, which this API has no name for; POST /v1/keys/%s/%s does it",
			key->name, version->alg[0] != '\0' ? version->alg : "something", key->name, conf_op_name(op));
	rc = front_transit_way_check(way, &body, op, q->hash, version->name, err);
	if (rc != JWK11_OK)
		return rc;
	if (body.named && version->is_version && version->kid[0] != '\0')
		snprintf(q->key, sizeof(q->key), "%s", version->kid);
	q->pending->transit_jws = body.jws;
	wire_add_str(q->datagram, WIRE_F_ALG, version->alg);
	if (front_transit_way_is_ecdsa(way) && !body.jws)
		wire_add_str(q->datagram, WIRE_F_ENCODING, "der");
	rc = add_base64(q, body.prehashed ? WIRE_F_DIGEST : WIRE_F_INPUT, body.input, "member \"input\"", false, err);
	if (rc == JWK11_OK && op == CONF_OP_VERIFY)
		rc = add_base64(q, WIRE_F_SIGNATURE, body.signature, "member \"signature\"", body.jws, err);
	return rc;
}

/* ---- answers ---- */

static struct j11_json_out begin(struct front_request *q)
{
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "request_id", q->request_id);
	j11_json_str(&o, "lease_id", "");
	j11_json_boolean(&o, "renewable", false);
	j11_json_num(&o, "lease_duration", 0);
	j11_json_open(&o, "data", '{');
	return o;
}

static enum front_outcome end(struct front_request *q, struct j11_json_out *o, const char *mount)
{
	j11_json_close(o);
	j11_json_null(o, "wrap_info");
	j11_json_null(o, "warnings");
	j11_json_null(o, "auth");
	j11_json_str(o, "mount_type", mount);
	j11_json_close(o);
	q->reply.cache_control = "no-store";
	return front_send_body(q, JSON);
}

enum front_outcome front_transit_problem(struct front_request *q, const struct problem *p)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(4 * JWK11_TEXT_MAX);
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);
	unsigned status = problem_status(p->code);

	j11_buf_add_fmt(&text, "%s: ", j11_code_name(p->code));
	j11_buf_add(&text, p->detail.data, p->detail.len);
	if (p->hint.len > 0) {
		j11_buf_add_str(&text, "; ");
		j11_buf_add(&text, p->hint.data, p->hint.len);
	}
	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	j11_json_open(&o, "errors", '[');
	j11_json_view(&o, NULL, j11_buf_view(&text));
	j11_json_close(&o);
	j11_json_close(&o);
	q->code = p->code;
	/* Clients know few of them. */
	q->reply.status = status == 403 || status == 404 || status == 405 || status == 413 || status == 429 || (status >= 500 && status != 501) ? status : 400;
	q->reply.type = JSON;
	q->reply.body = j11_buf_view(&q->front->body);
	q->reply.cache_control = "no-store";
	q->reply.retry_after = problem_retry_after(p->code);
	return FRONT_REPLY;
}

/* The version that a worker has used, by the kid that it names; of the key of this name. */
static int64_t version_used(const struct front_request *q, const struct wire_msg *msg)
{
	const struct meter_key *meter = q->pending->meter;
	const struct catalog_key *key = NULL;
	char kid[JWK11_KID_MAX];

	if (wire_str(msg, WIRE_F_KID, kid, sizeof(kid)))
		for (key = catalog_key_of_kid(q->front->catalog, kid); key != NULL; key = key->next_kid)
			if (meter == NULL || j11_text_equal(key->name, meter->name))
				return front_transit_version(key);
	key = meter != NULL ? catalog_key_named(q->front->catalog, meter->name) : NULL; /* a key without a kid */
	return key != NULL ? front_transit_version(key) : 1;
}

static void answer_signature(struct front_request *q, const struct wire_msg *msg)
{
	struct jwk11_buf *text = &q->front->octets;
	int64_t n = version_used(q, msg);
	struct j11_json_out o;

	jwk11_buf_reset(text);
	j11_buf_add_fmt(text, "vault:v%lld:", (long long)n);
	if (q->pending->transit_jws)
		j11_b64url_add(text, msg->field[WIRE_F_SIGNATURE]);
	else
		j11_b64_add(text, msg->field[WIRE_F_SIGNATURE], 0);
	o = begin(q);
	j11_json_num(&o, "key_version", n);
	j11_json_view(&o, "signature", j11_buf_view(text));
	end(q, &o, "transit");
}

static void answer_valid(struct front_request *q, bool valid)
{
	struct j11_json_out o = begin(q);

	j11_json_boolean(&o, "valid", valid);
	end(q, &o, "transit");
}

void front_transit_answer(struct front_request *q, const struct wire_msg *msg)
{
	bool verify = q->pending->op == CONF_OP_VERIFY;
	char code[JWK11_CODE_MAX];

	if (msg->type != WIRE_REPLY && verify && wire_str(msg, WIRE_F_CODE, code, sizeof(code)) && j11_code_find(code) == J11_CODE_SIGNATURE_INVALID)
		answer_valid(q, false);
	else if (msg->type != WIRE_REPLY)
		front_problem_fault(q, msg);
	else if (verify && j11_view_equals(msg->field[WIRE_F_TEXT], "valid"))
		answer_valid(q, true);
	else if (!verify && msg->field[WIRE_F_SIGNATURE].len > 0)
		answer_signature(q, msg);
	else
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is not complete");
}

/* ---- a key ---- */

/* What Vault gives for an Ed25519 key in place of PEM: the key itself in base64. */
static void add_ed25519(struct front_request *q, const struct catalog_key *key, struct j11_json_out *o)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(64);
	struct jwk11_buf *octets = &q->front->octets;
	const struct j11_json *x;

	if (j11_json_read(j11_view_str(key->jwk), NULL, "JWK", &doc, NULL) != JWK11_OK || (x = j11_json_get(j11_json_root(doc), "x")) == NULL)
		return;
	jwk11_buf_reset(octets);
	if (j11_b64url_decode(x->text, "x", octets, NULL) != JWK11_OK)
		return;
	j11_b64_add(&text, j11_buf_view(octets), 0);
	j11_json_view(o, "public_key", j11_buf_view(&text));
}

static const char *type_of(const struct catalog_key *key, const struct front_transit_way *way, char room[32])
{
	if (way->type != NULL)
		return way->type;
	snprintf(room, 32, "rsa-%llu", (unsigned long long)key->bits);
	return room;
}

static void add_version(struct front_request *q, const struct catalog_key *key, struct j11_json_out *o)
{
	const struct front_transit_way *way = way_of(key);
	char number[24], moment[21], room[32];

	if (way == NULL || key->pem[0] == '\0' || (key->is_version && !j11_version_is_published(key->version_state)))
		return;
	snprintf(number, sizeof(number), "%lld", (long long)front_transit_version(key));
	j11_text_time(key->is_version ? key->moment : 0, moment);
	j11_json_open(o, number, '{');
	j11_json_str(o, "creation_time", moment);
	j11_json_str(o, "name", way->name != NULL ? way->name : type_of(key, way, room));
	if (way->hash == NULL)
		add_ed25519(q, key, o);
	else
		j11_json_str(o, "public_key", key->pem);
	j11_json_close(o);
}

static int64_t add_versions(struct front_request *q, const struct catalog_key *key, struct j11_json_out *o)
{
	const struct catalog_key *first = catalog_versions(q->front->catalog, key->name);
	int64_t least = front_transit_version(key);

	j11_json_open(o, "keys", '{');
	if (first == NULL)
		add_version(q, key, o);
	for (const struct catalog_key *k = first; k != NULL; k = k->next_version) {
		add_version(q, k, o);
		if (j11_version_is_published(k->version_state) && front_transit_version(k) < least)
			least = front_transit_version(k);
	}
	j11_json_close(o);
	return least;
}

static void write_key(struct front_request *q, const struct catalog_key *key, const struct front_transit_way *way, struct j11_json_out *o)
{
	static const char *const never[] = { "allow_plaintext_backup", "deletion_allowed", "derived", "exportable", "imported_key", "supports_decryption",
		"supports_derivation", "supports_encryption" };
	char room[32];

	j11_json_str(o, "name", key->name);
	j11_json_str(o, "type", type_of(key, way, room));
	j11_json_num(o, "latest_version", front_transit_version(key));
	j11_json_num(o, "min_decryption_version", add_versions(q, key, o));
	j11_json_num(o, "min_encryption_version", 0);
	j11_json_num(o, "min_available_version", 0);
	j11_json_num(o, "auto_rotate_period", 0);
	j11_json_boolean(o, "supports_signing", true);
	for (size_t i = 0; i < J11_COUNT(never); i++)
		j11_json_boolean(o, never[i], false);
}

/* A key as its name stands for it: the kid of one version shows the others too. */
enum front_outcome front_transit_key(struct front_request *q)
{
	const struct catalog_key *key = front_find_key(q);
	const struct conf_key *conf = key != NULL ? conf_find_key(q->front->conf, key->name) : NULL;
	const struct front_transit_way *way;
	struct j11_json_out o;

	if (key == NULL)
		return FRONT_REPLY;
	if (key->is_version && catalog_key_named(q->front->catalog, key->name) != NULL)
		key = catalog_key_named(q->front->catalog, key->name);
	way = way_of(key);
	if (front_key_is_barred(q, key))
		return FRONT_REPLY;
	if (conf != NULL && conf->use == CONF_USE_ENC)
		return front_problem(q, J11_CODE_UNSUPPORTED, "key \"%s\" decrypts; this API has keys for signatures only", key->name);
	if (catalog_key_is_secret(key))
		return front_problem(q, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: it has no public half", key->name);
	if (key->pem[0] == '\0')
		return front_problem(q, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": its public half has not been seen yet (%s)", key->name, catalog_key_state(key));
	if (way == NULL)
		return front_problem(q, J11_CODE_UNSUPPORTED, "key \"%s\" does %s, which this API has no name for", key->name, key->alg);
	o = begin(q);
	write_key(q, key, way, &o);
	return end(q, &o, "transit");
}

/* ---- the caller ---- */

/* A token that never ends and may do what policy says: whoever has a [client] section. The one that was sent is not looked at. */
enum front_outcome front_transit_self(struct front_request *q)
{
	const struct policy_peer *who = front_peer_get(q->peer);
	const struct conf *conf = q->front->conf;
	struct j11_json_out o;
	char name[32];

	if (who == NULL)
		return front_problem(q, J11_CODE_PEER_DENIED, "the kernel does not say who is calling");
	snprintf(name, sizeof(name), "uid-%u", (unsigned)who->uid);
	o = begin(q);
	j11_json_str(&o, "display_name", name);
	j11_json_str(&o, "type", "service");
	j11_json_str(&o, "id", "");
	j11_json_str(&o, "accessor", "");
	j11_json_str(&o, "entity_id", "");
	j11_json_str(&o, "path", "");
	j11_json_open(&o, "policies", '[');
	for (const struct conf_client *c = policy_next_client(conf, who, NULL); c != NULL; c = policy_next_client(conf, who, c))
		j11_json_str(&o, NULL, c->name);
	j11_json_close(&o);
	j11_json_num(&o, "ttl", 0);
	j11_json_num(&o, "creation_ttl", 0);
	j11_json_num(&o, "explicit_max_ttl", 0);
	j11_json_num(&o, "num_uses", 0);
	j11_json_null(&o, "expire_time");
	j11_json_boolean(&o, "orphan", true);
	j11_json_boolean(&o, "renewable", false);
	return end(q, &o, "token");
}
