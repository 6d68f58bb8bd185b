/* SPDX-License-Identifier: Apache-2.0 */
/* The front's calls from inside: what call_start.c (a call begins, or is given up), call_send.c (which one is next, and which worker gets it),
 * call_worker.c (what workers say, and their loss), call_end.c and call_module.c (who there is) share. Nobody else. */
#ifndef CALL_IN_H
#define CALL_IN_H

#include "call.h"

/* Invariant: a slot is taken exactly while its call is CALL_SENT to this worker; n_flying counts taken slots. One slot past the limit is for a
 * call to this worker alone. */
struct calls_worker {
	struct calls *calls;
	struct calls_module *module;
	struct calls_worker *next;
	unsigned index;
	struct loop_watch watch;
	bool full;    /* its socket took no more: wait for EPOLLOUT */
	bool late;    /* missed a deadline; gets nothing any more */
	bool proven;  /* has answered: it is past its start */
	unsigned limit;
	unsigned n_flying;
	struct call **slots;
};
struct calls_module {
	char *name;
	bool down; /* no worker, and the last one did not start */
	struct calls_worker *workers;
	struct call_queue queue;
};
struct calls {
	struct loop *loop;
	struct counts *counts;
	struct calls_hooks hooks;
	struct calls_module **modules;
	size_t n_modules;
	struct calls_limits limits;
	uint64_t last_id;
	size_t n_queued;
	size_t n_under_way;
	unsigned char room[WIRE_MAX];
};

/* call_module.c: the module of that name, known from now on. NULL: no memory. */
struct calls_module *call_module_find(struct calls *calls, const char *name);
/* Can another worker of its module be given something? */
bool call_module_has_other(const struct calls_worker *worker);
/* Closes its socket. It is in no list any more. */
void call_module_free_worker(struct calls_worker *worker);

/* call_send.c: hands waiting calls to workers until either runs out. Never ends a call at once. */
void call_send(struct calls_module *module);
/* Into the queue; or first in it, because it has had its turn. */
void call_send_enqueue(struct call *call, bool first);
void call_send_dequeue(struct call *call);
/* The call of a place in the queue; NULL of NULL. */
struct call *call_at(struct call_place *place);
/* Into a free slot of a worker that was sent it, and out of it. */
void call_slot_take(struct calls_worker *worker, struct call *call);
void call_slot_free(struct calls_worker *worker, const struct call *call);

/* call_end.c: at rest, with no word to its owner. */
void call_end_rest(struct call *call);
/* At rest; the owner hears what came of it. */
void call_end(struct call *call, enum call_end end, const struct wire_msg *msg);
/* Ends a call from a place where done must not run: its timer, which is in the heap already, fires in this round. */
void call_end_soon(struct call *call, enum call_end end);

#endif
