/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers around one request in the front: who asks, which key is meant, how a refusal looks. */
#include "front.h"

#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/ckr.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "front_transit.h"
#include "http_media.h"
#include "peer.h"
#include "problem.h"

const struct policy_peer *front_peer_get(struct front_peer *peer)
{
	if (!peer->asked) {
		peer->asked = true;
		peer->known = peer_ask(peer->fd, &peer->peer);
	}
	peer->peer.socket = peer->socket;
	peer->peer.unit = peer->unit;
	peer->peer.executable = peer->executable;
	return peer->known ? &peer->peer : NULL;
}

bool front_peer_lacks_facts(const struct front *front, const struct front_peer *peer)
{
	return front->wants_facts && (peer->facts == FRONT_FACTS_UNKNOWN || peer->facts_generation != front->conf_generation);
}

static char *copy_of(const struct wire_msg *msg, enum wire_field field)
{
	return msg->field[field].data != NULL ? j11_mem_dup_n(msg->field[field].data, msg->field[field].len) : NULL;
}

void front_peer_take_facts(const struct front *front, struct front_peer *peer, const struct wire_msg *msg)
{
	peer->facts_generation = front->conf_generation;
	peer->facts = msg != NULL ? FRONT_FACTS_KNOWN : FRONT_FACTS_REFUSED;
	if (msg == NULL)
		return;
	front_peer_done(peer);
	peer->unit = copy_of(msg, WIRE_F_UNIT);
	peer->executable = copy_of(msg, WIRE_F_EXECUTABLE);
	peer->generation = 0; /* what matched may change */
}

void front_peer_done(struct front_peer *peer)
{
	j11_mem_free(peer->unit);
	j11_mem_free(peer->executable);
	peer->unit = peer->executable = NULL;
}

bool front_peer_matches(const struct front *front, struct front_peer *peer)
{
	const struct policy_peer *who = front_peer_get(peer);

	if (who == NULL)
		return false;
	if (peer->generation != front->conf_generation) {
		peer->matched = policy_next_client(front->conf, who, NULL) != NULL;
		peer->generation = front->conf_generation;
	}
	return peer->matched;
}

/* Field by field: clearing the room for a key would cost more than the rest of a small request. */
void front_request_start(struct front_request *q, struct front *front, enum front_socket socket, struct front_peer *peer,
	const char *request_id)
{
	q->front = front;
	q->socket = socket;
	q->peer = peer;
	q->request_id = request_id;
	q->http = NULL;
	q->body = (struct jwk11_view){ .len = 0 };
	q->datagram = NULL;
	q->pending = NULL;
	q->type = 0;
	q->key[0] = '\0';
	q->op = NULL;
	q->hash[0] = '\0';
	q->about_token = false;
	q->transit = false;
	q->code = J11_CODE_INTERNAL;
	q->module = NULL;
	q->id = 0;
	q->batch = NULL;
	q->reply = (struct http_reply){ .status = 500 };
}

enum front_outcome front_problem_full(struct front_request *q, const struct problem *p)
{
	struct jwk11_buf *body = &q->front->body;

	if (q->transit)
		return front_transit_problem(q, p);
	jwk11_buf_reset(body);
	problem_write(body, p);
	q->code = p->code;
	q->reply.status = problem_status(p->code);
	q->reply.type = PROBLEM_TYPE;
	q->reply.body = j11_buf_view(body);
	q->reply.cache_control = "no-store";
	q->reply.retry_after = problem_retry_after(p->code);
	return FRONT_REPLY;
}

enum front_outcome front_problem(struct front_request *q, enum j11_code code, const char *detail, ...)
{
	char text[JWK11_TEXT_MAX];
	va_list ap;

	va_start(ap, detail);
	vsnprintf(text, sizeof(text), detail, ap);
	va_end(ap);
	return front_problem_full(q, &(struct problem){ .code = code, .detail = j11_view_str(text), .request_id = j11_view_str(q->request_id) });
}

enum front_outcome front_problem_err(struct front_request *q, const struct jwk11_err *err)
{
	struct problem p = {
		.code = j11_code_find(err->code),
		.detail = j11_view_str(err->text),
		.hint = j11_view_str(err->hint),
		.request_id = j11_view_str(q->request_id),
	};

	if (err->has_ckr)
		p.ckr = j11_view_str(j11_ckr_name(err->ckr));
	return front_problem_full(q, &p);
}

enum front_outcome front_problem_fault(struct front_request *q, const struct wire_msg *msg)
{
	char word[JWK11_CODE_MAX];
	uint64_t ckr;
	struct problem p = {
		.code = J11_CODE_INTERNAL,
		.detail = msg->field[WIRE_F_TEXT],
		.token = msg->field[WIRE_F_TOKEN],
		.hint = msg->field[WIRE_F_HINT],
		.request_id = j11_view_str(q->request_id),
	};

	if (wire_str(msg, WIRE_F_CODE, word, sizeof(word)))
		p.code = j11_code_find(word);
	if (wire_num(msg, WIRE_F_CKR, &ckr))
		p.ckr = j11_view_str(j11_ckr_name((unsigned long)ckr));
	return front_problem_full(q, &p);
}

enum front_outcome front_send_body(struct front_request *q, const char *type)
{
	struct jwk11_err err = { .rc = JWK11_OK };

	if (j11_buf_check(&q->front->body, "the reply", &err) != JWK11_OK)
		return front_problem(q, J11_CODE_MEMORY, "the reply could not be put together");
	q->reply.status = 200;
	q->reply.type = type;
	q->reply.body = j11_buf_view(&q->front->body);
	return FRONT_REPLY;
}

const struct catalog_key *front_kid_rival(const struct front *front, const struct catalog_key *key)
{
	const struct catalog_key *other = catalog_key_of_kid(front->catalog, key->kid);

	if (other == NULL || other->next_kid == NULL)
		return NULL;
	for (; other != NULL; other = other->next_kid)
		if (!other->outdated && (catalog_key_is_secret(key) || !j11_text_equal(other->jwk, key->jwk)) && conf_key_index(front->conf, other->name) < conf_key_index(front->conf, key->name))
			return other;
	return NULL;
}

static const char *name_of(const struct catalog_key *key)
{
	return catalog_key_is_secret(key) ? "a secret key" : key->thumbprint;
}

void front_rival_text(const struct catalog_key *key, char ret_text[JWK11_TEXT_MAX])
{
	const struct catalog_key *a = key, *b = key->rival;

	if (catalog_key_is_secret(a) && catalog_key_is_secret(b))
		snprintf(ret_text, JWK11_TEXT_MAX, "secret keys in module %s and in module %s match its uri, and nothing shows that they are one", a->module,
			b->module);
	else
		snprintf(ret_text, JWK11_TEXT_MAX, "different keys match its uri: %s in module %s, %s in module %s", name_of(a), a->module, name_of(b),
			b->module);
}

void front_add_text(struct front_request *q, enum wire_field field, struct jwk11_view text)
{
	if (text.data != NULL)
		wire_add(q->datagram, field, text);
}

enum jwk11_rc front_add_octets(struct front_request *q, enum wire_field field, struct jwk11_view text, const char *name, struct jwk11_err *err)
{
	struct jwk11_buf *octets = &q->front->octets;
	enum jwk11_rc rc;

	if (text.data == NULL)
		return JWK11_OK;
	jwk11_buf_reset(octets);
	rc = j11_b64url_decode(text, name, octets, err);
	if (rc == JWK11_OK)
		wire_add(q->datagram, field, j11_buf_view(octets));
	return rc;
}

static void refuse_rivals(struct front_request *q, const struct catalog_key *key)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	char text[JWK11_TEXT_MAX];

	front_rival_text(key, text);
	j11_err_set(&err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "key \"%s\": %s", key->name, text);
	j11_err_hint(&err, "module = in the [token] section, or a uri that one of them matches alone");
	front_problem_err(q, &err);
}

bool front_key_is_barred(struct front_request *q, const struct catalog_key *key)
{
	if (key->rival != NULL)
		refuse_rivals(q, key);
	else if (front_kid_rival(q->front, key) != NULL)
		front_problem(q, J11_CODE_KID_TAKEN, "key \"%s\": its kid is that of another key, in another module", key->name);
	else
		return false;
	return true;
}

/* As somebody would write it. */
static void refuse_rate(struct front_request *q, const struct conf_client *client, unsigned wait)
{
	int64_t a_unit = client->rate % 3600 == 0 ? 3600 : client->rate % 60 == 0 ? 60 : 1;

	front_problem(q, J11_CODE_RATE_EXCEEDED, "[client %s] gives each of its users %lld requests a%s, and %u at once", client->name,
		(long long)(client->rate / a_unit), a_unit == 3600 ? " second" : a_unit == 60 ? " minute" : "n hour", client->burst);
	q->reply.retry_after = wait;
}

static const struct conf_client *who_grants(const struct conf *conf, const struct policy_peer *who, const struct catalog_key *key, enum conf_op op,
	const struct j11_template *t)
{
	return t != NULL ? policy_decide_template(conf, who, key->name, key->alg, t).client : policy_decide(conf, who, key->name, key->alg, op).client;
}

bool front_within_rate(struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct j11_template *t)
{
	struct front *front = q->front;
	const struct policy_peer *who = front_peer_get(q->peer);
	const struct conf_client *client = who != NULL ? who_grants(front->conf, who, key, op, t) : NULL;
	unsigned wait;

	if (client == NULL || client->rate == 0)
		return true;
	wait = user_ask(q->peer->user, (size_t)(client - front->conf->clients), client->rate, client->burst, loop_now(front->loop));
	if (wait == 0)
		return true;
	count_one(&front->counts, COUNT_rate_refused);
	refuse_rate(q, client, wait);
	return false;
}

/* Two names may share a kid; the first one this peer may see is meant. Of one name in two modules it is the one that the name stands for. */
static const struct catalog_key *by_kid(const struct front_request *q, const struct policy_peer *who)
{
	const struct front *front = q->front;
	const struct catalog_key *key = catalog_key_of_kid(front->catalog, q->key);

	while (key != NULL && (!policy_sees(front->conf, who, key->name) || front_kid_rival(front, key) != NULL ||
		!catalog_key_stands(front->catalog, key)))
		key = key->next_kid;
	return key;
}

static void unknown_key(struct front_request *q, const struct policy_peer *who)
{
	const char *nearest = policy_nearest_key(q->front->conf, who, q->key);
	struct jwk11_err err = { .rc = JWK11_OK };
	char shown[96];

	j11_text_printable(j11_view_str(q->key), shown, sizeof(shown));
	j11_err_set(&err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, nearest ? "no key \"%s\". Did you mean %s?" : "no key \"%s\"", shown, nearest);
	j11_err_hint(&err, "jwk11 list, or GET /v1/keys");
	front_problem_err(q, &err);
}

/* A key the peer may not see does not exist for it: same code, same words. */
const struct catalog_key *front_find_key(struct front_request *q)
{
	const struct front *front = q->front;
	const struct policy_peer *who = front_peer_get(q->peer);
	const struct catalog_key *key;

	if (who == NULL) {
		front_problem(q, J11_CODE_PEER_DENIED, "the kernel does not say who is calling");
		return NULL;
	}
	key = catalog_key_named(front->catalog, q->key);
	if (key != NULL && policy_sees(front->conf, who, q->key))
		return key;
	if (key == NULL && conf_find_key(front->conf, q->key) != NULL && policy_sees(front->conf, who, q->key)) {
		front_problem(q, J11_CODE_NOT_READY, "key \"%s\": no worker has reported it yet", q->key);
		return NULL;
	}
	key = by_kid(q, who);
	if (key != NULL)
		return key;
	if (catalog_generation(front->catalog) == 0) {
		front_problem(q, J11_CODE_NOT_READY, "no worker has reported its keys yet");
		return NULL;
	}
	unknown_key(q, who);
	return NULL;
}

/* splitmix64: unpredictable enough to tell requests apart, which is all an identifier is for. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void front_make_id(struct front *front, struct jwk11_view sent, char ret_id[FRONT_ID_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t n;

	if (sent.data != NULL && http_media_is_id(sent)) {
		memcpy(ret_id, sent.data, sent.len);
		ret_id[sent.len] = '\0';
		return;
	}
	n = next_random(&front->id_state);
	for (unsigned i = 0; i < 16; i++)
		ret_id[i] = digits[n >> (60 - 4 * i) & 15];
	ret_id[16] = '\0';
}
