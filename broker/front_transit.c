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
#include "json/json_take.h"
#include "json/json_write.h"
#include "problem.h"

#define JSON "application/json"

/* How Vault names what a key does. */
static const struct way {
	const char *alg;
	const char *type; /* NULL: RSA, with the number of bits */
	const char *name; /* of a version; NULL: the type again */
	const char *hash; /* NULL: it takes whole messages only, and no hash changes that */
	const char *scheme; /* signature_algorithm; NULL: there is no choice */
	unsigned hash_len;
} ways[] = {
	{ "ES256", "ecdsa-p256", "P-256", "sha2-256", NULL, 32 },
	{ "ES384", "ecdsa-p384", "P-384", "sha2-384", NULL, 48 },
	{ "ES512", "ecdsa-p521", "P-521", "sha2-512", NULL, 64 },
	{ "RS256", NULL, NULL, "sha2-256", "pkcs1v15", 32 },
	{ "RS384", NULL, NULL, "sha2-384", "pkcs1v15", 48 },
	{ "RS512", NULL, NULL, "sha2-512", "pkcs1v15", 64 },
	{ "PS256", NULL, NULL, "sha2-256", "pss", 32 },
	{ "PS384", NULL, NULL, "sha2-384", "pss", 48 },
	{ "PS512", NULL, NULL, "sha2-512", "pss", 64 },
	{ "EdDSA", "ed25519", "ed25519", NULL, NULL, 0 },
	{ "Ed25519", "ed25519", "ed25519", NULL, NULL, 0 },
};

static const struct way *way_of(const struct catalog_key *key)
{
	for (size_t i = 0; i < J11_COUNT(ways); i++)
		if (j11_text_equal(ways[i].alg, key->alg) && (ways[i].hash_len > 0 || j11_text_equal(key->crv, "Ed25519")))
			return &ways[i];
	return NULL;
}

static bool is_ecdsa(const struct way *way)
{
	return way->hash != NULL && way->scheme == NULL;
}

/* What clients send with these and what they send for nothing: Vault ignores an empty one. */
enum member {
	M_INPUT, M_HASH, M_OLD_HASH, M_SCHEME, M_MARSHALING, M_PREHASHED, M_VERSION, M_SALT, M_SIGNATURE, M_REFERENCE,
	M_NAME, M_CONTEXT, M_SIGNATURE_CONTEXT, M_HMAC, M_CMAC, M_MAC_LENGTH, M_BATCH,
	N_MEMBERS
};
struct members {
	const struct j11_json *value[N_MEMBERS];
	struct jwk11_view text[N_MEMBERS]; /* data NULL: absent, or null */
};
#define MEMBER(name, which) { name, J11_JSON_ANY, offsetof(struct members, value) + (which) * sizeof(const struct j11_json *), false }
static const struct j11_json_field fields[N_MEMBERS] = {
	[M_INPUT] = MEMBER("input", M_INPUT),
	[M_HASH] = MEMBER("hash_algorithm", M_HASH),
	[M_OLD_HASH] = MEMBER("algorithm", M_OLD_HASH),
	[M_SCHEME] = MEMBER("signature_algorithm", M_SCHEME),
	[M_MARSHALING] = MEMBER("marshaling_algorithm", M_MARSHALING),
	[M_PREHASHED] = MEMBER("prehashed", M_PREHASHED),
	[M_VERSION] = MEMBER("key_version", M_VERSION),
	[M_SALT] = MEMBER("salt_length", M_SALT),
	[M_SIGNATURE] = MEMBER("signature", M_SIGNATURE),
	[M_REFERENCE] = MEMBER("reference", M_REFERENCE),
	[M_NAME] = MEMBER("name", M_NAME),
	[M_CONTEXT] = MEMBER("context", M_CONTEXT),
	[M_SIGNATURE_CONTEXT] = MEMBER("signature_context", M_SIGNATURE_CONTEXT),
	[M_HMAC] = MEMBER("hmac", M_HMAC),
	[M_CMAC] = MEMBER("cmac", M_CMAC),
	[M_MAC_LENGTH] = MEMBER("mac_length", M_MAC_LENGTH),
	[M_BATCH] = MEMBER("batch_input", M_BATCH),
};
/* What would change the answer, and is not done here. */
static const struct {
	enum member member;
	const char *why;
} refused[] = {
	{ M_BATCH, "send one request for each input" },
	{ M_CONTEXT, "no key here is derived from another" },
	{ M_SIGNATURE_CONTEXT, "signatures here have no context" },
	{ M_HMAC, "there is nothing here but signatures" },
	{ M_CMAC, "there is nothing here but signatures" },
};

static enum jwk11_rc bad(struct jwk11_err *err, enum member member, const char *why)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"%s\": %s", fields[member].name, why);
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

/* As texts, since the vault command sends every value as one. */
static enum jwk11_rc read_members(const struct j11_json *root, struct members *m, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_json_take(root, fields, N_MEMBERS, false, "request body", m, err);

	for (unsigned i = 0; rc == JWK11_OK && i < N_MEMBERS; i++) {
		const struct j11_json *v = m->value[i];

		if (v == NULL || v->type == J11_JSON_NULL)
			continue;
		if (v->type == J11_JSON_STRING || v->type == J11_JSON_NUMBER)
			m->text[i] = v->text;
		else if (v->type == J11_JSON_BOOL)
			m->text[i] = v->boolean ? J11_VIEW("true") : J11_VIEW("false");
		else if (i != M_BATCH)
			rc = bad(err, (enum member)i, "must be a single value");
		else
			m->text[i] = v->raw;
	}
	for (size_t i = 0; rc == JWK11_OK && i < J11_COUNT(refused); i++)
		if (m->text[refused[i].member].len > 0)
			rc = bad(err, refused[i].member, refused[i].why);
	if (rc == JWK11_OK && m->text[M_INPUT].data == NULL)
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "request body: member \"input\" is missing");
	return rc;
}

/* A number of a version from 0 on; false: none. */
static bool read_version(struct jwk11_view text, int64_t *ret_n)
{
	uint64_t n = 0;
	bool good = j11_text_to_u64(text, J11_VERSION_MOMENT_MAX, &n);

	*ret_n = (int64_t)n;
	return good;
}

static const char *word_of(struct jwk11_view text, char *room, size_t room_len)
{
	j11_text_printable(text, room, room_len);
	return room;
}

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

/* Only the active version signs, so one that is named must be that. */
static const struct catalog_key *version_to_sign(const struct front_request *q, const struct catalog_key *key, const struct members *m, struct jwk11_err *err)
{
	const struct catalog_key *found;
	int64_t n = 0;

	if (m->text[M_VERSION].len > 0 && !read_version(m->text[M_VERSION], &n)) {
		bad(err, M_VERSION, "must be a number");
		return NULL;
	}
	found = n > 0 ? find_version(q, key, n, err) : key;
	if (found == NULL || found == key)
		return found;
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_NOT_ACTIVE, "key \"%s\": version %lld is %s; version %lld signs", key->name, (long long)n,
		j11_version_state_name(found->version_state), (long long)front_transit_version(key));
	return NULL;
}

/* "vault:vN:" comes off the signature and says by which version it is. */
static const struct catalog_key *version_to_verify(const struct front_request *q, const struct catalog_key *key, struct members *m, struct jwk11_err *err)
{
	static const char start[] = "vault:v";
	struct jwk11_view *sig = &m->text[M_SIGNATURE], number;
	const char *s = sig->data, *colon;
	int64_t n = 0;

	if (sig->len <= sizeof(start) - 1 || memcmp(s, start, sizeof(start) - 1) != 0 ||
		(colon = memchr(s + sizeof(start) - 1, ':', sig->len - (sizeof(start) - 1))) == NULL) {
		bad(err, M_SIGNATURE, "must be vault:vN: and base64");
		return NULL;
	}
	number = (struct jwk11_view){ .data = s + sizeof(start) - 1, .len = (size_t)(colon - s) - (sizeof(start) - 1) };
	*sig = (struct jwk11_view){ .data = colon + 1, .len = sig->len - (size_t)(colon + 1 - s) };
	if (!read_version(number, &n)) {
		bad(err, M_SIGNATURE, "its version is no number");
		return NULL;
	}
	return find_version(q, key, n, err);
}

static enum jwk11_rc mismatch(struct jwk11_err *err, const struct catalog_key *key, enum member member, const char *does, struct jwk11_view asked,
	const char *usual)
{
	char room[64];

	return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" does %s, with %s %s only, not %s%s", key->name, key->alg,
		fields[member].name, does, asked.len > 0 ? word_of(asked, room, sizeof(room)) : usual, asked.len > 0 ? "" : ", which is meant when none is named");
}

/* Hash and scheme must be the key's; of the length of the salt it has one. cosign names no scheme when it verifies, and means that by which it signed. */
static enum jwk11_rc check_way(const struct front_request *q, const struct catalog_key *key, const struct way *way, const struct members *m, enum conf_op op,
	bool prehashed, struct jwk11_err *err)
{
	struct jwk11_view hash = q->hash[0] != '\0' ? j11_view_str(q->hash) : m->text[M_HASH].len > 0 ? m->text[M_HASH] : m->text[M_OLD_HASH];
	struct jwk11_view scheme = m->text[M_SCHEME], salt = m->text[M_SALT];
	const char *usual_hash = op == CONF_OP_VERIFY ? way->hash : "sha2-256", *usual_scheme = op == CONF_OP_VERIFY ? way->scheme : "pss";
	char len[8];

	if (way->hash == NULL)
		return prehashed ? j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" does %s: it signs whole messages and no digests", key->name,
			key->alg) : JWK11_OK;
	if (!j11_view_equals(hash.len > 0 ? hash : j11_view_str(usual_hash), way->hash))
		return mismatch(err, key, M_HASH, way->hash, hash, usual_hash);
	if (way->scheme == NULL)
		return JWK11_OK;
	if (!j11_view_equals(scheme.len > 0 ? scheme : j11_view_str(usual_scheme), way->scheme))
		return mismatch(err, key, M_SCHEME, way->scheme, scheme, usual_scheme);
	snprintf(len, sizeof(len), "%u", way->hash_len);
	if (j11_text_equal(way->scheme, "pss") && salt.len > 0 && !j11_view_equals(salt, "auto") && !j11_view_equals(salt, "hash") && !j11_view_equals(salt, len))
		return mismatch(err, key, M_SALT, len, salt, "auto");
	return JWK11_OK;
}

static enum jwk11_rc read_flags(const struct front_request *q, const struct members *m, bool *ret_prehashed, bool *ret_jws, struct jwk11_err *err)
{
	struct jwk11_view prehashed = m->text[M_PREHASHED], marshaling = m->text[M_MARSHALING];

	if (m->text[M_NAME].len > 0 && !j11_view_equals(m->text[M_NAME], q->key)) /* hvac says it twice */
		return bad(err, M_NAME, "is not the one of the path");
	*ret_prehashed = j11_view_equals(prehashed, "true") || j11_view_equals(prehashed, "1");
	if (!*ret_prehashed && prehashed.len > 0 && !j11_view_equals(prehashed, "false") && !j11_view_equals(prehashed, "0"))
		return bad(err, M_PREHASHED, "must be true or false");
	*ret_jws = j11_view_equals(marshaling, "jws");
	if (!*ret_jws && marshaling.len > 0 && !j11_view_equals(marshaling, "asn1"))
		return bad(err, M_MARSHALING, "must be asn1 or jws");
	return JWK11_OK;
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
	struct members m = { .value = { NULL } };
	const struct catalog_key *version;
	const struct way *way;
	bool prehashed = false, jws = false, named = op == CONF_OP_VERIFY;
	enum jwk11_rc rc = read_members(root, &m, err);

	if (rc == JWK11_OK)
		rc = read_flags(q, &m, &prehashed, &jws, err);
	if (rc != JWK11_OK)
		return rc;
	named = named || m.text[M_VERSION].len > 0;
	version = op == CONF_OP_VERIFY ? version_to_verify(q, key, &m, err) : version_to_sign(q, key, &m, err);
	if (version == NULL)
		return err->rc;
	way = way_of(version);
	if (way == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "key \"%s\" does %s, which this API has no name for; POST /v1/keys/%s/%s does it",
			key->name, version->alg[0] != '\0' ? version->alg : "something", key->name, conf_op_name(op));
	rc = check_way(q, version, way, &m, op, prehashed, err);
	if (rc != JWK11_OK)
		return rc;
	if (named && version->is_version && version->kid[0] != '\0')
		snprintf(q->key, sizeof(q->key), "%s", version->kid);
	q->pending->transit_jws = jws;
	wire_add_str(q->datagram, WIRE_F_ALG, version->alg);
	if (is_ecdsa(way) && !jws)
		wire_add_str(q->datagram, WIRE_F_ENCODING, "der");
	rc = add_base64(q, prehashed ? WIRE_F_DIGEST : WIRE_F_INPUT, m.text[M_INPUT], "member \"input\"", false, err);
	if (rc == JWK11_OK && op == CONF_OP_VERIFY)
		rc = add_base64(q, WIRE_F_SIGNATURE, m.text[M_SIGNATURE], "member \"signature\"", jws, err);
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

static const char *type_of(const struct catalog_key *key, const struct way *way, char room[32])
{
	if (way->type != NULL)
		return way->type;
	snprintf(room, 32, "rsa-%llu", (unsigned long long)key->bits);
	return room;
}

static void add_version(struct front_request *q, const struct catalog_key *key, struct j11_json_out *o)
{
	const struct way *way = way_of(key);
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

static void write_key(struct front_request *q, const struct catalog_key *key, const struct way *way, struct j11_json_out *o)
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
	const struct way *way;
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
