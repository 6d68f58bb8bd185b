/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that wait for the workers of one module. Users take turns: a lane for each of them, and while others are there too nobody
 * occupies more than a fair part of the workers. Knows nothing of calls but their places. */
#ifndef CALL_QUEUE_H
#define CALL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define CALL_QUEUE_RECENT_MS 1000 /* a user counts that long after a call of theirs began */

/* A call's place in its lane. */
struct call_place {
	struct call_lane *lane;
	struct call_place *prev, *next; /* while it waits */
};
/* One user's calls at one module. Lives on for a while without any. */
struct call_lane {
	uint32_t who;
	unsigned n_waiting;
	unsigned n_flying;     /* kept by call_send.c: calls that a worker has */
	uint64_t last_ms;      /* when the last one began */
	struct call_place *first, *last;         /* waiting, in order of arrival */
	struct call_lane *prev, *next;         /* all lanes; the one whose last call is the youngest comes first */
	struct call_lane *turn_prev, *turn_next; /* those with a waiting call, in the order of their turns */
};
struct call_queue {
	struct call_lane *recent, *oldest;
	struct call_lane *turn_first, *turn_last;
	size_t n_turns;
};

/* The user's lane, found or made, as of a call that begins now. NULL: no memory. */
struct call_lane *call_queue_lane(struct call_queue *queue, uint32_t who, uint64_t now_ms) J11_MUST_USE;
/* The user's lane if there is one. */
struct call_lane *call_queue_find(const struct call_queue *queue, uint32_t who);
/* Behind the other calls of its lane; or `first`, before them and before everybody else: it has had its turn. */
void call_queue_put(struct call_queue *queue, struct call_place *call, bool first);
/* Takes a waiting call out. */
void call_queue_drop(struct call_queue *queue, struct call_place *call);
/* The same, because a worker gets it: the others come before the next one of this user. */
void call_queue_take(struct call_queue *queue, struct call_place *call);
/* The call whose turn it is when workers can do `slots` calls at a time; NULL: nobody waits, or whoever does has their part
 * while others are there who do not. */
struct call_place *call_queue_next(const struct call_queue *queue, unsigned slots, uint64_t now_ms);
/* The lane with the most waiting calls; NULL: nobody waits. */
struct call_lane *call_queue_longest(const struct call_queue *queue);
void call_queue_free(struct call_queue *queue);

#endif
