/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/2 connection: octets in and out, what nghttp2 makes of them, and when it ends. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "grpc.h"
#include "peer.h"

enum {
	OUT_ENOUGH = 65536,   /* octets taken from the session before they are sent */
	OUT_MAX = 1 << 20,
	LEAVE_MS = 5000,      /* for a client that was told that its connection ends */
	IDLE_LOOKS = 256
};

/* ---- nghttp2's callbacks: none of them sends or frees a connection ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_conn *conn = user_data;
	struct grpc_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s = grpc_stream_new(conn, frame->hd.stream_id);
	if (s == NULL || nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s) != 0) {
		if (s != NULL)
			grpc_stream_free(s);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value,
	size_t value_len, uint8_t flags, void *user_data)
{
	struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)user_data;
	if (s != NULL && s->state == GRPC_READING && frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		grpc_stream_header(s, (struct jwk11_view){ .data = name, .len = name_len }, (struct jwk11_view){ .data = value, .len = value_len });
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)user_data;
	if (s == NULL || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	s->ended = s->ended || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		grpc_stream_begin(s);
	if (s->ended && s->state == GRPC_READING)
		grpc_stream_end(s);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len, void *user_data)
{
	struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, stream_id);

	(void)flags;
	(void)user_data;
	if (s != NULL && s->state == GRPC_READING)
		grpc_stream_data(s, (struct jwk11_view){ .data = data, .len = len });
	return 0;
}

/* A client whose call is answered need not send the rest of its request. Only now: what is reset sends nothing more. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)user_data;
	if (s != NULL && frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !s->ended)
		(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *user_data)
{
	struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, stream_id);

	(void)error_code;
	(void)user_data;
	if (s != NULL) {
		nghttp2_session_set_stream_user_data(session, stream_id, NULL);
		grpc_stream_free(s);
	}
	return 0;
}

bool grpc_conn_prepare(struct grpc *grpc)
{
	if (nghttp2_session_callbacks_new(&grpc->callbacks) != 0 || nghttp2_option_new(&grpc->option) != 0)
		return false;
	nghttp2_session_callbacks_set_on_begin_headers_callback(grpc->callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(grpc->callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(grpc->callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(grpc->callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(grpc->callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(grpc->callbacks, on_stream_close);
	nghttp2_option_set_no_closed_streams(grpc->option, 1);
	return true;
}

/* ---- the list ---- */

static void unlink_conn(struct grpc_conn *conn)
{
	struct grpc *grpc = conn->grpc;

	*(conn->prev != NULL ? &conn->prev->next : &grpc->conns) = conn->next;
	*(conn->next != NULL ? &conn->next->prev : &grpc->last) = conn->prev;
}

static void link_conn(struct grpc_conn *conn)
{
	struct grpc *grpc = conn->grpc;

	conn->prev = NULL;
	conn->next = grpc->conns;
	*(grpc->conns != NULL ? &grpc->conns->prev : &grpc->last) = conn;
	grpc->conns = conn;
}

static bool is_idle(const struct grpc_conn *conn)
{
	char octet;

	return conn->n_streams == 0 && conn->out.len == 0 && recv(conn->watch.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

struct grpc_conn *grpc_conn_idle(const struct grpc *grpc, const struct user *user)
{
	struct grpc_conn *slow = NULL;
	unsigned looks = 0;

	for (struct grpc_conn *conn = grpc->last; conn != NULL && looks < IDLE_LOOKS; conn = conn->prev) {
		bool waits = false;

		if (conn->user != user)
			continue;
		looks++;
		if (is_idle(conn))
			return conn;
		for (const struct grpc_stream *s = conn->streams; s != NULL; s = s->next)
			waits = waits || s->state != GRPC_READING;
		if (slow == NULL && !waits) /* its client keeps us waiting */
			slow = conn;
	}
	return slow;
}

/* ---- the end ---- */

void grpc_conn_close(struct grpc_conn *conn)
{
	struct grpc *grpc = conn->grpc;

	loop_remove(grpc->loop, &conn->watch);
	loop_timer_remove(grpc->loop, &conn->timer);
	while (conn->streams != NULL)
		grpc_stream_free(conn->streams);
	close(conn->watch.fd);
	nghttp2_session_del(conn->session);
	j11_buf_done(&conn->out);
	unlink_conn(conn);
	conn->user->n_conns[GRPC_SOCKET]--;
	grpc->n_conns--;
	j11_mem_free(conn);
	if (grpc->draining && grpc->n_conns == 0)
		grpc_empty(grpc);
}

/* False: closed. */
static bool set_timer(struct grpc_conn *conn, int64_t ms)
{
	conn->moved = false;
	if (loop_timer_set(conn->grpc->loop, &conn->timer, loop_now(conn->grpc->loop) + (uint64_t)ms))
		return true;
	grpc_conn_close(conn);
	return false;
}

void grpc_conn_leave(struct grpc_conn *conn)
{
	if (conn->leaving)
		return;
	conn->leaving = true;
	if (nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(conn->session), NGHTTP2_NO_ERROR, NULL, 0) != 0) {
		grpc_conn_close(conn);
		return;
	}
	if (set_timer(conn, LEAVE_MS))
		grpc_conn_flush(conn);
}

/* What has not moved for this long is told to go, and then cut off; calls that are being answered keep it, having deadlines of their own. */
static void on_timer(void *arg)
{
	struct grpc_conn *conn = arg;
	bool waits = false;

	for (const struct grpc_stream *s = conn->streams; s != NULL; s = s->next)
		waits = waits || s->state == GRPC_QUEUED || s->state == GRPC_SENT || s->state == GRPC_LISTING;
	if (waits || (conn->moved && !conn->leaving))
		(void)set_timer(conn, conn->leaving ? LEAVE_MS : conn->grpc->conf->idle_timeout_ms);
	else if (conn->n_streams > 0 || conn->out.len > 0 || conn->leaving)
		grpc_conn_close(conn);
	else
		grpc_conn_leave(conn);
}

/* ---- in and out ---- */

/* Octets of the session into `out`, up to a measure: what its streams have left stays with them. False: it is broken. */
static bool fill(struct grpc_conn *conn)
{
	while (conn->out.len < OUT_ENOUGH) {
		const uint8_t *data;
		ssize_t n = nghttp2_session_mem_send(conn->session, &data);

		if (n <= 0)
			return n == 0;
		j11_buf_add(&conn->out, data, (size_t)n);
		if (conn->out.failed != JWK11_OK)
			return false;
	}
	return true;
}

void grpc_conn_flush(struct grpc_conn *conn)
{
	for (;;) {
		ssize_t n;

		if (!fill(conn)) {
			grpc_conn_close(conn);
			return;
		}
		if (conn->out.len == 0)
			break;
		n = send(conn->watch.fd, conn->out.data, conn->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			loop_change(conn->grpc->loop, &conn->watch, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n <= 0) {
			grpc_conn_close(conn);
			return;
		}
		conn->moved = true;
		j11_buf_drop(&conn->out, (size_t)n);
	}
	loop_change(conn->grpc->loop, &conn->watch, EPOLLIN);
	if (!nghttp2_session_want_read(conn->session) && !nghttp2_session_want_write(conn->session))
		grpc_conn_close(conn);
}

void grpc_conn_cut(struct grpc_conn *conn)
{
	int32_t last = nghttp2_session_get_last_proc_stream_id(conn->session);

	if (nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) == 0 && fill(conn) && conn->out.len > 0)
		(void)send(conn->watch.fd, conn->out.data, conn->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	grpc_conn_close(conn);
}

static void touch(struct grpc_conn *conn)
{
	conn->moved = true;
	if (conn == conn->grpc->conns)
		return;
	unlink_conn(conn);
	link_conn(conn);
}

static void on_conn(void *arg, uint32_t events)
{
	struct grpc_conn *conn = arg;
	struct grpc *grpc = conn->grpc;
	ssize_t n;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && conn->out.len < OUT_ENOUGH) {
		n = recv(conn->watch.fd, grpc->chunk, sizeof(grpc->chunk), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
			grpc_conn_close(conn);
			return;
		}
		if (n > 0) {
			touch(conn);
			/* An error of the client's makes the session say GOAWAY and want nothing more. */
			if (nghttp2_session_mem_recv(conn->session, grpc->chunk, (size_t)n) < 0) {
				grpc_conn_close(conn);
				return;
			}
		}
	} else if (!(events & EPOLLOUT)) {
		loop_change(grpc->loop, &conn->watch, EPOLLOUT); /* it sends, and does not read what it is sent */
		return;
	}
	grpc_conn_flush(conn);
}

static bool open_session(struct grpc_conn *conn)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GRPC_STREAMS },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 16384 },
	};

	return nghttp2_session_server_new2(&conn->session, conn->grpc->callbacks, conn, conn->grpc->option) == 0 &&
		nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, settings, J11_COUNT(settings)) == 0;
}

void grpc_conn_add(struct grpc *grpc, int fd, struct user *user)
{
	struct grpc_conn *conn = j11_mem_new(sizeof(*conn));

	if (conn == NULL) {
		close(fd);
		return;
	}
	conn->grpc = grpc;
	conn->user = user;
	conn->out = J11_BUF(OUT_MAX);
	conn->known = peer_ask(fd, &conn->peer);
	conn->peer.socket = CONF_KUBERNETES;
	conn->timer = (struct loop_timer){ .fn = on_timer, .arg = conn };
	conn->watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = on_conn, .arg = conn };
	if (!open_session(conn) || !loop_add(grpc->loop, &conn->watch)) {
		nghttp2_session_del(conn->session);
		j11_mem_free(conn);
		close(fd);
		return;
	}
	link_conn(conn);
	grpc->n_conns++;
	user->n_conns[GRPC_SOCKET]++;
	if (set_timer(conn, grpc->conf->head_timeout_ms))
		grpc_conn_flush(conn);
}
