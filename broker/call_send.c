/* SPDX-License-Identifier: Apache-2.0 */
/* Which waiting call is next, and which worker gets it. */
#include "call_in.h"

#include <errno.h>
#include <stddef.h>

struct call *call_at(struct call_place *place)
{
	return place != NULL ? (struct call *)(void *)((char *)place - offsetof(struct call, place)) : NULL;
}

void call_send_enqueue(struct call *call, bool first)
{
	call_queue_put(&call->module->queue, &call->place, first);
	call->state = CALL_QUEUED;
	call->calls->n_queued++;
}

void call_send_dequeue(struct call *call)
{
	call_queue_drop(&call->module->queue, &call->place);
	call->calls->n_queued--;
}

/* The fewest in flight wins; between equals one that has answered before, then the lower index, whose caches are warm. A call that a worker
 * has refused goes to another one, as long as there is one. NULL: for whatever call. */
static struct calls_worker *pick(const struct calls_module *module, const struct call *call)
{
	struct calls_worker *best = NULL;
	unsigned best_cost = 0;

	for (struct calls_worker *w = module->workers; w != NULL; w = w->next) {
		unsigned cost = 2 * w->n_flying + (w->proven ? 0 : 1);

		if (w->late || w->full || w->n_flying >= w->limit)
			continue;
		if (call != NULL && call->refused && call->refused_by == w->index && call_module_has_other(w))
			continue;
		if (best == NULL || cost < best_cost || (cost == best_cost && w->index < best->index)) {
			best = w;
			best_cost = cost;
		}
	}
	return best;
}

void call_slot_take(struct calls_worker *worker, struct call *call)
{
	for (unsigned i = 0; i <= worker->limit; i++) {
		if (worker->slots[i] != NULL)
			continue;
		worker->slots[i] = call;
		worker->n_flying++;
		call->place.lane->n_flying++;
		call->worker = worker;
		call->state = CALL_SENT;
		call->tries++;
		return;
	}
}

void call_slot_free(struct calls_worker *worker, const struct call *call)
{
	for (unsigned i = 0; i <= worker->limit; i++) {
		if (worker->slots[i] != call)
			continue;
		worker->slots[i] = NULL;
		worker->n_flying--;
		call->place.lane->n_flying--;
		return;
	}
}

/* Calls that the module's workers can do at the same time. */
static unsigned count_slots(const struct calls_module *module)
{
	unsigned n = 0;

	for (const struct calls_worker *w = module->workers; w != NULL; w = w->next)
		if (!w->late)
			n += w->limit - 1; /* what waits in front of a busy thread is not done */
	return n;
}

void call_send(struct calls_module *module)
{
	for (;;) {
		struct calls_worker *worker;
		struct call *call;
		int sent;

		if (module->queue.turn_first == NULL || pick(module, NULL) == NULL)
			return;
		call = call_at(call_queue_next(&module->queue, count_slots(module), loop_now(module->workers->calls->loop)));
		if (call == NULL)
			return;
		worker = pick(module, call);
		if (worker == NULL)
			return;
		sent = wire_send(worker->watch.fd, call->datagram, call->fd);
		if (sent == EAGAIN || sent == EWOULDBLOCK) {
			worker->full = true;
			loop_change(worker->calls->loop, &worker->watch, EPOLLIN | EPOLLOUT);
			continue;
		}
		if (sent == EPIPE || sent == ECONNRESET || sent == ENOTCONN) {
			worker->late = true; /* its end of file is on the way */
			continue;
		}
		call_queue_take(&module->queue, &call->place);
		call->calls->n_queued--;
		if (sent == 0)
			call_slot_take(worker, call);
		else
			call_end_soon(call, CALL_LOST);
	}
}
