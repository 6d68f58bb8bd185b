/* SPDX-License-Identifier: Apache-2.0 */
/* The connections together: beginning and end, whose turn it is to give way, and the end of all. */
#include "front_conn_in.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "front_batch.h"
#include "log.h"

#define EVICT_LOOKS 256 /* connections looked at to find one that can go */
#define DRAIN_MS 1000   /* what a half-sent request gets when the daemon ends */

/* Setting a timer that is filed needs no memory, and each connection's timer is filed when it is made; should it have fired and memory be
 * gone, the connection lives on without a deadline until its next event. */
void front_conn_set_timer(struct front_conn *conn, int64_t ms)
{
	struct loop *loop = conn->conns->front->loop;

	if (!loop_timer_set(loop, &conn->timer, loop_now(loop) + (uint64_t)ms) && front_may_log(conn->conns->front))
		log_event(LOG_LEVEL_ERROR, "timer-failed", NULL);
}

/* ---- beginning and end ---- */

static void link_conn(struct front_conn_list *list, struct front_conn *conn)
{
	conn->prev = NULL;
	conn->next = list->first;
	*(list->first != NULL ? &list->first->prev : &list->last) = conn;
	list->first = conn;
}

static void unlink_conn(struct front_conn_list *list, struct front_conn *conn)
{
	*(conn->prev != NULL ? &conn->prev->next : &list->first) = conn->next;
	*(conn->next != NULL ? &conn->next->prev : &list->last) = conn->prev;
}

static void free_conn(struct front_conn *conn)
{
	struct front *front = conn->conns->front;

	loop_timer_remove(front->loop, &conn->timer);
	calls_forget(front->calls, &conn->call);
	front_batch_free(conn->batch);
	j11_buf_done(&conn->in);
	j11_buf_done(&conn->out);
	j11_buf_done(&conn->datagram);
	front_peer_done(&conn->peer);
	j11_mem_free(conn);
}

void front_conn_link(struct front_conn *conn)
{
	struct front_conns *conns = conn->conns;

	link_conn(&conns->all, conn);
	conns->n_conns++;
	conns->n_of[conn->socket]++;
	conn->peer.user->n_conns[conn->socket]++;
}

void front_conn_close(struct front_conn *conn)
{
	struct front_conns *conns = conn->conns;

	loop_remove(conns->front->loop, &conn->watch);
	close(conn->watch.fd);
	conn->watch.fd = -1;
	unlink_conn(&conns->all, conn);
	conns->n_conns--;
	conns->n_of[conn->socket]--;
	conn->peer.user->n_conns[conn->socket]--;
	loop_timer_clear(&conn->timer);
	if (front_call_leave(conn))
		free_conn(conn);
	else
		link_conn(&conns->ghosts, conn);
	if (conns->front->draining && conns->n_conns == 0)
		conns->empty(conns->arg);
}

void front_conn_bury(struct front_conn *conn)
{
	unlink_conn(&conn->conns->ghosts, conn);
	free_conn(conn);
}

void front_conn_touch(struct front_conn *conn)
{
	struct front_conns *conns = conn->conns;

	if (conn == conns->all.first)
		return;
	unlink_conn(&conns->all, conn);
	link_conn(&conns->all, conn);
}

/* ---- who gives way ---- */

static bool has_input(const struct front_conn *conn)
{
	char octet;

	return recv(conn->watch.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Between two requests, or before the first, and nothing has come. */
static bool is_silent(const struct front_conn *conn)
{
	return conn->phase == PHASE_IDLE && conn->in.len == 0 && !has_input(conn);
}

static bool is_slow(const struct front_conn *conn)
{
	return conn->phase == PHASE_HEAD || conn->phase == PHASE_BODY || conn->phase == PHASE_WRITING || conn->phase == PHASE_LINGER;
}

/* A connection of this user that can be closed without losing a complete request; NULL. */
static struct front_conn *find_waiting(const struct front_conns *conns, enum front_socket socket, const struct user *user)
{
	struct front_conn *slow = NULL;
	unsigned looks = 0;

	for (struct front_conn *conn = conns->all.last; conn != NULL && looks < EVICT_LOOKS; conn = conn->prev) {
		if (conn->socket != socket || conn->peer.user != user)
			continue;
		looks++;
		if (is_silent(conn))
			return conn;
		if (slow == NULL && is_slow(conn))
			slow = conn;
	}
	return slow;
}

bool front_conn_make_room(struct front_conns *conns, enum front_socket socket, const struct user *user, enum j11_code *ret_code)
{
	const struct conf *conf = conns->front->conf;
	const struct user *victim = user;
	struct front_conn *conn;

	if (user->n_conns[socket] >= conf_connections_per_user(conf)) {
		*ret_code = J11_CODE_CONNECTIONS_EXCEEDED;
	} else if (conns->n_of[socket] >= conf->max_connections) {
		*ret_code = J11_CODE_HTTP_TOO_MANY;
		victim = users_greediest(&conns->front->users, socket);
		if (victim == NULL || victim->n_conns[socket] <= user->n_conns[socket])
			victim = user;
	} else {
		return true;
	}
	conn = find_waiting(conns, socket, victim);
	if (conn == NULL)
		return false;
	count_one(&conns->front->counts, COUNT_connections_evicted);
	front_conn_close(conn);
	return true;
}

/* ---- the end of all ---- */

void front_conn_drain(struct front_conns *conns)
{
	struct front_conn *next;

	conns->front->draining = true;
	if (conns->n_conns == 0) {
		conns->empty(conns->arg);
		return;
	}
	for (struct front_conn *conn = conns->all.first; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->phase == PHASE_IDLE && !has_input(conn))
			front_conn_close(conn);
		else if (conn->phase != PHASE_WAITING)
			front_conn_set_timer(conn, DRAIN_MS);
	}
}

void front_conn_close_all(struct front_conns *conns)
{
	struct front_conn *next;

	conns->front->draining = false;
	for (struct front_conn *conn = conns->all.first; conn != NULL; conn = next) {
		next = conn->next;
		front_conn_close(conn);
	}
	for (struct front_conn *conn = conns->ghosts.first; conn != NULL; conn = next) {
		next = conn->next;
		free_conn(conn);
	}
	conns->ghosts = (struct front_conn_list){ .first = NULL };
}
