/* SPDX-License-Identifier: Apache-2.0 */
/* Turns. The parts are counted in calls that run at the same time, and rounded down: of three workers on two cores each of two users may have
 * one, so that the one who asks now and then finds a worker and a core. When all of them want more than that, all workers are given out in
 * turns. Who is alone has everything. */
#include "call_queue.h"

#include "base/mem.h"

#define PRUNED 2 /* lanes looked at for each new one: enough to keep their number down */

static void unlink_lane(struct call_queue *queue, struct call_lane *lane)
{
	*(lane->prev != NULL ? &lane->prev->next : &queue->recent) = lane->next;
	*(lane->next != NULL ? &lane->next->prev : &queue->oldest) = lane->prev;
}

static void link_recent(struct call_queue *queue, struct call_lane *lane)
{
	lane->prev = NULL;
	lane->next = queue->recent;
	*(queue->recent != NULL ? &queue->recent->prev : &queue->oldest) = lane;
	queue->recent = lane;
}

static bool is_recent(const struct call_lane *lane, uint64_t now_ms)
{
	return now_ms - lane->last_ms < CALL_QUEUE_RECENT_MS;
}

static void prune(struct call_queue *queue, uint64_t now_ms)
{
	struct call_lane *lane = queue->oldest;

	for (unsigned i = 0; i < PRUNED && lane != NULL; i++) {
		struct call_lane *prev = lane->prev;

		if (lane->n_waiting == 0 && lane->n_flying == 0 && !is_recent(lane, now_ms)) {
			unlink_lane(queue, lane);
			j11_mem_free(lane);
		}
		lane = prev;
	}
}

struct call_lane *call_queue_find(const struct call_queue *queue, uint32_t who)
{
	struct call_lane *lane = queue->recent;

	while (lane != NULL && lane->who != who)
		lane = lane->next;
	return lane;
}

struct call_lane *call_queue_lane(struct call_queue *queue, uint32_t who, uint64_t now_ms)
{
	struct call_lane *lane = call_queue_find(queue, who);

	if (lane == NULL) {
		prune(queue, now_ms);
		lane = j11_mem_new(sizeof(*lane));
		if (lane == NULL)
			return NULL;
		lane->who = who;
		link_recent(queue, lane);
	} else if (lane != queue->recent) {
		unlink_lane(queue, lane);
		link_recent(queue, lane);
	}
	lane->last_ms = now_ms;
	return lane;
}

void call_queue_free(struct call_queue *queue)
{
	struct call_lane *next;

	for (struct call_lane *lane = queue->recent; lane != NULL; lane = next) {
		next = lane->next;
		j11_mem_free(lane);
	}
	*queue = (struct call_queue){ .n_turns = 0 };
}

/* ---- turns ---- */

static void turn_begin(struct call_queue *queue, struct call_lane *lane, bool first)
{
	lane->turn_prev = first ? NULL : queue->turn_last;
	lane->turn_next = first ? queue->turn_first : NULL;
	*(lane->turn_prev != NULL ? &lane->turn_prev->turn_next : &queue->turn_first) = lane;
	*(lane->turn_next != NULL ? &lane->turn_next->turn_prev : &queue->turn_last) = lane;
	queue->n_turns++;
}

static void turn_end(struct call_queue *queue, struct call_lane *lane)
{
	*(lane->turn_prev != NULL ? &lane->turn_prev->turn_next : &queue->turn_first) = lane->turn_next;
	*(lane->turn_next != NULL ? &lane->turn_next->turn_prev : &queue->turn_last) = lane->turn_prev;
	queue->n_turns--;
}

void call_queue_put(struct call_queue *queue, struct call_place *call, bool first)
{
	struct call_lane *lane = call->lane;

	call->prev = first ? NULL : lane->last;
	call->next = first ? lane->first : NULL;
	*(call->prev != NULL ? &call->prev->next : &lane->first) = call;
	*(call->next != NULL ? &call->next->prev : &lane->last) = call;
	if (first && lane->n_waiting > 0)
		turn_end(queue, lane);
	if (first || lane->n_waiting == 0)
		turn_begin(queue, lane, first);
	lane->n_waiting++;
}

void call_queue_drop(struct call_queue *queue, struct call_place *call)
{
	struct call_lane *lane = call->lane;

	*(call->prev != NULL ? &call->prev->next : &lane->first) = call->next;
	*(call->next != NULL ? &call->next->prev : &lane->last) = call->prev;
	call->prev = call->next = NULL;
	if (--lane->n_waiting == 0)
		turn_end(queue, lane);
}

void call_queue_take(struct call_queue *queue, struct call_place *call)
{
	struct call_lane *lane = call->lane;

	call_queue_drop(queue, call);
	if (lane->n_waiting == 0)
		return;
	turn_end(queue, lane);
	turn_begin(queue, lane, false);
}

/* ---- whose turn ---- */

/* Users who wait, or asked for something a moment ago. More than there are slots make no difference. */
static unsigned count_users(const struct call_queue *queue, unsigned slots, uint64_t now_ms)
{
	unsigned n = 0;

	for (const struct call_lane *lane = queue->recent; lane != NULL && n < slots && is_recent(lane, now_ms); lane = lane->next)
		n++;
	return n < queue->n_turns ? (unsigned)queue->n_turns : n;
}

struct call_place *call_queue_next(const struct call_queue *queue, unsigned slots, uint64_t now_ms)
{
	unsigned n, part;
	bool all_wait;

	if (queue->turn_first == NULL)
		return NULL;
	n = count_users(queue, slots, now_ms);
	if (n <= 1)
		return queue->turn_first->first;
	part = slots > n ? slots / n : 1;
	all_wait = queue->n_turns >= n;
	for (const struct call_lane *lane = queue->turn_first; lane != NULL; lane = lane->turn_next)
		if (lane->n_flying < part)
			return lane->first;
	return all_wait ? queue->turn_first->first : NULL;
}

struct call_lane *call_queue_longest(const struct call_queue *queue)
{
	struct call_lane *longest = queue->turn_first;

	for (struct call_lane *lane = longest; lane != NULL; lane = lane->turn_next)
		if (lane->n_waiting > longest->n_waiting)
			longest = lane;
	return longest;
}
