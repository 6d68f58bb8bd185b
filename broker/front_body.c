/* SPDX-License-Identifier: Apache-2.0 */
/* Signing requests in the front: field tables for the bodies, typed fields for the worker, and replies. A worker's text reaches the
 * client only through the JSON writer or after a check of its characters. */
#include "front_body.h"

#include <string.h>

#include "base/b64.h"
#include "base/ckr.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_take.h"
#include "json/json_write.h"
#include "problem.h"

const char *const front_body_jws_types[2] = { "application/jose", "application/json" };
const char *const front_body_jwt_types[2] = { "application/jwt", "application/json" };

#define NO_TTL INT64_MIN

/* Every member any of the three bodies may have; absent ones stay as `nothing`. */
struct members {
	struct jwk11_view alg;
	struct jwk11_view input;
	struct jwk11_view digest;
	struct jwk11_view encoding;
	struct jwk11_view payload;
	const struct j11_json *header;
	const struct j11_json *claims;
	int64_t ttl;
};
static const struct members nothing = { .ttl = NO_TTL };

#define MEMBER(name, type, place, required) { name, J11_JSON_##type, offsetof(struct members, place), required }
static const struct j11_json_field sign_fields[] = {
	MEMBER("alg", STRING, alg, false),
	MEMBER("input", STRING, input, false),
	MEMBER("digest", STRING, digest, false),
	MEMBER("encoding", STRING, encoding, false),
};
static const struct j11_json_field jws_fields[] = {
	MEMBER("alg", STRING, alg, false),
	MEMBER("payload", STRING, payload, true),
	MEMBER("protected", OBJECT, header, false),
};
static const struct j11_json_field jwt_fields[] = {
	MEMBER("alg", STRING, alg, false),
	MEMBER("claims", OBJECT, claims, true),
	MEMBER("ttl", NUMBER, ttl, false),
};
static const struct {
	const struct j11_json_field *fields;
	size_t n_fields;
	enum wire_type type;
} bodies[CONF_N_OPS] = {
	[CONF_OP_SIGN] = { sign_fields, J11_COUNT(sign_fields), WIRE_SIGN },
	[CONF_OP_JWS] = { jws_fields, J11_COUNT(jws_fields), WIRE_JWS },
	[CONF_OP_JWT] = { jwt_fields, J11_COUNT(jwt_fields), WIRE_JWT },
};

static enum jwk11_rc check_sign(const struct members *m, struct jwk11_err *err)
{
	if ((m->input.data != NULL) == (m->digest.data != NULL))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "request body: exactly one of \"input\" and \"digest\" is needed");
	if (m->encoding.data != NULL && !j11_view_equals(m->encoding, "jose") && !j11_view_equals(m->encoding, "der"))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"encoding\" must be \"jose\" or \"der\"");
	return JWK11_OK;
}

static enum jwk11_rc check_ttl(const struct members *m, struct jwk11_err *err)
{
	if (m->ttl != NO_TTL && m->ttl <= 0)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"ttl\" must be a number of seconds above 0");
	return JWK11_OK;
}

static void add_text(struct jwk11_buf *out, enum wire_field field, struct jwk11_view text)
{
	if (text.data != NULL)
		wire_add(out, field, text);
}

/* base64url to octets to a field. */
static enum jwk11_rc add_octets(struct front_request *q, enum wire_field field, struct jwk11_view text, const char *name,
	struct jwk11_err *err)
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

static enum jwk11_rc add_members(struct front_request *q, const struct members *m, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	add_text(q->datagram, WIRE_F_ALG, m->alg);
	add_text(q->datagram, WIRE_F_ENCODING, m->encoding);
	rc = add_octets(q, WIRE_F_INPUT, m->input, "member \"input\"", err);
	if (rc == JWK11_OK)
		rc = add_octets(q, WIRE_F_DIGEST, m->digest, "member \"digest\"", err);
	if (rc == JWK11_OK)
		rc = add_octets(q, WIRE_F_PAYLOAD, m->payload, "member \"payload\"", err);
	if (rc != JWK11_OK)
		return rc;
	if (m->header != NULL)
		wire_add(q->datagram, WIRE_F_HEADER, m->header->raw);
	if (m->claims != NULL)
		wire_add(q->datagram, WIRE_F_CLAIMS, m->claims->raw);
	if (m->ttl != NO_TTL)
		wire_add_num(q->datagram, WIRE_F_TTL, (uint64_t)m->ttl);
	if (q->datagram->failed == JWK11_ERR_LIMIT)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "the request is longer than a message to a worker may be");
	return j11_buf_check(q->datagram, "the request", err);
}

static enum jwk11_rc encode(struct front_request *q, enum conf_op op, const struct j11_json *root, struct jwk11_err *err)
{
	struct members m = nothing;
	enum jwk11_rc rc = j11_json_take(root, bodies[op].fields, bodies[op].n_fields, false, "request body", &m, err);

	if (rc == JWK11_OK && op == CONF_OP_SIGN)
		rc = check_sign(&m, err);
	if (rc == JWK11_OK)
		rc = check_ttl(&m, err);
	if (rc != JWK11_OK)
		return rc;
	q->id = calls_next_id(q->front->calls);
	jwk11_buf_reset(q->datagram);
	wire_begin(q->datagram, bodies[op].type, q->id);
	wire_add_str(q->datagram, WIRE_F_KEY, q->key);
	wire_add_str(q->datagram, WIRE_F_REQUEST_ID, q->request_id);
	return add_members(q, &m, err);
}

static enum front_outcome start(struct front_request *q, enum conf_op op)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct catalog_key *key = front_find_key(q);
	struct j11_json_limits limits = j11_json_limits_default;
	struct jwk11_err err = { .rc = JWK11_OK };

	if (key == NULL)
		return FRONT_REPLY;
	limits.max_len = q->front->conf->max_body;
	if (j11_json_read(q->body, &limits, "request body", &doc, &err) != JWK11_OK || encode(q, op, j11_json_root(doc), &err) != JWK11_OK)
		return front_problem_err(q, &err);
	*q->pending = (struct front_pending){ .op = op, .as_json = op == CONF_OP_SIGN || q->type == 1 };
	q->module = key->module;
	return FRONT_CALL;
}

enum front_outcome front_body_sign(struct front_request *q)
{
	return start(q, CONF_OP_SIGN);
}

enum front_outcome front_body_jws(struct front_request *q)
{
	return start(q, CONF_OP_JWS);
}

enum front_outcome front_body_jwt(struct front_request *q)
{
	return start(q, CONF_OP_JWT);
}

/* ---- answers ---- */

/* A bare body goes out as it came, so it must be nothing but base64url and dots. */
static bool is_compact(struct jwk11_view text)
{
	const char *s = text.data;

	for (size_t i = 0; i < text.len; i++) {
		bool plain = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9');

		if (!plain && s[i] != '-' && s[i] != '_' && s[i] != '.')
			return false;
	}
	return text.len > 0;
}

static void answer_json(struct front_request *q, const struct wire_msg *msg, const char *name, struct jwk11_view value)
{
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "kid", msg->field[WIRE_F_KID]);
	j11_json_view(&o, "alg", msg->field[WIRE_F_ALG]);
	j11_json_view(&o, name, value);
	j11_json_close(&o);
	front_send_body(q, "application/json");
}

static void answer_signature(struct front_request *q, const struct wire_msg *msg)
{
	struct jwk11_buf *octets = &q->front->octets;

	jwk11_buf_reset(octets);
	j11_b64url_add(octets, msg->field[WIRE_F_SIGNATURE]);
	answer_json(q, msg, "signature", j11_buf_view(octets));
}

static void answer_compact(struct front_request *q, const struct wire_msg *msg)
{
	bool jws = q->pending->op == CONF_OP_JWS;
	struct jwk11_view text = msg->field[WIRE_F_TEXT];

	if (q->pending->as_json) {
		answer_json(q, msg, jws ? "jws" : "jwt", text);
		return;
	}
	jwk11_buf_reset(&q->front->body);
	j11_buf_add(&q->front->body, text.data, text.len);
	front_send_body(q, jws ? front_body_jws_types[0] : front_body_jwt_types[0]);
}

/* A REPLY must hold what was asked for; anything else is a worker gone wrong. */
static void answer_reply(struct front_request *q, const struct wire_msg *msg)
{
	bool sign = q->pending->op == CONF_OP_SIGN;
	struct jwk11_view made = msg->field[sign ? WIRE_F_SIGNATURE : WIRE_F_TEXT];

	if (made.data == NULL || made.len == 0 || msg->field[WIRE_F_KID].data == NULL || msg->field[WIRE_F_ALG].data == NULL)
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is not complete");
	else if (!sign && !is_compact(made))
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is not a compact serialisation");
	else if (sign)
		answer_signature(q, msg);
	else
		answer_compact(q, msg);
}

static void answer_fault(struct front_request *q, const struct wire_msg *msg)
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
	front_problem_full(q, &p);
}

void front_body_answer(struct front_request *q, enum call_end end, const struct wire_msg *msg)
{
	switch (end) {
	case CALL_ANSWERED:
		if (msg->type == WIRE_REPLY)
			answer_reply(q, msg);
		else
			answer_fault(q, msg);
		break;
	case CALL_NEVER_SENT:
		front_problem(q, J11_CODE_WORKER_TIMEOUT, "no worker of the key's module was free in time");
		break;
	case CALL_LATE:
		front_problem(q, J11_CODE_WORKER_TIMEOUT, "the token did not answer in time; its worker is restarted");
		break;
	default:
		front_problem(q, J11_CODE_WORKER_LOST, "the worker ended while it held the request, and so did the next one");
	}
}

void front_body_refused(struct front_request *q, enum jwk11_rc rc)
{
	if (rc == JWK11_ERR_BUSY)
		front_problem(q, J11_CODE_QUEUE_FULL, "%u requests are waiting for a worker already", q->front->conf->max_queue);
	else
		front_problem(q, J11_CODE_MEMORY, "the request could not be queued");
}
