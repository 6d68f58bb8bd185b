/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting connections, and who gives way when the house is full: as on the front's sockets an idle connection, since its client loses nothing, and
 * the user's with the most. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grpc.h"
#include "peer.h"

enum { ACCEPTS = 16, REST_MS = 1000 };

static bool make_room(struct grpc *grpc, const struct user *user)
{
	const struct user *victim = user;
	struct grpc_conn *conn;

	if (user->n_conns[GRPC_SOCKET] < conf_connections_per_user(grpc->conf)) {
		if (grpc->n_conns < grpc->conf->max_connections)
			return true;
		victim = users_greediest(&grpc->users, GRPC_SOCKET);
		if (victim == NULL || victim->n_conns[GRPC_SOCKET] <= user->n_conns[GRPC_SOCKET])
			victim = user;
	}
	conn = grpc_conn_idle(grpc, victim);
	if (conn != NULL)
		grpc_conn_cut(conn);
	return conn != NULL;
}

/* Takes fd. */
static void admit(struct grpc *grpc, int fd)
{
	uid_t uid = (uid_t)-1;
	struct user *user;

	if (!peer_ask_uid(fd, &uid))
		uid = (uid_t)-1;
	user = users_get(&grpc->users, uid, loop_now(grpc->loop));
	if (user != NULL && make_room(grpc, user))
		grpc_conn_add(grpc, fd, user);
	else
		close(fd);
}

static void on_again(void *arg)
{
	struct grpc *grpc = arg;

	loop_change(grpc->loop, &grpc->listener, EPOLLIN);
}

static void on_listener(void *arg, uint32_t events)
{
	struct grpc *grpc = arg;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(grpc->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		/* Without a descriptor a listener that is always ready would spin. */
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) &&
			loop_timer_set(grpc->loop, &grpc->again, loop_now(grpc->loop) + REST_MS))
			loop_change(grpc->loop, &grpc->listener, 0);
		if (fd < 0)
			return;
		admit(grpc, fd);
	}
}

bool grpc_accept_start(struct grpc *grpc, int fd)
{
	grpc->again = (struct loop_timer){ .fn = on_again, .arg = grpc };
	grpc->listener = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = on_listener, .arg = grpc };
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && loop_add(grpc->loop, &grpc->listener);
}

void grpc_accept_stop(struct grpc *grpc)
{
	if (grpc->listener.fd < 0)
		return;
	loop_remove(grpc->loop, &grpc->listener);
	loop_timer_remove(grpc->loop, &grpc->again);
	close(grpc->listener.fd);
	grpc->listener.fd = -1;
}
