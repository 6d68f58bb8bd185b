/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way to workers and back. Each worker holds at most threads + 1; the rest waits here, in a bounded queue in which users
 * take turns, so that the front always knows what a lost worker was holding. A lost request is sent again once, and so is one whose
 * worker has trouble with its token while there is another worker; one past its deadline is given up and its worker reported. */
#ifndef CALL_H
#define CALL_H

#include "call_queue.h"
#include "count.h"
#include "loop.h"
#include "wire.h"

struct calls;
struct calls_worker;

enum call_end {
	CALL_ANSWERED,    /* msg is the worker's REPLY, FAULT, WHO_IS or TOKEN_IS */
	CALL_NEVER_SENT,  /* the deadline passed while every worker was busy or none was there */
	CALL_LATE,        /* a worker had it and missed the deadline */
	CALL_LOST,        /* the second worker was lost too, or the message could not be handed over */
	CALL_NO_WORKER,   /* it waited for a module that does not start */
	CALL_DISPLACED,   /* the queue was full: a user who had fewer waiting got the place */
	CALL_ABANDONED    /* calls_leave had been called; only now the owner's memory is free */
};
enum call_state { CALL_AT_REST, CALL_QUEUED, CALL_SENT, CALL_FAILED };

/* Lives in its owner, zeroed at first, at rest between uses. */
struct call {
	/* set by the owner before calls_start; valid until done */
	uint64_t id; /* of calls_next_id, also in the datagram */
	uint32_t who; /* the user it is counted for */
	struct jwk11_view datagram;
	int fd;      /* the client's connection, for the worker to ask the kernel about */
	/* Called once for each start, never from inside calls_start. msg is borrowed for the call and NULL unless CALL_ANSWERED. */
	void (*done)(struct call *call, enum call_end end, const struct wire_msg *msg);

	/* for call_in.h's files alone */
	enum call_state state;
	bool single;      /* for one worker, once */
	enum call_end failure; /* CALL_FAILED: what to say */
	bool abandoned;
	unsigned tries;
	bool refused;     /* by the worker refused_by, for want of its token */
	unsigned refused_by;
	struct loop_timer timer;
	struct calls_module *module;
	struct calls *calls;
	struct calls_worker *worker; /* CALL_SENT */
	struct call *next_again;     /* while a lost worker's calls are sorted */
	struct call_place place;     /* in the queue; its lane from calls_start on */
};

struct calls_limits {
	unsigned threads;      /* of workers that are added from now on */
	unsigned max_queue;    /* calls that wait, of all modules together */
	unsigned max_per_user; /* calls of one user under way; 0: any number */
	int64_t timeout_ms;    /* of calls started from now on */
};

struct calls_hooks {
	/* A catalogue message of a worker. */
	void (*catalog)(void *arg, const char *module, const struct wire_msg *msg);
	/* A worker's numbers. */
	void (*tally)(void *arg, const char *module, unsigned index, const struct wire_msg *msg);
	/* A worker missed a deadline: somebody should end it. Once per worker. */
	void (*late)(void *arg, const char *module, unsigned index);
	/* A worker's socket reached its end. */
	void (*lost)(void *arg, const char *module, unsigned index);
	/* A datagram was dropped. */
	void (*dropped)(void *arg, const char *module, unsigned index, const struct jwk11_err *err);
	void *arg;
};

/* `loop` and `counts` stay the caller's. NULL: no memory. */
struct calls *calls_new(struct loop *loop, struct counts *counts, const struct calls_hooks *hooks);
/* Closes the workers' sockets. No call may be under way. */
void calls_free(struct calls *calls);
void calls_limit(struct calls *calls, const struct calls_limits *limits);
/* Takes fd. A worker with the same module and index counts as lost. */
enum jwk11_rc calls_add_worker(struct calls *calls, const char *module, unsigned index, int fd, struct jwk11_err *err) J11_MUST_USE;

/* A module's only worker did not start: what waits for it, or comes before a worker is added, is refused. */
void calls_module_down(struct calls *calls, const char *module);

uint64_t calls_next_id(struct calls *calls);
/* Starts a call at rest. ABSENT: the module does not start; BUSY: the queue is full; LIMIT: the user has as many under way as they may;
 * MEMORY. Then nothing has begun. In a full queue the youngest call of the user with the most waiting gives way to one whose user has fewer. A module without a worker is waited for. */
enum jwk11_rc calls_start(struct calls *calls, const char *module, struct call *call) J11_MUST_USE;
/* The same for one worker and for once, with a deadline of its own (milliseconds): it goes there at once, past whatever waits, and is never sent
 * again. ABSENT: there is no such worker; BUSY: it has such a call already, or takes no more now; MEMORY. */
enum jwk11_rc calls_start_on(struct calls *calls, const char *module, unsigned index, int64_t timeout_ms, struct call *call) J11_MUST_USE;
/* The lowest index, from this one on, of a worker that can be given something. False: there is none. */
bool calls_next_worker(struct calls *calls, const char *module, unsigned from, unsigned *ret_index);
/* A message that is not answered, to any worker that can take one now. False: none can. */
bool calls_tell(struct calls *calls, struct jwk11_view datagram, int fd) J11_MUST_USE;
/* The module's name as it is kept here, for as long as these calls are. NULL: no memory. */
const char *calls_module_name(struct calls *calls, const char *module);
/* The module of a call that was started. */
const char *calls_module_of(const struct call *call);
/* The owner lost interest. True: the call is at rest at once. False: a worker has it; done comes later, with CALL_ABANDONED. */
bool calls_leave(struct call *call) J11_MUST_USE;
/* Takes a call at rest out of the loop, before its memory goes. */
void calls_forget(struct calls *calls, struct call *call);
/* What is known of the i-th module that has or had a worker or a call; false past the last. */
struct calls_module_state {
	const char *name; /* borrowed */
	unsigned n_workers;
	unsigned n_late; /* of them: missed a deadline, and get nothing more */
	size_t n_waiting, n_flying;
};
bool calls_module_at(const struct calls *calls, size_t i, struct calls_module_state *ret_state);
/* Requests queued or in flight. */
size_t calls_under_way(const struct calls *calls);

#endif
