/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of the front. Deadlines of requests are set and cleared thousands of times a second and hardly ever reached, so a timer
 * stays in the heap under its old moment when it moves later, and is put right when that moment comes. */
#include "loop.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define BATCH 64
#define MINOR_BATCH 8

struct loop {
	int epoll;
	struct loop_watch minor; /* a set of its own for minor watches, which the first set holds as one descriptor */
	bool stopped;
	uint64_t now_ms;
	struct epoll_event batch[BATCH]; /* this round's events; data.ptr NULL: dropped */
	int n_batch;
	struct epoll_event minor_batch[MINOR_BATCH];
	int n_minor_batch;
	struct loop_timer **heap; /* smallest filed_ms first */
	size_t n_heap;
	size_t room;
};

static void run_batch(const struct loop *loop, const struct epoll_event *batch, const int *n_batch)
{
	for (int i = 0; i < *n_batch && !loop->stopped; i++) {
		struct loop_watch *watch = batch[i].data.ptr;

		if (watch != NULL)
			watch->fn(watch->arg, batch[i].events);
	}
}

/* A few of those that are ready; the kernel puts them behind the others, so all come round. */
static void on_minor(void *arg, uint32_t events)
{
	struct loop *loop = arg;
	int n = epoll_wait(loop->minor.fd, loop->minor_batch, MINOR_BATCH, 0);

	(void)events;
	loop->n_minor_batch = n > 0 ? n : 0;
	run_batch(loop, loop->minor_batch, &loop->n_minor_batch);
	loop->n_minor_batch = 0;
}

enum jwk11_rc loop_new(struct loop **ret_loop, struct jwk11_err *err)
{
	struct loop *loop = j11_mem_new(sizeof(*loop));

	if (loop == NULL)
		return j11_err_memory(err);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->minor = (struct loop_watch){ .fd = epoll_create1(EPOLL_CLOEXEC), .events = EPOLLIN, .fn = on_minor, .arg = loop };
	if (loop->epoll < 0 || loop->minor.fd < 0 || !loop_add(loop, &loop->minor)) {
		loop_free(loop);
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "event loop: epoll_create1 failed: errno %d", errno);
	}
	loop->now_ms = (uint64_t)j11_clock_ms();
	*ret_loop = loop;
	return JWK11_OK;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->minor.fd >= 0)
		close(loop->minor.fd);
	if (loop->epoll >= 0)
		close(loop->epoll);
	j11_mem_free(loop->heap);
	j11_mem_free(loop);
}

static int set_of(const struct loop *loop, const struct loop_watch *watch)
{
	return watch->minor ? loop->minor.fd : loop->epoll;
}

bool loop_add(struct loop *loop, struct loop_watch *watch)
{
	struct epoll_event ev = { .events = watch->events, .data.ptr = watch };

	return epoll_ctl(set_of(loop, watch), EPOLL_CTL_ADD, watch->fd, &ev) == 0;
}

void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	if (watch->events == events || watch->fd < 0)
		return;
	if (epoll_ctl(set_of(loop, watch), EPOLL_CTL_MOD, watch->fd, &ev) == 0)
		watch->events = events;
}

void loop_remove(struct loop *loop, struct loop_watch *watch)
{
	struct epoll_event ev = { .events = 0 };

	if (watch->fd < 0)
		return;
	epoll_ctl(set_of(loop, watch), EPOLL_CTL_DEL, watch->fd, &ev);
	for (int i = 0; i < loop->n_batch; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
	for (int i = 0; i < loop->n_minor_batch; i++)
		if (loop->minor_batch[i].data.ptr == watch)
			loop->minor_batch[i].data.ptr = NULL;
}

uint64_t loop_now(const struct loop *loop)
{
	return loop->now_ms;
}

/* ---- the heap ---- */

static void put(struct loop *loop, size_t at, struct loop_timer *timer)
{
	loop->heap[at] = timer;
	timer->place = at + 1;
}

static void sift_up(struct loop *loop, size_t at, struct loop_timer *timer)
{
	while (at > 0 && loop->heap[(at - 1) / 2]->filed_ms > timer->filed_ms) {
		put(loop, at, loop->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(loop, at, timer);
}

static void sift_down(struct loop *loop, size_t at, struct loop_timer *timer)
{
	size_t child;

	while ((child = 2 * at + 1) < loop->n_heap) {
		if (child + 1 < loop->n_heap && loop->heap[child + 1]->filed_ms < loop->heap[child]->filed_ms)
			child++;
		if (loop->heap[child]->filed_ms >= timer->filed_ms)
			break;
		put(loop, at, loop->heap[child]);
		at = child;
	}
	put(loop, at, timer);
}

bool loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due_ms)
{
	timer->due_ms = due_ms;
	if (timer->place > 0 && due_ms >= timer->filed_ms)
		return true;
	timer->filed_ms = due_ms;
	if (timer->place > 0) {
		sift_up(loop, timer->place - 1, timer);
		return true;
	}
	if (loop->n_heap == loop->room) {
		size_t room = loop->room > 0 ? loop->room * 2 : 64;
		struct loop_timer **heap = j11_mem_resize(loop->heap, room * sizeof(*heap));

		if (heap == NULL)
			return false;
		loop->heap = heap;
		loop->room = room;
	}
	loop->n_heap++;
	sift_up(loop, loop->n_heap - 1, timer);
	return true;
}

void loop_timer_clear(struct loop_timer *timer)
{
	timer->due_ms = LOOP_NEVER;
}

void loop_timer_remove(struct loop *loop, struct loop_timer *timer)
{
	size_t at = timer->place;
	struct loop_timer *last;

	timer->due_ms = LOOP_NEVER;
	if (at == 0)
		return;
	at--;
	timer->place = 0;
	last = loop->heap[--loop->n_heap];
	if (last == timer)
		return;
	if (at > 0 && loop->heap[(at - 1) / 2]->filed_ms > last->filed_ms)
		sift_up(loop, at, last);
	else
		sift_down(loop, at, last);
}

/* Runs what is due, files again what has moved, drops what is at rest. */
static void run_timers(struct loop *loop)
{
	while (loop->n_heap > 0 && loop->heap[0]->filed_ms <= loop->now_ms) {
		struct loop_timer *timer = loop->heap[0];

		if (timer->due_ms != LOOP_NEVER && timer->due_ms > loop->now_ms) {
			timer->filed_ms = timer->due_ms;
			sift_down(loop, 0, timer);
			continue;
		}
		if (timer->due_ms == LOOP_NEVER) {
			loop_timer_remove(loop, timer);
			continue;
		}
		loop_timer_remove(loop, timer);
		timer->fn(timer->arg);
	}
}

/* Milliseconds until the heap wants attention; -1: never. */
static int patience(const struct loop *loop)
{
	uint64_t left;

	if (loop->n_heap == 0)
		return -1;
	if (loop->heap[0]->filed_ms <= loop->now_ms)
		return 0;
	left = loop->heap[0]->filed_ms - loop->now_ms;
	return left > 3600000 ? 3600000 : (int)left;
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		int n = epoll_wait(loop->epoll, loop->batch, BATCH, patience(loop));

		loop->now_ms = (uint64_t)j11_clock_ms();
		loop->n_batch = n > 0 ? n : 0;
		run_batch(loop, loop->batch, &loop->n_batch);
		loop->n_batch = 0;
		if (!loop->stopped)
			run_timers(loop);
	}
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
