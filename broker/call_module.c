/* SPDX-License-Identifier: Apache-2.0 */
/* The modules and workers that there are: kept, found and described. Sends nothing that is answered. */
#include "call_in.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

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

void call_module_free_worker(struct calls_worker *worker)
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
			call_module_free_worker(worker);
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

struct calls_module *call_module_find(struct calls *calls, const char *name)
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

bool call_module_has_other(const struct calls_worker *worker)
{
	for (const struct calls_worker *w = worker->module->workers; w != NULL; w = w->next)
		if (w != worker && !w->late)
			return true;
	return false;
}

bool calls_next_worker(struct calls *calls, const char *name, unsigned from, unsigned *ret_index)
{
	const struct calls_module *module = call_module_find(calls, name);
	bool found = false;

	for (const struct calls_worker *w = module != NULL ? module->workers : NULL; w != NULL; w = w->next) {
		if (w->late || w->index < from || (found && w->index > *ret_index))
			continue;
		*ret_index = w->index;
		found = true;
	}
	return found;
}

const char *calls_module_name(struct calls *calls, const char *name)
{
	const struct calls_module *module = call_module_find(calls, name);

	return module != NULL ? module->name : NULL;
}

const char *calls_module_of(const struct call *call)
{
	return call->module->name;
}
