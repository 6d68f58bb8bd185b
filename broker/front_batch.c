/* SPDX-License-Identifier: Apache-2.0 */
/* Batches. Everything that can be said without a worker is said of all items first. Then a batch has as many calls under way as workers take, and
 * one more that waits for each module: a token that takes its time for each does not let the deadline of the last one pass, other users find the
 * queue as short as ever, and what a client that goes away has not had yet costs nothing. */
#include "front_batch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "front_body.h"
#include "json/json_take.h"
#include "json/json_write.h"

#define RESULTS_MAX (1024u * 1024u) /* octets of all results together */
#define ID_MAX (FRONT_ID_MAX + 4)

struct item {
	struct front_batch *batch;
	enum { ITEM_WAITS, ITEM_UNDER_WAY, ITEM_DONE } state;
	struct call call;
	const char *module;     /* as calls keep it */
	struct jwk11_buf text;  /* the message for a worker, then the result */
	struct front_pending pending;
};
struct front_batch {
	struct front *front;
	enum front_socket socket;
	struct front_peer *peer;
	const char *request_id;
	int fd;
	void (*done)(void *arg, bool abandoned);
	void *arg;
	size_t n, n_done, n_under_way;
	size_t first;    /* all before it have begun */
	size_t n_octets; /* of results */
	struct item items[];
};

void front_batch_free(struct front_batch *batch)
{
	if (batch == NULL)
		return;
	for (size_t i = 0; i < batch->n; i++) {
		calls_forget(batch->front->calls, &batch->items[i].call);
		j11_buf_done(&batch->items[i].text);
	}
	j11_mem_free(batch);
}

/* ---- one item ---- */

/* As a request of its own: with the identifier of the batch's, a dot and its place. */
static void start_item(struct item *item, struct front_request *q, char id[ID_MAX])
{
	struct front_batch *batch = item->batch;

	snprintf(id, ID_MAX, "%s.%zu", batch->request_id, (size_t)(item - batch->items));
	front_request_start(q, batch->front, batch->socket, batch->peer, id);
	q->datagram = &item->text;
	q->pending = &item->pending;
}

/* What the reply of a request of its own would be, as an element of the array. A problem's document says its status itself; when to come again, which
 * a reply says in its head, is one more member. */
static void finish_item(struct item *item, struct front_request *q)
{
	struct front_batch *batch = item->batch;
	struct jwk11_view body;

	if (q->reply.status == 200 && batch->n_octets + q->reply.body.len > RESULTS_MAX)
		front_problem(q, J11_CODE_LIMIT, "the answers of one batch are longer than %u octets together", RESULTS_MAX);
	front_note_result(q);
	body = q->reply.body;
	jwk11_buf_reset(&item->text);
	item->text.max = RESULTS_MAX;
	j11_buf_add(&item->text, body.data, q->reply.retry_after > 0 ? body.len - 1 : body.len);
	if (q->reply.retry_after > 0)
		j11_buf_add_fmt(&item->text, ",\"retry_after\":%u}", q->reply.retry_after);
	batch->n_octets += body.len;
	batch->n_done++;
	item->state = ITEM_DONE;
}

/* ---- the body ---- */

struct item_members {
	struct jwk11_view op, key;
};
static const struct j11_json_field item_fields[] = {
	{ "op", J11_JSON_STRING, offsetof(struct item_members, op), true },
	{ "key", J11_JSON_STRING, offsetof(struct item_members, key), true },
};
static const struct j11_json_field batch_fields[] = {
	{ "requests", J11_JSON_ARRAY, 0, true },
};

/* False: there is no such operation, or not in a batch. */
static bool find_op(struct jwk11_view name, enum conf_op *ret_op)
{
	static const enum conf_op ops[] = { CONF_OP_SIGN, CONF_OP_JWS, CONF_OP_JWT };

	for (size_t i = 0; i < J11_COUNT(ops); i++) {
		if (!j11_view_equals(name, conf_op_name(ops[i])))
			continue;
		*ret_op = ops[i];
		return true;
	}
	return false;
}

/* The members that say what an item is. */
static enum jwk11_rc take_item(const struct j11_json *value, size_t i, struct item_members *ret_m, enum conf_op *ret_op, struct jwk11_err *err)
{
	enum jwk11_rc rc;
	char what[48];

	snprintf(what, sizeof(what), "request body: requests[%zu]", i);
	rc = j11_json_take(value, item_fields, J11_COUNT(item_fields), true, what, ret_m, err);
	if (rc == JWK11_OK && !find_op(ret_m->op, ret_op))
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "%s: \"op\" must be \"sign\", \"jws\" or \"jwt\"", what);
	return rc;
}

/* The array, once it is seen to be one of items. */
static enum jwk11_rc take_requests(const struct j11_json *root, const struct j11_json **ret_requests, struct jwk11_err *err)
{
	const struct j11_json *requests = NULL;
	struct item_members m;
	enum conf_op op;
	enum jwk11_rc rc = j11_json_take(root, batch_fields, J11_COUNT(batch_fields), false, "request body", &requests, err);
	size_t i = 0;

	if (rc != JWK11_OK)
		return rc;
	if (requests->n_children < 1 || requests->n_children > FRONT_BATCH_MAX)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"requests\" holds %zu of them, not 1 to %d", requests->n_children,
			FRONT_BATCH_MAX);
	for (const struct j11_json *value = requests->child; value != NULL && rc == JWK11_OK; value = value->next)
		rc = take_item(value, i++, &m, &op, err);
	*ret_requests = requests;
	return rc;
}

/* The item's message, or its result. */
static void prepare_item(struct item *item, struct j11_json_doc *doc, const struct j11_json *value)
{
	struct front *front = item->batch->front;
	struct item_members m = { .key = { .len = 0 } };
	struct jwk11_err err = { .rc = JWK11_OK };
	struct front_request q;
	enum conf_op op = CONF_OP_SIGN;
	char id[ID_MAX];

	start_item(item, &q, id);
	if (take_item(value, (size_t)(item - item->batch->items), &m, &op, &err) != JWK11_OK) { /* it has been taken before */
		front_problem_err(&q, &err);
		finish_item(item, &q);
		return;
	}
	q.op = conf_op_name(op);
	if (m.key.len >= sizeof(q.key)) {
		front_problem(&q, J11_CODE_KEY_UNKNOWN, "no key has so long a name");
		finish_item(item, &q);
		return;
	}
	memcpy(q.key, m.key.data, m.key.len);
	q.key[m.key.len] = '\0';
	j11_json_remove(doc, value, "op");
	j11_json_remove(doc, value, "key");
	if (front_body_item(&q, op, value) != FRONT_CALL) {
		finish_item(item, &q);
		return;
	}
	item->call.id = q.id;
	item->module = calls_module_name(front->calls, q.module);
	if (item->module == NULL) {
		front_body_refused(&q, JWK11_ERR_MEMORY);
		finish_item(item, &q);
	}
}

static struct front_batch *new_batch(struct front_request *q, size_t n)
{
	struct front_batch *batch = j11_mem_new(sizeof(*batch) + n * sizeof(batch->items[0]));

	if (batch == NULL)
		return NULL;
	batch->front = q->front;
	batch->socket = q->socket;
	batch->peer = q->peer;
	batch->request_id = q->request_id;
	batch->n = n;
	for (size_t i = 0; i < n; i++) {
		batch->items[i].batch = batch;
		batch->items[i].text = J11_BUF(WIRE_MAX);
	}
	return batch;
}

enum front_outcome front_batch(struct front_request *q)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_limits limits = j11_json_limits_default;
	struct jwk11_err err = { .rc = JWK11_OK };
	const struct j11_json *requests = NULL, *value;

	*q->pending = (struct front_pending){ .op = CONF_OP_SIGN };
	limits.max_len = q->front->conf->max_body;
	limits.max_depth += 2; /* each as deep as it may be alone */
	if (j11_json_read(q->body, &limits, "request body", &doc, &err) != JWK11_OK || take_requests(j11_json_root(doc), &requests, &err) != JWK11_OK)
		return front_problem_err(q, &err);
	q->batch = new_batch(q, requests->n_children);
	if (q->batch == NULL)
		return front_problem(q, J11_CODE_MEMORY, "the requests could not be kept");
	value = requests->child;
	for (size_t i = 0; i < q->batch->n; i++, value = value->next)
		prepare_item(&q->batch->items[i], doc, value);
	return FRONT_BATCH;
}

/* ---- under way ---- */

static void feed(struct front_batch *batch);

static void on_item(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	struct item *item = (struct item *)(void *)((char *)call - offsetof(struct item, call));
	struct front_batch *batch = item->batch;
	struct front_request q;
	char id[ID_MAX];

	batch->n_under_way--;
	if (end == CALL_ABANDONED) {
		if (batch->n_under_way == 0)
			batch->done(batch->arg, true);
		return;
	}
	start_item(item, &q, id);
	meter_time(&q.front->meter, item->pending.op, (uint64_t)j11_clock_us() - item->pending.began_us);
	front_body_answer(&q, end, msg);
	finish_item(item, &q);
	feed(batch);
	if (batch->n_done == batch->n)
		batch->done(batch->arg, false);
}

static enum jwk11_rc start_call(struct item *item)
{
	struct front_batch *batch = item->batch;
	struct call *call = &item->call;
	enum jwk11_rc rc;

	call->who = batch->peer->user->uid;
	call->datagram = j11_buf_view(&item->text);
	call->fd = batch->fd;
	call->done = on_item;
	item->pending.began_us = (uint64_t)j11_clock_us();
	batch->front->last_call_ms = loop_now(batch->front->loop);
	rc = calls_start(batch->front->calls, item->module, call);
	if (rc != JWK11_OK)
		return rc;
	item->state = ITEM_UNDER_WAY;
	batch->n_under_way++;
	return JWK11_OK;
}

/* Is there one of this batch in the queue of the module? */
static bool has_waiting(const struct front_batch *batch, const char *module)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i].state == ITEM_UNDER_WAY && batch->items[i].call.state == CALL_QUEUED && batch->items[i].module == module)
			return true;
	return false;
}

/* Starts items until one waits for each module. Where there is no room, those under way make some when they end; when there are none, it is said as to a
 * request. */
static void feed(struct front_batch *batch)
{
	const char *full = NULL; /* a module whose workers have enough */

	while (batch->first < batch->n && batch->items[batch->first].state != ITEM_WAITS)
		batch->first++;
	for (size_t i = batch->first; i < batch->n; i++) {
		struct item *item = &batch->items[i];
		struct front_request q;
		enum jwk11_rc rc;
		char id[ID_MAX];

		if (item->state != ITEM_WAITS || item->module == full)
			continue;
		if (has_waiting(batch, item->module)) {
			full = item->module;
			continue;
		}
		rc = start_call(item);
		if (rc == JWK11_OK)
			continue;
		if ((rc == JWK11_ERR_LIMIT || rc == JWK11_ERR_BUSY) && batch->n_under_way > 0)
			return;
		start_item(item, &q, id);
		front_body_refused(&q, rc);
		finish_item(item, &q);
	}
}

bool front_batch_start(struct front_batch *batch, int fd, void (*done)(void *arg, bool abandoned), void *arg)
{
	batch->fd = fd;
	batch->done = done;
	batch->arg = arg;
	feed(batch);
	return batch->n_done < batch->n;
}

bool front_batch_leave(struct front_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct item *item = &batch->items[i];

		if (item->state == ITEM_UNDER_WAY && calls_leave(&item->call)) {
			item->state = ITEM_DONE;
			batch->n_under_way--;
		}
	}
	return batch->n_under_way == 0;
}

/* ---- the reply ---- */

void front_batch_answer(struct front_batch *batch, struct front_request *q)
{
	struct jwk11_buf *body = &q->front->body;
	struct j11_json_out o = J11_JSON_OUT(body);

	jwk11_buf_reset(body);
	j11_json_open(&o, NULL, '{');
	j11_json_open(&o, "results", '[');
	for (size_t i = 0; i < batch->n; i++) {
		if (batch->items[i].text.failed != JWK11_OK) /* half a result would break them all */
			body->failed = batch->items[i].text.failed;
		j11_json_raw(&o, NULL, j11_buf_view(&batch->items[i].text));
	}
	j11_json_close(&o);
	j11_json_close(&o);
	front_send_body(q, "application/json");
}
