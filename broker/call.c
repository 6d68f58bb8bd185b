/* SPDX-License-Identifier: Apache-2.0 */
/* In-flight requests of the front. Knows workers as sockets and slots; knows nothing of HTTP or of what a request means. */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

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

struct calls *calls_new(struct loop *loop, struct counts *counts, const struct calls_hooks *hooks)
{
	struct calls *calls = j11_mem_new(sizeof(*calls));

	if (calls == NULL)
		return NULL;
	calls->loop = loop;
	calls->counts = counts;
	calls->hooks = *hooks;
	calls->limits = (struct calls_limits){ .threads = 1, .max_queue = 1024, .timeout_ms = 10000 };
	return calls;
}

static void free_worker(struct calls_worker *worker)
{
	loop_remove(worker->calls->loop, &worker->watch);
	close(worker->watch.fd);
	j11_mem_free(worker->slots);
	j11_mem_free(worker);
}

void calls_free(struct calls *calls)
{
	if (calls == NULL)
		return;
	for (size_t i = 0; i < calls->n_modules; i++) {
		struct calls_module *module = calls->modules[i];

		while (module->workers != NULL) {
			struct calls_worker *worker = module->workers;

			module->workers = worker->next;
			free_worker(worker);
		}
		call_queue_free(&module->queue);
		j11_mem_free(module->name);
		j11_mem_free(module);
	}
	j11_mem_free(calls->modules);
	j11_mem_free(calls);
}

void calls_limit(struct calls *calls, const struct calls_limits *limits)
{
	calls->limits = *limits;
	if (calls->limits.threads == 0)
		calls->limits.threads = 1;
}

bool calls_module_at(const struct calls *calls, size_t i, struct calls_module_state *ret_state)
{
	const struct calls_module *module;

	if (i >= calls->n_modules)
		return false;
	module = calls->modules[i];
	*ret_state = (struct calls_module_state){ .name = module->name };
	for (const struct calls_worker *w = module->workers; w != NULL; w = w->next) {
		ret_state->n_workers++;
		ret_state->n_late += w->late;
		ret_state->n_flying += w->n_flying;
	}
	for (const struct call_lane *lane = module->queue.turn_first; lane != NULL; lane = lane->turn_next)
		ret_state->n_waiting += lane->n_waiting;
	return true;
}

size_t calls_under_way(const struct calls *calls)
{
	return calls->n_under_way;
}

uint64_t calls_next_id(struct calls *calls)
{
	return ++calls->last_id;
}

static struct calls_module *find_module(struct calls *calls, const char *name)
{
	struct calls_module *module, **bigger;

	for (size_t i = 0; i < calls->n_modules; i++)
		if (j11_text_equal(calls->modules[i]->name, name))
			return calls->modules[i];
	bigger = j11_mem_resize(calls->modules, (calls->n_modules + 1) * sizeof(*bigger));
	if (bigger == NULL)
		return NULL;
	calls->modules = bigger;
	module = j11_mem_new(sizeof(*module));
	if (module == NULL || (module->name = j11_mem_dup(name)) == NULL) {
		j11_mem_free(module);
		return NULL;
	}
	calls->modules[calls->n_modules++] = module;
	return module;
}

/* ---- the queue ---- */

static struct call *call_at(struct call_place *place)
{
	return place != NULL ? (struct call *)(void *)((char *)place - offsetof(struct call, place)) : NULL;
}

static void enqueue(struct call *call, bool first)
{
	call_queue_put(&call->module->queue, &call->place, first);
	call->state = CALL_QUEUED;
	call->calls->n_queued++;
}

static void dequeue(struct call *call)
{
	call_queue_drop(&call->module->queue, &call->place);
	call->calls->n_queued--;
}

static void rest(struct call *call)
{
	loop_timer_clear(&call->timer);
	call->state = CALL_AT_REST;
	call->worker = NULL;
	call->calls->n_under_way--;
}

static void finish(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	bool abandoned = call->abandoned;

	rest(call);
	call->done(call, abandoned ? CALL_ABANDONED : end, abandoned ? NULL : msg);
}

/* Ends a call from a place where done must not run: its timer, which is in the heap already, fires in this round. */
static void fail_soon(struct call *call, enum call_end end)
{
	call->state = CALL_FAILED;
	call->failure = end;
	call->worker = NULL;
	if (!loop_timer_set(call->calls->loop, &call->timer, loop_now(call->calls->loop)))
		call->failure = end; /* cannot be: moving a filed timer needs no memory */
}

/* ---- workers ---- */

static bool has_other(const struct calls_worker *worker)
{
	for (const struct calls_worker *w = worker->module->workers; w != NULL; w = w->next)
		if (w != worker && !w->late)
			return true;
	return false;
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
		if (call != NULL && call->refused && call->refused_by == w->index && has_other(w))
			continue;
		if (best == NULL || cost < best_cost || (cost == best_cost && w->index < best->index)) {
			best = w;
			best_cost = cost;
		}
	}
	return best;
}

static void take_slot(struct calls_worker *worker, struct call *call)
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

static void free_slot(struct calls_worker *worker, const struct call *call)
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

/* Hands waiting calls to workers until either runs out. */
static void pump(struct calls_module *module)
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
			take_slot(worker, call);
		else
			fail_soon(call, CALL_LOST);
	}
}

/* The worker is gone: what it held goes to the head of the queue, oldest first, unless it was lost before or nobody waits. */
static void lose_worker(struct calls_worker *worker)
{
	struct calls *calls = worker->calls;
	struct calls_module *module = worker->module;
	struct calls_worker **link = &module->workers;
	struct call *again = NULL;

	while (*link != worker)
		link = &(*link)->next;
	*link = worker->next;
	for (unsigned i = 0; i <= worker->limit; i++) {
		struct call *call = worker->slots[i], **place = &again;

		if (call == NULL)
			continue;
		call->place.lane->n_flying--;
		if (call->abandoned || call->single || call->tries > 1) {
			fail_soon(call, CALL_LOST);
			continue;
		}
		while (*place != NULL && (*place)->id > call->id)
			place = &(*place)->next_again;
		call->next_again = *place;
		*place = call;
	}
	while (again != NULL) { /* newest first, each before the last */
		struct call *call = again;

		again = call->next_again;
		call->worker = NULL;
		enqueue(call, true);
		count_one(calls->counts, COUNT_calls_again);
	}
	count_one(calls->counts, COUNT_workers_lost);
	calls->hooks.lost(calls->hooks.arg, module->name, worker->index);
	free_worker(worker);
	pump(module);
}

static void drop(struct calls_worker *worker, const struct jwk11_err *err)
{
	struct calls *calls = worker->calls;

	count_one(calls->counts, COUNT_wire_dropped);
	calls->hooks.dropped(calls->hooks.arg, worker->module->name, worker->index, err);
}

/* A refusal that another worker need not share: each has sessions, a login and an instance of the module of its own. What was said about a PIN
 * holds for all of them, so no PIN is sent again for this, but one that is logged in goes on. */
static bool is_about_token(const struct wire_msg *msg)
{
	static const enum j11_code codes[] = { J11_CODE_TOKEN_FAILED, J11_CODE_TOKEN_ABSENT, J11_CODE_KEY_UNAVAILABLE, J11_CODE_PIN_REJECTED,
		J11_CODE_PIN_LOCKED, J11_CODE_PIN_FINAL_TRY, J11_CODE_PIN_EXPIRED, J11_CODE_PIN_MISSING, J11_CODE_PIN_FILE };
	char word[40];

	if (msg->type != WIRE_FAULT || !wire_str(msg, WIRE_F_CODE, word, sizeof(word)))
		return false;
	for (size_t i = 0; i < J11_COUNT(codes); i++)
		if (j11_text_equal(word, j11_code_name(codes[i])))
			return true;
	return false;
}

/* Once, and then to another worker, the refused call goes to the head of the queue: it has had its turn. */
static bool send_again(struct calls_worker *worker, struct call *call, const struct wire_msg *msg)
{
	if (call->abandoned || call->single || call->tries > 1 || !is_about_token(msg) || !has_other(worker))
		return false;
	call->refused = true;
	call->refused_by = worker->index;
	call->worker = NULL;
	enqueue(call, true);
	count_one(worker->calls->counts, COUNT_calls_again);
	return true;
}

/* An answer to a call that was given up is no mistake: it is dropped without a word. */
static void answer(struct calls_worker *worker, const struct wire_msg *msg)
{
	struct calls_module *module = worker->module;

	for (unsigned i = 0; i <= worker->limit; i++) {
		struct call *call = worker->slots[i];

		if (call == NULL || call->id != msg->id)
			continue;
		free_slot(worker, call);
		if (!send_again(worker, call, msg))
			finish(call, CALL_ANSWERED, msg);
		break;
	}
	pump(module);
}

static void take_message(struct calls_worker *worker, size_t len)
{
	struct calls *calls = worker->calls;
	struct jwk11_err err = { .rc = JWK11_OK };
	struct wire_msg msg;

	if (wire_decode((struct jwk11_view){ .data = calls->room, .len = len }, &msg, &err) != JWK11_OK) {
		drop(worker, &err);
		return;
	}
	worker->proven = true;
	switch (msg.type) {
	case WIRE_REPLY:
	case WIRE_FAULT:
	case WIRE_WHO_IS:
	case WIRE_TOKEN_IS:
		answer(worker, &msg);
		return;
	case WIRE_CATALOG_BEGIN:
	case WIRE_CATALOG_TOKEN:
	case WIRE_CATALOG_KEY:
	case WIRE_CATALOG_END:
		calls->hooks.catalog(calls->hooks.arg, worker->module->name, &msg);
		return;
	case WIRE_TALLY:
		calls->hooks.tally(calls->hooks.arg, worker->module->name, worker->index, &msg);
		return;
	default:
		(void)j11_err_set(&err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "%s is not for the front", wire_type_name(msg.type));
		drop(worker, &err);
	}
}

static void on_worker(void *arg, uint32_t events)
{
	struct calls_worker *worker = arg;
	struct calls_module *module = worker->module;
	int fd = -1;
	long len;

	if (events & EPOLLOUT && worker->full) {
		worker->full = false;
		loop_change(worker->calls->loop, &worker->watch, EPOLLIN);
		pump(module);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	len = wire_recv(worker->watch.fd, worker->calls->room, sizeof(worker->calls->room), MSG_DONTWAIT, &fd);
	if (fd >= 0)
		close(fd); /* workers have no descriptor to give */
	if (len > 0)
		take_message(worker, (size_t)len);
	else if (len == -EMSGSIZE)
		drop(worker, NULL);
	else if (len != -EAGAIN && len != -EINTR)
		lose_worker(worker);
}

enum jwk11_rc calls_add_worker(struct calls *calls, const char *name, unsigned index, int fd, struct jwk11_err *err)
{
	struct calls_module *module = find_module(calls, name);
	struct calls_worker *worker = NULL;

	if (module != NULL)
		worker = j11_mem_new(sizeof(*worker));
	if (worker != NULL)
		worker->slots = j11_mem_new_array(calls->limits.threads + 2, sizeof(*worker->slots));
	if (worker == NULL || worker->slots == NULL) {
		close(fd);
		j11_mem_free(worker);
		return j11_err_memory(err);
	}
	worker->calls = calls;
	worker->module = module;
	worker->index = index;
	worker->limit = calls->limits.threads + 1;
	worker->watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = on_worker, .arg = worker };
	/* a send to a worker must never block the front */
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || !loop_add(calls->loop, &worker->watch)) {
		free_worker(worker);
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "worker %u of module \"%s\" cannot be watched", index, name);
	}
	for (struct calls_worker *w = module->workers; w != NULL; w = w->next) {
		if (w->index == index) {
			lose_worker(w);
			break;
		}
	}
	worker->next = module->workers;
	module->workers = worker;
	module->down = false;
	pump(module);
	return JWK11_OK;
}

void calls_module_down(struct calls *calls, const char *name)
{
	struct calls_module *module = find_module(calls, name);

	if (module == NULL || module->workers != NULL)
		return;
	module->down = true;
	while (module->queue.turn_first != NULL) {
		struct call *call = call_at(module->queue.turn_first->first);

		dequeue(call);
		fail_soon(call, CALL_NO_WORKER);
	}
}

/* ---- calls ---- */

static void on_deadline(void *arg)
{
	struct call *call = arg;
	struct calls *calls = call->calls;
	struct calls_worker *worker = call->worker;
	struct calls_module *module = call->module;
	enum call_end end = call->failure;

	if (call->state == CALL_QUEUED) {
		dequeue(call);
		end = CALL_NEVER_SENT;
	} else if (call->state == CALL_SENT) {
		end = CALL_LATE;
		count_one(calls->counts, COUNT_calls_late);
		free_slot(worker, call);
		if (!worker->late)
			calls->hooks.late(calls->hooks.arg, module->name, worker->index);
		worker->late = true;
	}
	finish(call, end, NULL);
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
	dequeue(call);
	fail_soon(call, CALL_DISPLACED);
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

/* The parts that are call.c's own, and the deadline. */
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
	struct calls_module *module = find_module(calls, name);
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
	enqueue(call, false);
	pump(module);
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
	struct calls_module *module = find_module(calls, name);
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
	take_slot(worker, call);
	return JWK11_OK;
}

bool calls_next_worker(struct calls *calls, const char *name, unsigned from, unsigned *ret_index)
{
	const struct calls_module *module = find_module(calls, name);
	bool found = false;

	for (const struct calls_worker *w = module != NULL ? module->workers : NULL; w != NULL; w = w->next) {
		if (w->late || w->index < from || (found && w->index > *ret_index))
			continue;
		*ret_index = w->index;
		found = true;
	}
	return found;
}

bool calls_tell(struct calls *calls, struct jwk11_view datagram, int fd)
{
	for (size_t i = 0; i < calls->n_modules; i++)
		for (struct calls_worker *w = calls->modules[i]->workers; w != NULL; w = w->next)
			if (!w->late && !w->full && wire_send(w->watch.fd, datagram, fd) == 0)
				return true;
	return false;
}

const char *calls_module_name(struct calls *calls, const char *name)
{
	const struct calls_module *module = find_module(calls, name);

	return module != NULL ? module->name : NULL;
}

const char *calls_module_of(const struct call *call)
{
	return call->module->name;
}

bool calls_leave(struct call *call)
{
	if (call->state == CALL_SENT || call->state == CALL_FAILED) {
		call->abandoned = true;
		return false;
	}
	if (call->state == CALL_QUEUED) {
		dequeue(call);
		rest(call);
	}
	return true;
}

void calls_forget(struct calls *calls, struct call *call)
{
	loop_timer_remove(calls->loop, &call->timer);
}
