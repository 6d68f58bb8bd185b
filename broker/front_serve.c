/* SPDX-License-Identifier: Apache-2.0 */
/* Serving a connection. One request at a time each: the next one is parsed when the last is answered, so that answers keep their order
 * and a client can occupy one place only. Reads go into one shared buffer; a connection keeps octets of its own only while a request is
 * incomplete or a reply did not fit into the socket, so a silent client costs next to nothing. */
#include "front_conn_in.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "front_route.h"
#include "log.h"
#include "problem.h"

#define OUT_PAUSE 65536      /* octets of pipelined replies before they are sent */
#define IN_A_ROW 8           /* requests of one connection before the others have their turn */
#define PAUSE_MS 1           /* and how long that is while workers are busy, */
#define RECENT_MS 10         /* or were so long ago: between two requests of a client they are not */
#define KEEP_ROOM 16384      /* a larger buffer is given back when it is empty */
#define LINGER_MS 1000       /* how long input is thrown away behind a refusal */
#define LINGER_MAX 1048576   /* and how much of it */

static const struct conf *conf_of(const struct front_conn *conn)
{
	return conn->conns->front->conf;
}

/* ---- writing ---- */

void front_conn_release(struct jwk11_buf *buf)
{
	if (buf->cap > KEEP_ROOM)
		j11_buf_done(buf);
	else
		jwk11_buf_reset(buf);
}

/* Nothing is left to send. False: the connection is gone, or lingers. */
static bool written(struct front_conn *conn)
{
	if (!conn->ending)
		return true;
	if (!conn->linger || shutdown(conn->watch.fd, SHUT_WR) != 0) {
		front_conn_close(conn);
		return false;
	}
	conn->phase = PHASE_LINGER;
	j11_buf_done(&conn->in);
	loop_change(conn->conns->front->loop, &conn->watch, EPOLLIN);
	front_conn_set_timer(conn, LINGER_MS);
	return false;
}

/* Keeps what the socket did not take. */
static void wait_writable(struct front_conn *conn, struct jwk11_buf *out, size_t sent)
{
	if (out == &conn->out) {
		j11_buf_drop(out, sent);
	} else {
		j11_buf_add(&conn->out, out->data + sent, out->len - sent);
		front_conn_release(out);
	}
	if (conn->out.failed != JWK11_OK) {
		front_conn_close(conn);
		return;
	}
	if (conn->phase != PHASE_WAITING)
		conn->phase = PHASE_WRITING;
	front_conn_set_timer(conn, conf_of(conn)->idle_timeout_ms);
	loop_change(conn->conns->front->loop, &conn->watch, EPOLLOUT);
}

/* Which buffer to send: front->out, unless older octets of this connection wait; then the new ones go behind those. Afterwards one of
 * the two is empty: nothing of this connection may stay in the shared buffer. */
static struct jwk11_buf *outgoing(struct front_conn *conn)
{
	struct jwk11_buf *shared = &conn->conns->front->out;

	if (conn->out.len == 0)
		return shared;
	j11_buf_add(&conn->out, shared->data, shared->len);
	if (shared->failed != JWK11_OK)
		conn->out.failed = shared->failed;
	front_conn_release(shared);
	return &conn->out;
}

/* Sends the replies. True: all is sent and the connection goes on. */
static bool flush(struct front_conn *conn)
{
	struct jwk11_buf *out = outgoing(conn);
	ssize_t n = 0;

	if (out->failed == JWK11_OK && out->len > 0)
		n = send(conn->watch.fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		n = 0;
	else if (n < 0 || out->failed != JWK11_OK) { /* half a reply must not go out either */
		front_conn_release(out);
		front_conn_close(conn);
		return false;
	}
	if ((size_t)n < out->len) {
		wait_writable(conn, out, (size_t)n);
		return false;
	}
	front_conn_release(out);
	return written(conn);
}

/* ---- replies ---- */

/* Appends the reply to front->out. */
void front_conn_reply(struct front_conn *conn, struct front_request *q)
{
	struct front *front = conn->conns->front;

	if (front->draining)
		conn->ending = true;
	q->reply.close = conn->ending;
	front_note_result(q);
	count_one(&front->counts, q->reply.status < 400 ? COUNT_replies_good :
		q->reply.status < 500 ? COUNT_replies_client_error : COUNT_replies_server_error);
	http_reply_write(&front->out, &q->reply);
	if (front->body.cap > KEEP_ROOM)
		j11_buf_done(&front->body);
	if (front->octets.cap > KEEP_ROOM)
		j11_buf_done(&front->octets);
}

static void start_request(struct front_conn *conn, struct front_request *q, struct jwk11_view id_sent)
{
	front_make_id(conn->conns->front, id_sent, conn->request_id);
	front_request_start(q, conn->conns->front, conn->socket, &conn->peer, conn->request_id);
	q->datagram = &conn->datagram;
	q->pending = &conn->pending;
}

/* For a request that broke the framing: its end is unknown, so the connection ends. */
static void refuse_framing(struct front_conn *conn, enum j11_code code, const char *reason)
{
	struct front_request q;

	start_request(conn, &q, (struct jwk11_view){ .len = 0 });
	front_problem(&q, code, "%s", reason);
	q.reply.request_id = conn->request_id;
	conn->ending = true;
	conn->linger = true;
	front_conn_reply(conn, &q);
}

/* The head is there, the body not yet. False: refused, the connection ends. */
static bool before_body(struct front_conn *conn, const struct http_request *http)
{
	struct front *front = conn->conns->front;
	struct front_request q;

	if (!http->expect_continue || conn->continued)
		return true;
	start_request(conn, &q, http->request_id);
	q.http = http;
	if (front_route_check(&q)) {
		conn->continued = true;
		j11_buf_add(&front->out, http_reply_continue.data, http_reply_continue.len);
		return true;
	}
	q.reply.request_id = conn->request_id;
	q.reply.head_only = http->method == HTTP_HEAD;
	conn->ending = true; /* whether the body still comes is the client's choice: nothing behind this can be trusted */
	conn->linger = true;
	front_conn_reply(conn, &q);
	return false;
}

/* False: not yet. */
static bool serve(struct front_conn *conn, const struct http_request *http, struct jwk11_view body)
{
	struct front_request q;
	enum front_outcome outcome;

	start_request(conn, &q, http->request_id);
	q.http = http;
	q.body = body;
	outcome = front_route(&q);
	if (outcome == FRONT_WHO && front_call_who(conn))
		return false;
	if (outcome == FRONT_WHO)
		outcome = front_route(&q);
	count_one(&conn->conns->front->counts, COUNT_requests);
	conn->close_asked = http->close;
	if (conn->peer.facts == FRONT_FACTS_REFUSED)
		conn->peer.facts = FRONT_FACTS_UNKNOWN;
	if (outcome == FRONT_CALL) {
		front_call_start(conn, &q);
		return true;
	}
	if (outcome == FRONT_BATCH) {
		front_call_batch(conn, &q);
		return true;
	}
	if (http->request_id.data != NULL || (http->method & HTTP_WITH_BODY) || q.reply.status >= 400)
		q.reply.request_id = conn->request_id;
	if (http->method & HTTP_WITH_BODY)
		q.reply.cache_control = "no-store";
	q.reply.head_only = http->method == HTTP_HEAD;
	conn->ending = conn->ending || http->close;
	front_conn_reply(conn, &q);
	return true;
}

/* Checks of framing, before anything else is believed. */
static bool framing_good(struct front_conn *conn, const struct http_request *http)
{
	if ((http->method & HTTP_WITH_BODY) && !http->has_length) {
		refuse_framing(conn, J11_CODE_HTTP_LENGTH_REQUIRED, "a POST or PUT request needs Content-Length");
		return false;
	}
	if (http->body_len > front_route_body_limit(conn->conns->front, conn->socket, http)) {
		refuse_framing(conn, J11_CODE_HTTP_BODY_TOO_LARGE, "the body is larger than this socket, method and configuration allow");
		return false;
	}
	return true;
}

static void enter(struct front_conn *conn, enum phase phase, int64_t ms)
{
	if (conn->phase == phase)
		return;
	conn->phase = phase;
	front_conn_set_timer(conn, ms);
}

/* Takes one request off the input and answers it or gives it to a worker. Returns the octets used; 0: more is needed, or the connection
 * is ending. */
static size_t take_request(struct front_conn *conn, struct jwk11_view input)
{
	struct http_request http;
	struct http_refusal refusal;
	size_t whole;

	switch (http_parse(input, &http, &refusal)) {
	case HTTP_NEED_MORE:
		enter(conn, PHASE_HEAD, conf_of(conn)->head_timeout_ms);
		return 0;
	case HTTP_REFUSED:
		refuse_framing(conn, refusal.code, refusal.reason);
		return 0;
	default:
		break;
	}
	if (!framing_good(conn, &http))
		return 0;
	if (front_route_is_secret(conn->socket, &http))
		conn->in.secret = conn->conns->front->secret_input = true;
	whole = http.head_len + (size_t)http.body_len;
	if (input.len < whole) {
		if (before_body(conn, &http)) {
			conn->need = whole;
			enter(conn, PHASE_BODY, conf_of(conn)->head_timeout_ms);
		}
		return 0;
	}
	conn->continued = false;
	conn->need = 0;
	conn->phase = PHASE_IDLE;
	return serve(conn, &http, (struct jwk11_view){ .data = (const char *)input.data + http.head_len, .len = (size_t)http.body_len }) ? whole : 0;
}

/* Serves the requests that are complete, as many as *left says. Returns the octets used. */
static size_t take_requests(struct front_conn *conn, struct jwk11_view input, unsigned *left)
{
	size_t used = 0;

	while (used < input.len && *left > 0 && !conn->ending && conn->phase != PHASE_WAITING && conn->conns->front->out.len < OUT_PAUSE) {
		struct jwk11_view rest = { .data = (const char *)input.data + used, .len = input.len - used };
		size_t n;

		if (rest.len < conn->need)
			break;
		n = take_request(conn, rest);
		if (n == 0)
			break;
		used += n;
		*left = conn->had_turn ? 0 : *left - 1;
		conn->had_turn = false;
	}
	return used;
}

/* Reading in pieces can take all of a core, which signatures then wait for: it goes on behind the others, and not before the next millisecond
 * while a worker has something to do. Writable as it is, the connection comes round again at once without a pause. */
static void yield(struct front_conn *conn)
{
	struct front *front = conn->conns->front;
	bool busy = calls_under_way(front->calls) > 0 || loop_now(front->loop) - front->last_call_ms < RECENT_MS;

	conn->phase = busy ? PHASE_PAUSED : PHASE_IDLE;
	front_conn_set_timer(conn, busy ? PAUSE_MS : conf_of(conn)->idle_timeout_ms);
	loop_change(front->loop, &conn->watch, busy ? 0 : EPOLLOUT);
}

/* Nothing is left to do for this one now. */
static void settle(struct front_conn *conn, unsigned left)
{
	if (left < IN_A_ROW)
		front_conn_touch(conn);
	if (conn->in.len == 0) {
		front_conn_release(&conn->in);
		conn->in.secret = false;
	}
	if (conn->phase == PHASE_IDLE && left == 0 && conn->in.len > 0) {
		yield(conn);
		return;
	}
	if (conn->phase == PHASE_IDLE)
		front_conn_set_timer(conn, conf_of(conn)->idle_timeout_ms);
	if (conn->phase != PHASE_WAITING)
		loop_change(conn->conns->front->loop, &conn->watch, EPOLLIN);
}

/* Serves new octets behind the kept ones, keeps the rest, sends the replies, settles what to wait for. */
void front_conn_proceed(struct front_conn *conn, struct jwk11_view fresh)
{
	struct front *front = conn->conns->front;
	unsigned left = IN_A_ROW;
	size_t used;

	conn->in.max = HTTP_HEAD_MAX + front->conf->max_body + FRONT_CHUNK; /* the configuration may have changed */
	for (;;) {
		bool kept = conn->in.len > 0;

		if (kept && fresh.len > 0)
			j11_buf_add(&conn->in, fresh.data, fresh.len);
		used = take_requests(conn, kept ? j11_buf_view(&conn->in) : fresh, &left);
		if (kept)
			j11_buf_drop(&conn->in, used);
		else if (used < fresh.len && !conn->ending)
			j11_buf_add(&conn->in, (const char *)fresh.data + used, fresh.len - used);
		fresh.len = 0;
		if (conn->in.failed != JWK11_OK) {
			jwk11_buf_reset(&front->out);
			front_conn_close(conn);
			return;
		}
		if (!flush(conn))
			return;
		if (used == 0 || left == 0 || conn->in.len == 0 || conn->phase == PHASE_WAITING)
			break;
	}
	settle(conn, left);
}

/* ---- events ---- */

/* Throws input away until the client is done, or has had enough time or octets. */
static void on_lingering(struct front_conn *conn)
{
	struct front *front = conn->conns->front;
	ssize_t n = recv(conn->watch.fd, front->chunk, sizeof(front->chunk), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		conn->lingered += (size_t)n;
	if (n <= 0 || conn->lingered > LINGER_MAX)
		front_conn_close(conn);
}

/* Afterwards the connection may be gone. */
static void take_chunk(struct front_conn *conn, size_t len)
{
	struct front *front = conn->conns->front;

	front->secret_input = conn->in.secret; /* of a request whose head came before */
	front_conn_proceed(conn, (struct jwk11_view){ .data = front->chunk, .len = len });
	if (front->secret_input)
		j11_mem_wipe(front->chunk, len);
}

static void on_input(struct front_conn *conn)
{
	struct front *front = conn->conns->front;
	ssize_t n;

	if (conn->phase == PHASE_LINGER) {
		on_lingering(conn);
		return;
	}
	if (conn->phase == PHASE_WAITING || conn->phase == PHASE_WRITING) {
		loop_change(front->loop, &conn->watch, conn->watch.events & (uint32_t)~EPOLLIN); /* later; the socket keeps it */
		return;
	}
	n = recv(conn->watch.fd, front->chunk, sizeof(front->chunk), MSG_DONTWAIT);
	if (n > 0)
		take_chunk(conn, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		front_conn_close(conn);
}

static void on_writable(struct front_conn *conn)
{
	if (!flush(conn))
		return;
	if (conn->phase == PHASE_WRITING)
		conn->phase = PHASE_IDLE;
	if (conn->phase == PHASE_WAITING) {
		loop_timer_clear(&conn->timer);
		loop_change(conn->conns->front->loop, &conn->watch, EPOLLIN);
		return;
	}
	front_conn_proceed(conn, (struct jwk11_view){ .len = 0 });
}

/* EPOLLHUP means both directions are closed: nobody is left to answer. A client that only closed its own sending side gets its replies. */
static void on_conn(void *arg, uint32_t events)
{
	struct front_conn *conn = arg;

	if (events & (EPOLLHUP | EPOLLERR))
		front_conn_close(conn);
	else if (events & EPOLLOUT)
		on_writable(conn);
	else
		on_input(conn);
}

static void on_timeout(void *arg)
{
	struct front_conn *conn = arg;

	if (conn->phase == PHASE_PAUSED) {
		conn->phase = PHASE_IDLE;
		front_conn_proceed(conn, (struct jwk11_view){ .len = 0 });
		return;
	}
	if (conn->phase != PHASE_HEAD && conn->phase != PHASE_BODY) {
		front_conn_close(conn);
		return;
	}
	refuse_framing(conn, J11_CODE_HTTP_TIMEOUT, "the request was not complete in time");
	flush(conn);
}

bool front_conn_add(struct front_conns *conns, enum front_socket socket, const char *name, int fd, struct user *user)
{
	struct front *front = conns->front;
	struct front_conn *conn = j11_mem_new(sizeof(*conn));

	if (conn == NULL) {
		close(fd);
		return false;
	}
	conn->conns = conns;
	conn->socket = socket;
	conn->watch = (struct loop_watch){ .fd = fd, .minor = socket == FRONT_PUBLIC, .events = EPOLLIN, .fn = on_conn, .arg = conn };
	conn->timer = (struct loop_timer){ .fn = on_timeout, .arg = conn };
	conn->out = J11_BUF(front->out.max);
	conn->datagram = J11_BUF(WIRE_MAX);
	conn->peer.fd = fd;
	conn->peer.socket = name;
	conn->peer.user = user;
	if (!loop_timer_set(front->loop, &conn->timer, loop_now(front->loop) + (uint64_t)front->conf->idle_timeout_ms) ||
		!loop_add(front->loop, &conn->watch)) {
		loop_timer_remove(front->loop, &conn->timer);
		close(fd);
		j11_mem_free(conn);
		return false;
	}
	front_conn_link(conn);
	count_one(&front->counts, COUNT_connections);
	return true;
}
