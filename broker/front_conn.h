/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the front: reading, timing out, answering in order, closing. */
#ifndef FRONT_CONN_H
#define FRONT_CONN_H

#include "front.h"

struct front_conn;
struct front_conn_list {
	struct front_conn *first, *last;
};

/* All connections; zeroed at first but for front, empty and arg. */
struct front_conns {
	struct front *front;
	struct front_conn_list all; /* the one that was served or came last is the first */
	struct front_conn_list ghosts; /* closed, but a worker still has their request */
	size_t n_conns;
	size_t n_of[3];            /* by enum front_socket */
	void (*empty)(void *arg);  /* the last connection of a draining front has gone */
	void *arg;
};

/* Is there a place for one more connection of this user? When it would be one too many, one that its client lets wait is closed in its place: the
 * user's own, or of the user who has the most and more than this one; the longest idle one, else the longest in the middle of a request. False:
 * there is none, and *ret_code says whose fault that is. */
bool front_conn_make_room(struct front_conns *conns, enum front_socket socket, const struct user *user, enum j11_code *ret_code) J11_MUST_USE;
/* Takes an accepted, non-blocking descriptor; false (and closed) when memory is out. */
bool front_conn_add(struct front_conns *conns, enum front_socket socket, const char *name, int fd, struct user *user);
/* Idle connections close now, the others after the reply they wait for; `empty` is called at the end, perhaps at once. */
void front_conn_drain(struct front_conns *conns);
/* Closes everything at once, without a word. `empty` is not called. */
void front_conn_close_all(struct front_conns *conns);

#endif
