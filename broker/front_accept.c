/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting connections. When the kernel has no descriptor left a level-triggered listener would spin, so it then rests for a moment. */
#include "front_accept.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "peer.h"
#include "problem.h"

#define ACCEPTS 16    /* in one go, so that accepting does not starve serving */
#define REST_MS 1000  /* after the kernel had no descriptor or memory left */

struct listener {
	struct front_conns *conns;
	enum front_socket socket;
	const char *name;
	struct loop_watch watch;
	struct loop_timer again;
};
struct front_accept {
	size_t n;
	struct listener all[];
};

/* One reply, once, to a client that came when the house was full. Whether it hears it is its own affair. */
static void refuse_connection(struct front *front, int fd, enum j11_code code)
{
	struct jwk11_buf *out = &front->out;
	struct problem p = { .code = code, .detail = J11_VIEW("this socket has as many connections as it may") };
	struct http_reply reply = { .status = problem_status(p.code), .type = PROBLEM_TYPE, .cache_control = "no-store", .close = true };

	if (code == J11_CODE_CONNECTIONS_EXCEEDED)
		p.detail = J11_VIEW("you have as many connections to this socket as one user may, and each of them waits for an answer");
	jwk11_buf_reset(&front->body);
	problem_write(&front->body, &p);
	reply.body = j11_buf_view(&front->body);
	reply.retry_after = problem_retry_after(p.code);
	http_reply_write(out, &reply);
	if (out->failed == JWK11_OK)
		(void)send(fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	jwk11_buf_reset(out);
	count_one(&front->counts, COUNT_connections_refused);
	close(fd);
}

/* Takes fd. */
static void admit(struct listener *listener, int fd)
{
	struct front_conns *conns = listener->conns;
	struct front *front = conns->front;
	uid_t uid = (uid_t)-1; /* whom the kernel does not name are one user */
	enum j11_code code = J11_CODE_MEMORY;
	struct user *user;

	if (!peer_ask_uid(fd, &uid))
		uid = (uid_t)-1;
	user = users_get(&front->users, uid, loop_now(front->loop));
	if (user != NULL && front_conn_make_room(conns, listener->socket, user, &code))
		front_conn_add(conns, listener->socket, listener->name, fd, user);
	else
		refuse_connection(front, fd, code);
}

static void rest(struct listener *listener)
{
	struct loop *loop = listener->conns->front->loop;

	if (loop_timer_set(loop, &listener->again, loop_now(loop) + REST_MS))
		loop_change(loop, &listener->watch, 0);
}

static void on_again(void *arg)
{
	struct listener *listener = arg;

	loop_change(listener->conns->front->loop, &listener->watch, EPOLLIN);
}

static void on_listener(void *arg, uint32_t events)
{
	struct listener *listener = arg;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
			rest(listener);
		if (fd < 0)
			return;
		admit(listener, fd);
	}
}

static bool open_listener(struct front_conns *conns, struct listener *listener, const struct front_listen *from)
{
	listener->conns = conns;
	listener->socket = from->socket;
	listener->name = from->name;
	listener->again = (struct loop_timer){ .fn = on_again, .arg = listener };
	listener->watch = (struct loop_watch){ .fd = from->fd, .minor = from->socket == FRONT_PUBLIC, .events = EPOLLIN, .fn = on_listener, .arg = listener };
	return loop_add(conns->front->loop, &listener->watch);
}

static void close_listener(struct listener *listener)
{
	struct loop *loop = listener->conns->front->loop;

	if (listener->watch.fd < 0)
		return;
	loop_remove(loop, &listener->watch);
	loop_timer_remove(loop, &listener->again);
	close(listener->watch.fd);
	listener->watch.fd = -1;
}

struct front_accept *front_accept_new(struct front_conns *conns, const struct front_listen *from, size_t n)
{
	struct front_accept *accept = j11_mem_new(sizeof(*accept) + n * sizeof(accept->all[0]));

	for (size_t i = 0; accept != NULL && i < n; i++) {
		if (open_listener(conns, &accept->all[i], &from[i])) {
			accept->n++;
			continue;
		}
		front_accept_free(accept);
		return NULL;
	}
	return accept;
}

void front_accept_stop(struct front_accept *accept)
{
	for (size_t i = 0; i < accept->n; i++)
		if (accept->all[i].watch.fd >= 0)
			on_listener(&accept->all[i], EPOLLIN);
	for (size_t i = 0; i < accept->n; i++)
		close_listener(&accept->all[i]);
}

void front_accept_free(struct front_accept *accept)
{
	for (size_t i = 0; accept != NULL && i < accept->n; i++)
		close_listener(&accept->all[i]);
	j11_mem_free(accept);
}
