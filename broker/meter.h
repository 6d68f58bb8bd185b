/* SPDX-License-Identifier: Apache-2.0 */
/* What the front measures of requests, by key and operation, and what workers told of themselves. One thread. */
#ifndef METER_H
#define METER_H

#include "conf.h"
#include "tally.h"

/* What became of a request; few, so that there are few series. */
#define METER_RESULTS(X) X(ok) X(refused) X(denied) X(limited) X(unavailable) X(late) X(failed)
#define METER_ENUM_(name) METER_##name,
enum meter_result { METER_RESULTS(METER_ENUM_) METER_N_RESULTS };
#undef METER_ENUM_
const char *meter_result_name(enum meter_result result);
enum meter_result meter_result_of(unsigned status);

#define METER_BUCKETS 13
extern const unsigned meter_bucket_us[METER_BUCKETS]; /* upper ends, ascending */

/* The requests for one key. */
struct meter_key {
	struct meter_key *next;
	uint64_t n[CONF_N_OPS][METER_N_RESULTS];
	char name[];
};
/* How long workers took. */
struct meter_times {
	uint64_t bucket[METER_BUCKETS + 1]; /* the last one: longer */
	uint64_t sum_us;
};
struct meter_module {
	struct meter_module *next;
	uint64_t total[TALLY_N_];
	struct {
		uint64_t last[TALLY_N_];
	} *workers; /* by index */
	unsigned n_workers;
	char name[];
};
struct meter {
	struct meter_key *keys[1024]; /* by hash of the name; made when first asked for, and kept: configurations name few */
	struct meter_times times[CONF_N_OPS];
	struct meter_module *modules;
};

/* NULL: no memory, and then nothing is counted. `name` is that of a [key] section. */
struct meter_key *meter_key(struct meter *meter, const char *name);
/* NULL: nobody has asked for it. */
const struct meter_key *meter_find(const struct meter *meter, const char *name);
void meter_time(struct meter *meter, enum conf_op op, uint64_t us);
/* What a worker told; numbers of workers that have gone stay in the sum of a counter. */
void meter_tally(struct meter *meter, const char *module, unsigned index, const uint64_t n[TALLY_N_]);
/* Of all workers of all modules, those that are gone too. */
uint64_t meter_total(const struct meter *meter, enum tally_id id);
/* The worker has gone. */
void meter_lost(struct meter *meter, const char *module, unsigned index);
void meter_done(struct meter *meter);

#endif
