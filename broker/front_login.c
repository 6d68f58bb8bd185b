/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of login, logout and rescan to messages, and what the workers said to a reply. A PIN lies in buffers that are wiped, and in none for long. */
#include "front_login.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "json/json_take.h"
#include "json/json_write.h"

enum { BODY_MAX = 8192 };

struct members {
	struct jwk11_view pin, octets;
	bool final_try;
};
static const struct j11_json_field login_fields[] = {
	{ "pin", J11_JSON_STRING, offsetof(struct members, pin), false },
	{ "pin_b64", J11_JSON_STRING, offsetof(struct members, octets), false },
	{ "final_try", J11_JSON_BOOL, offsetof(struct members, final_try), false },
};

/* The PIN, if there is one: without it the token's configured one is meant. */
static enum jwk11_rc add_pin(struct front_request *q, const struct members *m, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf octets = { .max = 2 * J11_SECRET_MAX, .secret = true };
	struct jwk11_view pin = m->pin;
	enum jwk11_rc rc = JWK11_OK;

	if (m->pin.data != NULL && m->octets.data != NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"pin\" and \"pin_b64\" exclude each other");
	if (m->octets.data != NULL) {
		rc = j11_b64url_decode(m->octets, "member \"pin_b64\"", &octets, err);
		pin = j11_buf_view(&octets);
	}
	if (rc != JWK11_OK)
		return rc;
	if (pin.data != NULL && (pin.len == 0 || pin.len > J11_SECRET_MAX))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: a PIN has 1 to %d octets", J11_SECRET_MAX);
	if (pin.data == NULL && m->final_try)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"final_try\" is for a PIN that somebody has given");
	if (pin.data != NULL)
		wire_add(q->datagram, WIRE_F_SECRET, pin);
	if (m->final_try)
		wire_add_num(q->datagram, WIRE_F_FLAGS, 1);
	return JWK11_OK;
}

static enum jwk11_rc encode(struct front_request *q, enum wire_type type, const struct j11_json *root, struct jwk11_err *err)
{
	struct members m = { .final_try = false };
	enum jwk11_rc rc = j11_json_take(root, login_fields, type == WIRE_LOGIN ? J11_COUNT(login_fields) : 0, false, "request body", &m, err);

	if (rc != JWK11_OK)
		return rc;
	q->id = calls_next_id(q->front->calls);
	jwk11_buf_reset(q->datagram);
	q->datagram->secret = true;
	wire_begin(q->datagram, type, q->id);
	wire_add_str(q->datagram, WIRE_F_TOKEN, q->key);
	wire_add_str(q->datagram, WIRE_F_REQUEST_ID, q->request_id);
	rc = type == WIRE_LOGIN ? add_pin(q, &m, err) : JWK11_OK;
	return rc == JWK11_OK ? j11_buf_check(q->datagram, "the request", err) : rc;
}

/* Who may log in to anything is told that it does not exist; nobody else is. */
static enum front_outcome unknown_token(struct front_request *q)
{
	const struct policy_peer *who = front_peer_get(q->peer);
	struct j11_nearest nearest = { .word = q->key };
	struct jwk11_err err = { .rc = JWK11_OK };
	char shown[96];

	j11_text_printable(j11_view_str(q->key), shown, sizeof(shown));
	if (who == NULL)
		return front_problem(q, J11_CODE_PEER_DENIED, "the kernel does not say who is calling");
	if (policy_administers(q->front->conf, who, q->key) == NULL) {
		policy_deny_token(q->front->conf, who, q->key, &err);
		return front_problem_err(q, &err);
	}
	for (size_t i = 0; i < q->front->conf->n_tokens; i++)
		j11_nearest_offer(&nearest, q->front->conf->tokens[i].name);
	j11_err_set(&err, JWK11_ERR_NOT_FOUND, J11_CODE_TOKEN_UNKNOWN, nearest.best ? "no token \"%s\". Did you mean %s?" : "no token \"%s\"", shown,
		nearest.best);
	j11_err_hint(&err, "jwk11 tokens, or GET /v1/tokens");
	return front_problem_err(q, &err);
}

/* The module that has the token, or is to have it. */
static const char *module_of(const struct front *front, const struct conf_token *token)
{
	const char *module = NULL;

	if (catalog_token_named(front->catalog, token->name, &module) != NULL)
		return module;
	return token->module;
}

static enum front_outcome start(struct front_request *q, enum wire_type type)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_limits limits = j11_json_limits_default;
	const struct conf_token *token = conf_find_token(q->front->conf, q->key);
	struct jwk11_err err = { .rc = JWK11_OK };

	if (token == NULL)
		return unknown_token(q);
	*q->pending = (struct front_pending){ .login = { .on = true, .rescan = type == WIRE_RESCAN } };
	snprintf(q->pending->login.token, sizeof(q->pending->login.token), "%s", token->name);
	q->module = module_of(q->front, token);
	if (q->module == NULL || !calls_next_worker(q->front->calls, q->module, 0, &q->pending->login.index))
		return front_problem(q, J11_CODE_NOT_READY, "token \"%s\": no worker has reported it yet", token->name);
	limits.max_len = BODY_MAX;
	limits.secret = true;
	if (j11_json_read(q->body, &limits, "request body", &doc, &err) != JWK11_OK || encode(q, type, j11_json_root(doc), &err) != JWK11_OK)
		return front_problem_err(q, &err);
	return FRONT_CALL;
}

enum front_outcome front_login_in(struct front_request *q)
{
	return start(q, WIRE_LOGIN);
}

enum front_outcome front_login_out(struct front_request *q)
{
	return start(q, WIRE_LOGOUT);
}

enum front_outcome front_login_rescan(struct front_request *q)
{
	return start(q, WIRE_RESCAN);
}

void front_login_take(struct front_login *login, const struct wire_msg *msg)
{
	uint64_t flags = 0;

	login->n_workers++;
	if (wire_num(msg, WIRE_F_FLAGS, &flags) && flags == 1)
		login->tried = true;
	if (!wire_str(msg, WIRE_F_STATE, login->state, sizeof(login->state)))
		snprintf(login->state, sizeof(login->state), "%s", "unknown");
}

static void answer_done(struct front_request *q)
{
	const struct front_login *login = &q->pending->login;
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "token", login->token);
	j11_json_str(&o, "state", login->state);
	j11_json_num(&o, "workers", login->n_workers);
	if (!login->rescan)
		j11_json_boolean(&o, "pin_tried", login->tried);
	j11_json_close(&o);
	front_send_body(q, "application/json");
}

void front_login_answer(struct front_request *q, enum call_end end, const struct wire_msg *msg)
{
	if (end == CALL_ANSWERED && msg->type == WIRE_TOKEN_IS)
		answer_done(q);
	else if (end == CALL_ANSWERED)
		front_problem_fault(q, msg);
	else if (q->pending->login.rescan)
		front_problem(q, end == CALL_LATE ? J11_CODE_WORKER_TIMEOUT : J11_CODE_WORKER_LOST, "a worker of token \"%s\" did not come to the end of its look; "
			"one that is started looks by itself", q->pending->login.token);
	else if (end == CALL_LATE)
		front_problem(q, J11_CODE_WORKER_TIMEOUT, "token \"%s\" did not answer in time; its worker is restarted. The PIN may have been counted as a try: look at "
			"its state before the next one", q->pending->login.token);
	else
		front_problem(q, J11_CODE_WORKER_LOST, "the worker ended while it held the request for token \"%s\". The PIN may have been counted as a try: look at "
			"its state before the next one", q->pending->login.token);
}

void front_login_refused(struct front_request *q, enum jwk11_rc rc)
{
	if (rc == JWK11_ERR_BUSY)
		front_problem(q, J11_CODE_QUEUE_FULL, "another login is under way there");
	else if (rc == JWK11_ERR_ABSENT)
		front_problem(q, J11_CODE_NOT_READY, "the token's worker has just gone; another one is started");
	else
		front_problem(q, J11_CODE_MEMORY, "the request could not be sent");
}
