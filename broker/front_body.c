/* SPDX-License-Identifier: Apache-2.0 */
/* Signing requests in the front: field tables for the bodies, typed fields for the worker, and replies. A worker's text reaches the
 * client only through the JSON writer or after a check of its characters. */
#include "front_body.h"

#include <string.h>

#include "base/b64.h"
#include "base/ckr.h"
#include "base/err.h"
#include "base/text.h"
#include "front_csr.h"
#include "front_jws.h"
#include "front_proof.h"
#include "front_transit.h"
#include "json/json_take.h"
#include "json/json_write.h"
#include "problem.h"

const char *const front_body_jwt_types[2] = { "application/jwt", "application/json" };
const char *const front_body_decrypt_types[2] = { "application/json", "application/octet-stream" };

#define NO_TTL INT64_MIN

/* Every member any of the bodies may have; absent ones stay as `nothing`. */
struct members {
	struct jwk11_view alg;
	struct jwk11_view input;
	struct jwk11_view digest;
	struct jwk11_view signature;
	struct jwk11_view encoding;
	struct jwk11_view typ;
	const struct j11_json *claims;
	const struct j11_json *protected_header;
	const struct j11_json *jwe;
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
static const struct j11_json_field jwt_fields[] = {
	MEMBER("alg", STRING, alg, false),
	MEMBER("claims", OBJECT, claims, true),
	MEMBER("ttl", NUMBER, ttl, false),
	MEMBER("typ", STRING, typ, false),
	MEMBER("protected", OBJECT, protected_header, false),
};
static const struct j11_json_field verify_fields[] = {
	MEMBER("alg", STRING, alg, false),
	MEMBER("input", STRING, input, true),
	MEMBER("signature", STRING, signature, true),
};
/* Any serialisation: the compact one as a string, a JSON one as an object. */
static const struct j11_json_field decrypt_fields[] = {
	MEMBER("alg", STRING, alg, false),
	MEMBER("jwe", ANY, jwe, true),
};
static const struct body {
	const struct j11_json_field *fields; /* NULL: a file of its own */
	size_t n_fields;
	enum wire_type type;
} bodies[CONF_N_OPS] = {
	[CONF_OP_DECRYPT] = { decrypt_fields, J11_COUNT(decrypt_fields), WIRE_DECRYPT },
	[CONF_OP_VERIFY] = { verify_fields, J11_COUNT(verify_fields), WIRE_VERIFY },
	[CONF_OP_SIGN] = { sign_fields, J11_COUNT(sign_fields), WIRE_SIGN },
	[CONF_OP_JWS] = { NULL, 0, WIRE_JWS },
	[CONF_OP_JWT] = { jwt_fields, J11_COUNT(jwt_fields), WIRE_JWT },
	[CONF_OP_CSR] = { NULL, 0, WIRE_CSR },
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

static enum jwk11_rc add_jwe(struct front_request *q, const struct j11_json *jwe, struct jwk11_err *err)
{
	if (jwe == NULL)
		return JWK11_OK;
	if (jwe->type != J11_JSON_STRING && jwe->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: member \"jwe\" must be a string or an object");
	wire_add(q->datagram, WIRE_F_JWE, jwe->type == J11_JSON_STRING ? jwe->text : jwe->raw);
	return JWK11_OK;
}

static enum jwk11_rc add_members(struct front_request *q, const struct members *m, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	front_add_text(q, WIRE_F_ALG, m->alg);
	front_add_text(q, WIRE_F_ENCODING, m->encoding);
	front_add_text(q, WIRE_F_TYP, m->typ);
	rc = front_add_octets(q, WIRE_F_INPUT, m->input, "member \"input\"", err);
	if (rc == JWK11_OK)
		rc = front_add_octets(q, WIRE_F_DIGEST, m->digest, "member \"digest\"", err);
	if (rc == JWK11_OK)
		rc = front_add_octets(q, WIRE_F_SIGNATURE, m->signature, "member \"signature\"", err);
	if (rc == JWK11_OK)
		rc = add_jwe(q, m->jwe, err);
	if (m->protected_header != NULL)
		wire_add(q->datagram, WIRE_F_HEADER, m->protected_header->raw);
	if (m->claims != NULL)
		wire_add(q->datagram, WIRE_F_CLAIMS, m->claims->raw);
	if (m->ttl != NO_TTL)
		wire_add_num(q->datagram, WIRE_F_TTL, (uint64_t)m->ttl);
	return rc;
}

static enum jwk11_rc take_body(struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct j11_json *root, struct jwk11_err *err)
{
	const struct body *body = &bodies[op];
	struct members m = nothing;
	enum jwk11_rc rc;

	if (q->transit)
		return front_transit_take(q, key, op, root, err);
	if (front_proof_is(op, root))
		return front_proof_take(q, op, root, err);
	if (body->fields == NULL)
		return op == CONF_OP_CSR ? front_csr_take(q, root, err) : front_jws_take(q, root, err);
	rc = j11_json_take(root, body->fields, body->n_fields, false, "request body", &m, err);
	if (rc == JWK11_OK && op == CONF_OP_SIGN)
		rc = check_sign(&m, err);
	if (rc == JWK11_OK)
		rc = check_ttl(&m, err);
	return rc == JWK11_OK ? add_members(q, &m, err) : rc;
}

static enum jwk11_rc encode(struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct j11_json *root, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	q->id = calls_next_id(q->front->calls);
	jwk11_buf_reset(q->datagram);
	wire_begin(q->datagram, bodies[op].type, q->id);
	rc = take_body(q, key, op, root, err);
	wire_add_str(q->datagram, WIRE_F_KEY, q->key);
	wire_add_str(q->datagram, WIRE_F_REQUEST_ID, q->request_id);
	if (rc == JWK11_OK && q->datagram->failed == JWK11_ERR_LIMIT)
		rc = j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "the request is longer than a message to a worker may be");
	return rc == JWK11_OK ? j11_buf_check(q->datagram, "the request", err) : rc;
}

/* The key, once it is one that can be asked for now; NULL: a problem has been filled in. */
static const struct catalog_key *admit(struct front_request *q, enum conf_op op)
{
	const struct catalog_key *key = front_find_key(q);

	if (key == NULL)
		return NULL;
	*q->pending = (struct front_pending){ .op = op, .transit = q->transit, .meter = meter_key(&q->front->meter, key->name) };
	return front_key_is_barred(q, key) ? NULL : key;
}

/* A message for a worker; false: a problem has been filled in. Which section's rate it takes one of is known once the body is. */
static bool prepare(struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct j11_json *root)
{
	struct jwk11_err err = { .rc = JWK11_OK };

	if (!front_within_rate(q, key, op, front_proof_of(op, root)))
		return false;
	if (encode(q, key, op, root, &err) == JWK11_OK)
		return true;
	front_problem_err(q, &err);
	return false;
}

enum front_outcome front_body_item(struct front_request *q, enum conf_op op, const struct j11_json *members)
{
	const struct catalog_key *key = admit(q, op);

	if (key == NULL || !prepare(q, key, op, members))
		return FRONT_REPLY;
	q->pending->as_json = true;
	q->pending->in_batch = true;
	q->module = key->module;
	return FRONT_CALL;
}

static enum front_outcome start(struct front_request *q, enum conf_op op)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct catalog_key *key = admit(q, op);
	struct j11_json_limits limits = j11_json_limits_default;
	struct jwk11_err err = { .rc = JWK11_OK };

	if (key == NULL)
		return FRONT_REPLY;
	limits.max_len = q->front->conf->max_body;
	limits.secret = op == CONF_OP_CSR;
	if (j11_json_read(q->body, &limits, "request body", &doc, &err) != JWK11_OK)
		return front_problem_err(q, &err);
	if (!prepare(q, key, op, j11_json_root(doc)) || (op == CONF_OP_JWS && !front_jws_choose(q)))
		return FRONT_REPLY;
	q->pending->csr_type = q->type;
	q->pending->as_json = op == CONF_OP_SIGN || (op == CONF_OP_DECRYPT ? q->type == 0 : q->type == 1);
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

enum front_outcome front_body_verify(struct front_request *q)
{
	return start(q, CONF_OP_VERIFY);
}

enum front_outcome front_body_decrypt(struct front_request *q)
{
	return start(q, CONF_OP_DECRYPT);
}

enum front_outcome front_body_csr(struct front_request *q)
{
	return start(q, CONF_OP_CSR);
}

/* ---- answers ---- */

/* `value` as a string, or as the JSON that it is. */
static void answer_json(struct front_request *q, const struct wire_msg *msg, const char *name, struct jwk11_view value, bool is_json)
{
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	if (q->pending->in_batch)
		j11_json_num(&o, "status", 200);
	if (msg->field[WIRE_F_KID].len > 0)
		j11_json_view(&o, "kid", msg->field[WIRE_F_KID]);
	j11_json_view(&o, "alg", msg->field[WIRE_F_ALG]);
	if (is_json)
		j11_json_raw(&o, name, value);
	else
		j11_json_view(&o, name, value);
	j11_json_close(&o);
	front_send_body(q, "application/json");
}

static void answer_valid(struct front_request *q, const struct wire_msg *msg)
{
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "kid", msg->field[WIRE_F_KID]);
	j11_json_view(&o, "alg", msg->field[WIRE_F_ALG]);
	j11_json_boolean(&o, "valid", true);
	j11_json_close(&o);
	q->reply.cache_control = "no-store";
	front_send_body(q, "application/json");
}

/* A signature with the fields that bring it along. */
static void answer_http(struct front_request *q, const struct wire_msg *msg)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf fields = J11_BUF(WIRE_MAX);
	struct j11_json_out o = J11_JSON_OUT(&fields);

	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "Signature-Input", msg->field[WIRE_F_TEXT]);
	j11_json_view(&o, "Signature", msg->field[WIRE_F_HEADER]);
	j11_json_close(&o);
	if (fields.failed != JWK11_OK)
		front_problem(q, J11_CODE_MEMORY, "no memory for the answer");
	else
		answer_json(q, msg, "fields", j11_buf_view(&fields), true);
}

static void answer_octets(struct front_request *q, const struct wire_msg *msg, const char *name, struct jwk11_view value)
{
	struct jwk11_buf *octets = &q->front->octets;

	jwk11_buf_reset(octets);
	j11_b64url_add(octets, value);
	answer_json(q, msg, name, j11_buf_view(octets), false);
}

/* A bare body goes out as it came; it was looked at before. */
static void answer_text(struct front_request *q, struct jwk11_view text, const char *type)
{
	jwk11_buf_reset(&q->front->body);
	j11_buf_add(&q->front->body, text.data, text.len);
	front_send_body(q, type);
}

static void answer_plaintext(struct front_request *q, const struct wire_msg *msg)
{
	struct jwk11_view plain = msg->field[WIRE_F_PLAINTEXT];

	q->reply.cache_control = "no-store";
	if (q->pending->as_json) {
		answer_octets(q, msg, "plaintext", plain);
		return;
	}
	answer_text(q, plain, front_body_decrypt_types[1]);
}

static void answer_jose(struct front_request *q, const struct wire_msg *msg)
{
	bool jws = q->pending->op == CONF_OP_JWS;
	enum jwk11_jws_form form = jws ? q->pending->form : JWK11_JWS_COMPACT;
	struct jwk11_view text = msg->field[WIRE_F_TEXT];

	if (!front_jws_is(text, form))
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is not a %s serialization", front_jws_form_name(form));
	else if (!q->pending->as_json)
		answer_text(q, text, jws ? front_jws_type_of(form) : front_body_jwt_types[0]);
	else
		answer_json(q, msg, jws ? "jws" : "jwt", text, form != JWK11_JWS_COMPACT);
}

/* A REPLY must hold what was asked for; anything else is a worker gone wrong. */
static void answer_reply(struct front_request *q, const struct wire_msg *msg)
{
	static const enum wire_field fields[CONF_N_OPS] = { [CONF_OP_SIGN] = WIRE_F_SIGNATURE, [CONF_OP_JWS] = WIRE_F_TEXT,
		[CONF_OP_JWT] = WIRE_F_TEXT, [CONF_OP_VERIFY] = WIRE_F_TEXT, [CONF_OP_DECRYPT] = WIRE_F_PLAINTEXT,
		[CONF_OP_CSR] = WIRE_F_DER };
	bool sign = q->pending->op == CONF_OP_SIGN, plain = q->pending->op == CONF_OP_DECRYPT, verify = q->pending->op == CONF_OP_VERIFY;
	struct jwk11_view made = msg->field[fields[q->pending->op]];

	if (made.data == NULL || (made.len == 0 && !plain) || msg->field[WIRE_F_KID].data == NULL || msg->field[WIRE_F_ALG].data == NULL)
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is not complete");
	else if (verify && !j11_view_equals(made, "valid"))
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is neither yes nor no");
	else if (verify)
		answer_valid(q, msg);
	else if (plain)
		answer_plaintext(q, msg);
	else if (q->pending->op == CONF_OP_CSR)
		front_csr_answer(q, msg);
	else if (sign && q->pending->http && (msg->field[WIRE_F_TEXT].len == 0 || msg->field[WIRE_F_HEADER].len == 0))
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is not complete");
	else if (sign && q->pending->http)
		answer_http(q, msg);
	else if (sign)
		answer_octets(q, msg, "signature", made);
	else
		answer_jose(q, msg);
}

void front_body_answer(struct front_request *q, enum call_end end, const struct wire_msg *msg)
{
	q->transit = q->pending->transit;
	switch (end) {
	case CALL_ANSWERED:
		if (q->transit)
			front_transit_answer(q, msg);
		else if (msg->type == WIRE_REPLY)
			answer_reply(q, msg);
		else
			front_problem_fault(q, msg);
		break;
	case CALL_NEVER_SENT:
		front_problem(q, J11_CODE_WORKER_TIMEOUT, "no worker of the key's module was free in time");
		break;
	case CALL_NO_WORKER:
		front_body_refused(q, JWK11_ERR_ABSENT);
		break;
	case CALL_LATE:
		front_problem(q, J11_CODE_WORKER_TIMEOUT, "the token did not answer in time; its worker is restarted");
		break;
	case CALL_DISPLACED:
		front_problem(q, J11_CODE_QUEUE_FULL, "%u requests are waiting for a worker, and you have the most of them", q->front->conf->max_queue);
		break;
	default:
		front_problem(q, J11_CODE_WORKER_LOST, "the worker ended while it held the request, and so did the next one");
	}
}

void front_body_refused(struct front_request *q, enum jwk11_rc rc)
{
	if (rc == JWK11_ERR_ABSENT)
		front_problem(q, J11_CODE_MODULE_FAILED, "the key's module does not start; it is tried again");
	else if (rc == JWK11_ERR_BUSY)
		front_problem(q, J11_CODE_QUEUE_FULL, "%u requests are waiting for a worker already", q->front->conf->max_queue);
	else if (rc == JWK11_ERR_LIMIT)
		front_problem(q, J11_CODE_REQUESTS_EXCEEDED, "you have %u requests under way already", conf_requests_per_user(q->front->conf));
	else
		front_problem(q, J11_CODE_MEMORY, "the request could not be queued");
}
