/* SPDX-License-Identifier: Apache-2.0 */
/* Sums for GET /metrics. */
#include "meter.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define WORKERS_MAX 1024 /* indexes that are believed */

const unsigned meter_bucket_us[METER_BUCKETS] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000, 2500000, 10000000 };

const char *meter_result_name(enum meter_result result)
{
#define METER_TEXT_(name) #name,
	static const char *const names[METER_N_RESULTS] = { METER_RESULTS(METER_TEXT_) };
#undef METER_TEXT_

	return names[result];
}

enum meter_result meter_result_of(unsigned status)
{
	if (status < 400)
		return METER_ok;
	if (status == 403 || status == 404)
		return METER_denied;
	if (status < 500)
		return status == 429 ? METER_limited : METER_refused;
	return status == 503 ? METER_unavailable : status == 504 ? METER_late : METER_failed;
}

/* FNV-1a: names are the configuration's, so nobody chooses them to collide. */
static size_t place_of(const char *name)
{
	uint32_t h = 2166136261u;

	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++)
		h = (h ^ *p) * 16777619u;
	return h % J11_COUNT(((struct meter *)NULL)->keys);
}

static struct meter_key *find(const struct meter *meter, const char *name, size_t place)
{
	struct meter_key *key = meter->keys[place];

	while (key != NULL && !j11_text_equal(key->name, name))
		key = key->next;
	return key;
}

const struct meter_key *meter_find(const struct meter *meter, const char *name)
{
	return find(meter, name, place_of(name));
}

struct meter_key *meter_key(struct meter *meter, const char *name)
{
	size_t place = place_of(name), len = strlen(name);
	struct meter_key *key = find(meter, name, place);

	if (key != NULL)
		return key;
	key = j11_mem_new(sizeof(*key) + len + 1);
	if (key == NULL)
		return NULL;
	memcpy(key->name, name, len + 1);
	key->next = meter->keys[place];
	meter->keys[place] = key;
	return key;
}

void meter_time(struct meter *meter, enum conf_op op, uint64_t us)
{
	unsigned i = 0;

	while (i < METER_BUCKETS && us > meter_bucket_us[i])
		i++;
	meter->times[op].bucket[i]++;
	meter->times[op].sum_us += us;
}

static struct meter_module *module_of(struct meter *meter, const char *name)
{
	struct meter_module *module = meter->modules;
	size_t len = strlen(name);

	while (module != NULL && !j11_text_equal(module->name, name))
		module = module->next;
	if (module != NULL || (module = j11_mem_new(sizeof(*module) + len + 1)) == NULL)
		return module;
	memcpy(module->name, name, len + 1);
	module->next = meter->modules;
	meter->modules = module;
	return module;
}

static bool make_room(struct meter_module *module, unsigned index)
{
	void *bigger;

	if (index < module->n_workers)
		return true;
	if (index >= WORKERS_MAX || (bigger = j11_mem_resize(module->workers, (index + 1) * sizeof(*module->workers))) == NULL)
		return false;
	module->workers = bigger;
	memset(&module->workers[module->n_workers], 0, (index + 1 - module->n_workers) * sizeof(*module->workers));
	module->n_workers = index + 1;
	return true;
}

/* Threads of a worker may send out of order: a counter that seems to shrink is older news. */
void meter_tally(struct meter *meter, const char *name, unsigned index, const uint64_t n[TALLY_N_])
{
	struct meter_module *module = module_of(meter, name);

	if (module == NULL || !make_room(module, index))
		return;
	for (unsigned i = 0; i < TALLY_N_; i++) {
		uint64_t *last = &module->workers[index].last[i];

		if (n[i] < *last && tally_row((enum tally_id)i)->kind == TALLY_COUNTER)
			continue;
		module->total[i] += n[i] - *last;
		*last = n[i];
	}
}

uint64_t meter_total(const struct meter *meter, enum tally_id id)
{
	uint64_t total = 0;

	for (const struct meter_module *m = meter->modules; m != NULL; m = m->next)
		total += m->total[id];
	return total;
}

void meter_lost(struct meter *meter, const char *name, unsigned index)
{
	struct meter_module *module = module_of(meter, name);

	if (module == NULL || index >= module->n_workers)
		return;
	for (unsigned i = 0; i < TALLY_N_; i++) {
		if (tally_row((enum tally_id)i)->kind == TALLY_GAUGE)
			module->total[i] -= module->workers[index].last[i];
		module->workers[index].last[i] = 0;
	}
}

void meter_done(struct meter *meter)
{
	for (size_t i = 0; i < J11_COUNT(meter->keys); i++) {
		struct meter_key *next;

		for (struct meter_key *key = meter->keys[i]; key != NULL; key = next) {
			next = key->next;
			j11_mem_free(key);
		}
	}
	while (meter->modules != NULL) {
		struct meter_module *module = meter->modules;

		meter->modules = module->next;
		j11_mem_free(module->workers);
		j11_mem_free(module);
	}
}
