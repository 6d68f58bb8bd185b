/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's request while a worker has it: sent, answered, and for some of them sent to the next one. One at a time. */
#include "front_conn_in.h"

#include "base/clock.h"
#include "front_batch.h"
#include "front_body.h"
#include "front_login.h"

#define LOGIN_MS 60000 /* for one worker's login, if a request may not take longer anyway */

static struct front_conn *conn_of(struct call *call)
{
	return (struct front_conn *)(void *)((char *)call - offsetof(struct front_conn, call));
}

/* A PIN is not kept longer than it is needed. */
static void forget_datagram(struct front_conn *conn)
{
	if (conn->datagram.secret)
		j11_buf_done(&conn->datagram);
	else
		front_conn_release(&conn->datagram);
	conn->datagram.secret = false;
}

static void reply(struct front_conn *conn, struct front_request *q)
{
	q->reply.request_id = conn->request_id;
	q->reply.cache_control = "no-store";
	conn->ending = conn->ending || conn->close_asked;
	forget_datagram(conn);
	front_conn_reply(conn, q);
}

/* What a call ends with: the reply, and the next request. */
static void answer_call(struct front_conn *conn, struct front_request *q)
{
	conn->phase = PHASE_IDLE;
	reply(conn, q);
	front_conn_touch(conn);
	front_conn_proceed(conn, (struct jwk11_view){ .len = 0 });
}

static void on_done(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	struct front_conn *conn = conn_of(call);
	struct front_request q;

	if (end == CALL_ABANDONED) {
		front_conn_bury(conn);
		return;
	}
	front_request_start(&q, conn->conns->front, conn->socket, &conn->peer, conn->request_id);
	q.pending = &conn->pending;
	meter_time(&q.front->meter, conn->pending.op, (uint64_t)j11_clock_us() - conn->pending.began_us);
	front_body_answer(&q, end, msg);
	answer_call(conn, &q);
}

static struct call *prepare_call(struct front_conn *conn, uint64_t id, void (*done)(struct call *, enum call_end, const struct wire_msg *))
{
	struct call *call = &conn->call;

	call->id = id;
	call->who = conn->peer.user->uid;
	call->datagram = j11_buf_view(&conn->datagram);
	call->fd = conn->watch.fd;
	call->done = done;
	conn->pending.began_us = (uint64_t)j11_clock_us();
	conn->conns->front->last_call_ms = loop_now(conn->conns->front->loop);
	return call;
}

static void wait_for_call(struct front_conn *conn)
{
	conn->phase = PHASE_WAITING;
	loop_timer_clear(&conn->timer);
}

/* What lies in conn->datagram, to a worker of this module. */
static enum jwk11_rc send_call(struct front_conn *conn, const char *module, uint64_t id, void (*done)(struct call *, enum call_end, const struct wire_msg *))
{
	enum jwk11_rc rc = calls_start(conn->conns->front->calls, module, prepare_call(conn, id, done));

	if (rc == JWK11_OK)
		wait_for_call(conn);
	return rc;
}

static void on_login(struct call *call, enum call_end end, const struct wire_msg *msg);

/* The same to the worker whose turn it is. A token may take its time for a login, and one that is cut off may be counted. */
static enum jwk11_rc send_login(struct front_conn *conn, const char *module, uint64_t id)
{
	int64_t timeout = conn->conns->front->conf->request_timeout_ms;
	enum jwk11_rc rc = calls_start_on(conn->conns->front->calls, module, conn->pending.login.index, timeout > LOGIN_MS ? timeout : LOGIN_MS,
		prepare_call(conn, id, on_login));

	if (rc == JWK11_OK)
		wait_for_call(conn);
	return rc;
}

/* One worker has it; the next one's turn. */
static void on_login(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	struct front_conn *conn = conn_of(call);
	struct front_login *login = &conn->pending.login;
	struct front_request q;

	if (end == CALL_ABANDONED) {
		forget_datagram(conn);
		front_conn_bury(conn);
		return;
	}
	if (end == CALL_ANSWERED && msg->type == WIRE_TOKEN_IS) {
		front_login_take(login, msg);
		if (calls_next_worker(conn->conns->front->calls, calls_module_of(call), login->index + 1, &login->index) &&
			send_login(conn, calls_module_of(call), call->id) == JWK11_OK)
			return;
	}
	front_request_start(&q, conn->conns->front, conn->socket, &conn->peer, conn->request_id);
	q.pending = &conn->pending;
	front_login_answer(&q, end, msg);
	answer_call(conn, &q);
}

/* The request that was waiting for it is still in conn->in, and looked at again. */
static void on_who(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	struct front_conn *conn = conn_of(call);

	if (end == CALL_ABANDONED) {
		front_conn_bury(conn);
		return;
	}
	front_peer_take_facts(conn->conns->front, &conn->peer, end == CALL_ANSWERED && msg->type == WIRE_WHO_IS ? msg : NULL);
	conn->phase = PHASE_IDLE;
	front_conn_release(&conn->datagram);
	front_conn_proceed(conn, (struct jwk11_view){ .len = 0 });
}

/* The module with the shortest queue: any worker can ask the kernel. */
static const char *idlest_module(const struct front *front)
{
	struct calls_module_state state;
	const char *best = front->conf->modules[0];
	size_t least = SIZE_MAX;

	for (size_t i = 0; calls_module_at(front->calls, i, &state); i++) {
		if (state.n_workers <= state.n_late || state.n_waiting + state.n_flying >= least)
			continue;
		least = state.n_waiting + state.n_flying;
		best = state.name;
	}
	return best;
}

/* False: nobody can be asked now, and the peer's facts say so. */
bool front_call_who(struct front_conn *conn)
{
	struct front *front = conn->conns->front;
	uint64_t id = calls_next_id(front->calls);
	const char *module = idlest_module(front);

	jwk11_buf_reset(&conn->datagram);
	wire_begin(&conn->datagram, WIRE_WHO, id);
	if (module != NULL && conn->datagram.failed == JWK11_OK && send_call(conn, module, id, on_who) == JWK11_OK)
		return true;
	front_peer_take_facts(conn->conns->front, &conn->peer, NULL);
	return false;
}

void front_call_start(struct front_conn *conn, struct front_request *q)
{
	bool login = conn->pending.login.on;
	enum jwk11_rc rc = login ? send_login(conn, q->module, q->id) : send_call(conn, q->module, q->id, on_done);

	if (rc == JWK11_OK)
		return;
	if (login)
		front_login_refused(q, rc);
	else
		front_body_refused(q, rc);
	reply(conn, q);
}

/* ---- batches ---- */

static void on_batch(void *arg, bool abandoned)
{
	struct front_conn *conn = arg;
	struct front_request q;

	if (abandoned) {
		front_conn_bury(conn);
		return;
	}
	front_request_start(&q, conn->conns->front, conn->socket, &conn->peer, conn->request_id);
	front_batch_answer(conn->batch, &q);
	front_batch_free(J11_STEAL(conn->batch));
	answer_call(conn, &q);
}

void front_call_batch(struct front_conn *conn, struct front_request *q)
{
	conn->batch = q->batch;
	if (front_batch_start(conn->batch, conn->watch.fd, on_batch, conn)) {
		wait_for_call(conn);
		return;
	}
	conn->had_turn = true;
	front_batch_answer(conn->batch, q);
	front_batch_free(J11_STEAL(conn->batch));
	reply(conn, q);
}

bool front_call_leave(struct front_conn *conn)
{
	return conn->batch != NULL ? front_batch_leave(conn->batch) : calls_leave(&conn->call);
}
