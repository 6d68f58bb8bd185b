/* SPDX-License-Identifier: Apache-2.0 */
/* The socket to the front: requests go there with the client's own descriptor, answers and the published keys come back. While it is away, requests
 * wait for the next one, within their deadlines. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "grpc.h"
#include "log.h"

enum { TRIES = 2, KEYS_MAX = 4 << 20 };

/* ---- calls under way ---- */

static void add(struct grpc_stream *s)
{
	struct grpc *grpc = s->conn->grpc;

	s->calls_next = NULL;
	s->calls_prev = grpc->calls_last;
	*(grpc->calls_last != NULL ? &grpc->calls_last->calls_next : &grpc->calls) = s;
	grpc->calls_last = s;
}

static void drop(struct grpc_stream *s)
{
	struct grpc *grpc = s->conn->grpc;

	*(s->calls_prev != NULL ? &s->calls_prev->calls_next : &grpc->calls) = s->calls_next;
	*(s->calls_next != NULL ? &s->calls_next->calls_prev : &grpc->calls_last) = s->calls_prev;
}

/* ---- to the front ---- */

/* False: it takes no more now. */
static bool send_out(struct grpc *grpc, const struct jwk11_buf *out, int fd)
{
	int why = out->failed == JWK11_OK ? wire_send(grpc->link.fd, j11_buf_view(out), fd) : ENOMEM;

	if (why != EAGAIN && why != EWOULDBLOCK)
		return true; /* the end of file, or the call's deadline, tells the rest */
	grpc->full = true;
	loop_change(grpc->loop, &grpc->link, EPOLLIN | EPOLLOUT);
	return false;
}

static bool send_call(struct grpc_stream *s)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(WIRE_MAX);
	struct grpc *grpc = s->conn->grpc;

	s->call = ++grpc->last_call;
	wire_begin(&out, WIRE_JWT_GIVEN, s->call);
	wire_add(&out, WIRE_F_CLAIMS, s->claims);
	if (!send_out(grpc, &out, s->conn->watch.fd))
		return false;
	s->state = GRPC_SENT;
	s->tries++;
	return true;
}

static void send_queued(struct grpc *grpc)
{
	for (struct grpc_stream *s = grpc->calls; s != NULL && grpc->link.fd >= 0 && !grpc->full; s = s->calls_next)
		if (s->state == GRPC_QUEUED && !send_call(s))
			return;
}

void grpc_link_ask(struct grpc_stream *s, enum grpc_state state)
{
	struct grpc *grpc = s->conn->grpc;

	if (s->state != GRPC_READING)
		return; /* it has failed meanwhile */
	s->state = state;
	add(s);
	if (state == GRPC_QUEUED && grpc->link.fd >= 0 && !grpc->full)
		(void)send_call(s);
}

void grpc_link_leave(struct grpc_stream *s)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(64);
	struct grpc *grpc = s->conn->grpc;

	if (s->state != GRPC_LISTING && s->state != GRPC_QUEUED && s->state != GRPC_SENT)
		return;
	drop(s);
	/* Unless it has just been answered. When the front takes no more it signs in vain. */
	if (s->state == GRPC_SENT && s->call != 0 && grpc->link.fd >= 0 && !grpc->full) {
		wire_begin(&out, WIRE_LEAVE, s->call);
		(void)send_out(grpc, &out, -1);
	}
	s->state = GRPC_READING;
}

/* ---- from the front ---- */

static void complain(const char *why)
{
	log_event(LOG_LEVEL_WARNING, "message-dropped", "from", "jwk11d-front", "reason", why, NULL);
}

static void on_answer(struct grpc *grpc, const struct wire_msg *msg)
{
	struct grpc_stream *s = grpc->calls;
	struct grpc_conn *conn;

	while (s != NULL && (s->state != GRPC_SENT || s->call != msg->id))
		s = s->calls_next;
	if (s == NULL)
		return; /* its client has left */
	conn = s->conn;
	s->call = 0;
	grpc_stream_reply(s, msg);
	grpc_conn_flush(conn);
}

/* Flushing may close connections, and with them other calls: from the first one again each time. */
static void serve_listing(struct grpc *grpc)
{
	struct grpc_stream *s = grpc->calls;

	while (s != NULL) {
		struct grpc_conn *conn = s->conn;

		if (s->state != GRPC_LISTING) {
			s = s->calls_next;
			continue;
		}
		grpc_stream_list(s);
		grpc_conn_flush(conn);
		s = grpc->calls;
	}
}

static void on_keys(struct grpc *grpc)
{
	grpc_proto_prefix(grpc->incoming->octets, grpc->incoming->len - GRPC_PREFIX);
	grpc_keys_unref(grpc->keys);
	grpc->keys = grpc->incoming;
	grpc->incoming = NULL;
	serve_listing(grpc);
}

static void on_piece(struct grpc *grpc, const struct wire_msg *msg)
{
	struct jwk11_view piece = msg->field[WIRE_F_PAYLOAD];
	uint64_t index, whole;

	if (!wire_num(msg, WIRE_F_INDEX, &index) || !wire_num(msg, WIRE_F_WHOLE, &whole) || whole == 0 || whole > KEYS_MAX)
		return complain("a piece of nothing");
	if (index == 0) {
		j11_mem_free(grpc->incoming);
		grpc->incoming = j11_mem_new(sizeof(*grpc->incoming) + GRPC_PREFIX + (size_t)whole);
		grpc->incoming_len = GRPC_PREFIX;
		if (grpc->incoming == NULL)
			return complain("out of memory");
		grpc->incoming->refs = 1;
		grpc->incoming->len = GRPC_PREFIX + (size_t)whole;
	}
	if (grpc->incoming == NULL || piece.len > grpc->incoming->len - grpc->incoming_len)
		return complain("a piece that does not fit");
	memcpy(grpc->incoming->octets + grpc->incoming_len, piece.data, piece.len);
	grpc->incoming_len += piece.len;
	if (grpc->incoming_len == grpc->incoming->len)
		on_keys(grpc);
}

static void take_message(struct grpc *grpc, size_t len)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct wire_msg msg;

	if (wire_decode((struct jwk11_view){ .data = grpc->room, .len = len }, &msg, &err) != JWK11_OK)
		complain(err.text);
	else if (msg.type == WIRE_REPLY || msg.type == WIRE_FAULT)
		on_answer(grpc, &msg);
	else if (msg.type == WIRE_PUBLISHED)
		on_piece(grpc, &msg);
	else
		complain("it is not for jwk11d-grpc");
}

/* What the front had it may not have answered because of it: a second front gets it, and no third. */
static void take_back(struct grpc *grpc)
{
	struct grpc_stream *s = grpc->calls;

	while (s != NULL) {
		struct grpc_conn *conn = s->conn;

		if (s->state != GRPC_SENT) {
			s = s->calls_next;
			continue;
		}
		s->state = GRPC_QUEUED;
		if (s->tries < TRIES) {
			s = s->calls_next;
			continue;
		}
		grpc_stream_fail(s, GRPC_UNAVAILABLE, "the broker was restarted");
		grpc_conn_flush(conn);
		s = grpc->calls;
	}
}

void grpc_link_part(struct grpc *grpc)
{
	if (grpc->link.fd < 0)
		return;
	loop_remove(grpc->loop, &grpc->link);
	close(grpc->link.fd);
	grpc->link.fd = -1;
	grpc->full = false;
	j11_mem_free(grpc->incoming);
	grpc->incoming = NULL;
	take_back(grpc);
}

static void on_link(void *arg, uint32_t events)
{
	struct grpc *grpc = arg;
	int fd = -1;
	long len;

	if (events & EPOLLOUT) {
		grpc->full = false;
		loop_change(grpc->loop, &grpc->link, EPOLLIN);
		send_queued(grpc);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	len = wire_recv(grpc->link.fd, grpc->room, sizeof(grpc->room), MSG_DONTWAIT, &fd);
	if (fd >= 0)
		close(fd);
	if (len > 0)
		take_message(grpc, (size_t)len);
	else if (len == -EMSGSIZE)
		complain("it was cut");
	else if (len != -EAGAIN && len != -EINTR)
		grpc_link_part(grpc);
}

void grpc_link_join(struct grpc *grpc, int fd)
{
	grpc_link_part(grpc);
	grpc->link = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = on_link, .arg = grpc };
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || !loop_add(grpc->loop, &grpc->link)) {
		log_event(LOG_LEVEL_ERROR, "front-refused", "reason", "its socket cannot be watched", NULL);
		close(fd);
		grpc->link.fd = -1;
		return;
	}
	send_queued(grpc);
}
