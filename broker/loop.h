/* SPDX-License-Identifier: Apache-2.0 */
/* One thread's event loop: descriptors by epoll, deadlines by a heap. Sleeps until something happens; never polls. Watches and timers
 * live inside their owner's struct; the loop allocates only its heap. */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/attr.h"
#include "jwk11.h"

struct loop;

/* A descriptor that is waited on, level-triggered. `fn` gets the EPOLL* bits. fd is -1 while it is not in a loop. */
struct loop_watch {
	int fd;
	bool minor; /* set before loop_add: in each round a few of these are served, however many are ready, and all of the others */
	uint32_t events;
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};
/* A moment. `due_ms` may be moved at will by loop_timer_set; `fn` runs once after it has passed. Zeroed memory is a timer at rest. */
struct loop_timer {
	uint64_t due_ms;    /* LOOP_NEVER: at rest though still in the heap */
	uint64_t filed_ms;  /* the moment under which the heap holds it: never later than due_ms */
	size_t place;       /* 1 + index in the heap; 0: not in it */
	void (*fn)(void *arg);
	void *arg;
};
#define LOOP_NEVER UINT64_MAX

enum jwk11_rc loop_new(struct loop **ret_loop, struct jwk11_err *err) J11_MUST_USE;
void loop_free(struct loop *loop);

/* Starts watching watch->fd. False: the kernel or memory refused. */
bool loop_add(struct loop *loop, struct loop_watch *watch) J11_MUST_USE;
/* Changes what is waited for; 0 leaves only EPOLLHUP and EPOLLERR. Nothing happens when it is the same. */
void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Stops watching, before the owner closes the descriptor; events already collected in this round are dropped. */
void loop_remove(struct loop *loop, struct loop_watch *watch);

/* Milliseconds of CLOCK_MONOTONIC at the start of this round. */
uint64_t loop_now(const struct loop *loop);
/* Sets or moves a deadline. Moving it later costs nothing. False: no memory (only possible for a timer that is not in the heap). */
bool loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due_ms) J11_MUST_USE;
/* At rest; costs nothing. */
void loop_timer_clear(struct loop_timer *timer);
/* Takes it out of the heap: before its memory goes away. */
void loop_timer_remove(struct loop *loop, struct loop_timer *timer);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

J11_DEFINE_AUTO(struct loop, loop_free)

#endif
