/* SPDX-License-Identifier: Apache-2.0 */
/* A call begins: whether it may, when it is late, what becomes of it when its owner goes. Knows workers as sockets and slots; knows nothing of HTTP
 * or of what a request means. */
#include "call_in.h"

static void on_deadline(void *arg)
{
	struct call *call = arg;
	struct calls *calls = call->calls;
	struct calls_worker *worker = call->worker;
	struct calls_module *module = call->module;
	enum call_end end = call->failure;

	if (call->state == CALL_QUEUED) {
		call_send_dequeue(call);
		end = CALL_NEVER_SENT;
	} else if (call->state == CALL_SENT) {
		end = CALL_LATE;
		count_one(calls->counts, COUNT_calls_late);
		call_slot_free(worker, call);
		if (!worker->late)
			calls->hooks.late(calls->hooks.arg, module->name, worker->index);
		worker->late = true;
	}
	call_end(call, end, NULL);
}

static unsigned under_way_of(const struct calls *calls, uint32_t who)
{
	unsigned n = 0;

	for (size_t i = 0; i < calls->n_modules; i++) {
		const struct call_lane *lane = call_queue_find(&calls->modules[i]->queue, who);

		n += lane != NULL ? lane->n_waiting + lane->n_flying : 0;
	}
	return n;
}

/* For a call of this lane, at the cost of the youngest waiting call of the user who has the most. False: nobody has more than this one. */
static bool make_room(struct calls *calls, const struct call_lane *lane)
{
	struct call_lane *longest = NULL;
	struct call *call;

	for (size_t i = 0; i < calls->n_modules; i++) {
		struct call_lane *other = call_queue_longest(&calls->modules[i]->queue);

		if (other != NULL && (longest == NULL || other->n_waiting > longest->n_waiting))
			longest = other;
	}
	if (longest == NULL || longest->who == lane->who || longest->n_waiting <= lane->n_waiting + 1)
		return false;
	call = call_at(longest->last);
	call_send_dequeue(call);
	call_end_soon(call, CALL_DISPLACED);
	return true;
}

/* May this call begin? */
static enum jwk11_rc admit(struct calls *calls, const struct calls_module *module, const struct call_lane *lane)
{
	if (module->down)
		return JWK11_ERR_ABSENT;
	if (calls->limits.max_per_user > 0 && under_way_of(calls, lane->who) >= calls->limits.max_per_user) {
		count_one(calls->counts, COUNT_calls_over_limit);
		return JWK11_ERR_LIMIT;
	}
	if (module->queue.turn_first != NULL && calls->n_queued >= calls->limits.max_queue) {
		count_one(calls->counts, COUNT_calls_refused); /* this one, or the one that gives way */
		return make_room(calls, lane) ? JWK11_OK : JWK11_ERR_BUSY;
	}
	return JWK11_OK;
}

/* The parts that are not the owner's, and the deadline. */
static bool begin(struct calls *calls, struct calls_module *module, struct call *call, int64_t timeout_ms)
{
	call->calls = calls;
	call->module = module;
	call->abandoned = false;
	call->single = false;
	call->tries = 0;
	call->refused = false;
	call->timer.fn = on_deadline;
	call->timer.arg = call;
	return loop_timer_set(calls->loop, &call->timer, loop_now(calls->loop) + (uint64_t)timeout_ms);
}

enum jwk11_rc calls_start(struct calls *calls, const char *name, struct call *call)
{
	struct calls_module *module = call_module_find(calls, name);
	enum jwk11_rc rc;

	call->place.lane = module != NULL ? call_queue_lane(&module->queue, call->who, loop_now(calls->loop)) : NULL;
	if (call->place.lane == NULL)
		return JWK11_ERR_MEMORY;
	rc = admit(calls, module, call->place.lane);
	if (rc != JWK11_OK)
		return rc;
	if (!begin(calls, module, call, calls->limits.timeout_ms))
		return JWK11_ERR_MEMORY;
	count_one(calls->counts, COUNT_calls);
	calls->n_under_way++;
	call_send_enqueue(call, false);
	call_send(module);
	return JWK11_OK;
}

static struct calls_worker *find_worker(const struct calls_module *module, unsigned index)
{
	for (struct calls_worker *w = module->workers; w != NULL; w = w->next)
		if (w->index == index && !w->late)
			return w;
	return NULL;
}

static bool has_single(const struct calls_worker *worker)
{
	for (unsigned i = 0; i <= worker->limit; i++)
		if (worker->slots[i] != NULL && worker->slots[i]->single)
			return true;
	return false;
}

enum jwk11_rc calls_start_on(struct calls *calls, const char *name, unsigned index, int64_t timeout_ms, struct call *call)
{
	struct calls_module *module = call_module_find(calls, name);
	struct calls_worker *worker = module != NULL ? find_worker(module, index) : NULL;

	if (worker == NULL)
		return JWK11_ERR_ABSENT;
	if (has_single(worker) || worker->full)
		return JWK11_ERR_BUSY;
	call->place.lane = call_queue_lane(&module->queue, call->who, loop_now(calls->loop));
	if (call->place.lane == NULL || !begin(calls, module, call, timeout_ms))
		return JWK11_ERR_MEMORY;
	if (wire_send(worker->watch.fd, call->datagram, call->fd) != 0) {
		loop_timer_clear(&call->timer);
		return JWK11_ERR_BUSY;
	}
	count_one(calls->counts, COUNT_calls);
	calls->n_under_way++;
	call->single = true;
	call_slot_take(worker, call);
	return JWK11_OK;
}

bool calls_tell(struct calls *calls, struct jwk11_view datagram, int fd)
{
	for (size_t i = 0; i < calls->n_modules; i++)
		for (struct calls_worker *w = calls->modules[i]->workers; w != NULL; w = w->next)
			if (!w->late && !w->full && wire_send(w->watch.fd, datagram, fd) == 0)
				return true;
	return false;
}

bool calls_leave(struct call *call)
{
	if (call->state == CALL_SENT || call->state == CALL_FAILED) {
		call->abandoned = true;
		return false;
	}
	if (call->state == CALL_QUEUED) {
		call_send_dequeue(call);
		call_end_rest(call);
	}
	return true;
}

void calls_forget(struct calls *calls, struct call *call)
{
	loop_timer_remove(calls->loop, &call->timer);
}
