/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one process, one thread: what happened since the start. */
#ifndef COUNT_H
#define COUNT_H

#include <stdint.h>

#define COUNT_NAMES(X) \
	X(connections) X(connections_refused) X(connections_evicted) X(requests) X(rate_refused) X(replies_good) X(replies_client_error) X(replies_server_error) \
	X(calls) X(calls_again) X(calls_late) X(calls_refused) X(calls_over_limit) X(workers_lost) X(wire_dropped) X(catalogues) X(log_suppressed)
#define COUNT_ENUM_(name) COUNT_##name,
enum count_id { COUNT_NAMES(COUNT_ENUM_) COUNT_N_ };

struct counts {
	uint64_t n[COUNT_N_];
};

static inline void count_one(struct counts *counts, enum count_id id)
{
	counts->n[id]++;
}
/* "connections_refused". */
const char *count_name(enum count_id id);

#endif
