/* SPDX-License-Identifier: Apache-2.0 */
/* Workers as the front meets them: one comes, answers, says what it has, is lost. */
#include "call_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

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
			call_end_soon(call, CALL_LOST);
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
		call_send_enqueue(call, true);
		count_one(calls->counts, COUNT_calls_again);
	}
	count_one(calls->counts, COUNT_workers_lost);
	calls->hooks.lost(calls->hooks.arg, module->name, worker->index);
	call_module_free_worker(worker);
	call_send(module);
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
	if (call->abandoned || call->single || call->tries > 1 || !is_about_token(msg) || !call_module_has_other(worker))
		return false;
	call->refused = true;
	call->refused_by = worker->index;
	call->worker = NULL;
	call_send_enqueue(call, true);
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
		call_slot_free(worker, call);
		if (!send_again(worker, call, msg))
			call_end(call, CALL_ANSWERED, msg);
		break;
	}
	call_send(module);
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
		call_send(module);
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
	struct calls_module *module = call_module_find(calls, name);
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
		call_module_free_worker(worker);
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
	call_send(module);
	return JWK11_OK;
}

void calls_module_down(struct calls *calls, const char *name)
{
	struct calls_module *module = call_module_find(calls, name);

	if (module == NULL || module->workers != NULL)
		return;
	module->down = true;
	while (module->queue.turn_first != NULL) {
		struct call *call = call_at(module->queue.turn_first->first);

		call_send_dequeue(call);
		call_end_soon(call, CALL_NO_WORKER);
	}
}
