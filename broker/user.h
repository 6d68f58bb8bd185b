/* SPDX-License-Identifier: Apache-2.0 */
/* The users whose connections the front has: how many, and how fast they have been asking. One thread; no I/O. */
#ifndef USER_H
#define USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

#define USER_SOCKETS 3 /* places in n_conns, by enum front_socket */

/* What a section leaves of its rate to one user. */
struct user_bucket {
	size_t section;
	int64_t rate;     /* requests an hour */
	int64_t room;     /* of a full one; one request is USER_REQUEST of it */
	int64_t level;
	uint64_t last_ms; /* when the level was right */
};
struct user {
	uid_t uid;
	unsigned n_conns[USER_SOCKETS];
	struct user_bucket *buckets;
	size_t n_buckets;
	struct user *prev, *next; /* all, the one who came last first */
};
struct users {
	struct user *first, *last;
};

/* Found or made. NULL: no memory. Users who have no connection and full buckets are forgotten meanwhile: it stays until the next call, or for as
 * long as it has connections. */
struct user *users_get(struct users *users, uid_t uid, uint64_t now_ms) J11_MUST_USE;
/* The user with the most connections on this socket; NULL: there are none. */
struct user *users_greediest(const struct users *users, unsigned socket);
/* Takes one request out of a bucket. 0: it was there. Else the seconds until there is one. */
unsigned user_ask(struct user *user, size_t section, int64_t rate, unsigned burst, uint64_t now_ms);
/* Sections mean something else now: all buckets are full again. */
void users_forget_rates(struct users *users);
void users_free(struct users *users);

#endif
