/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of the front, one thread: what happened since its start. GET /metrics shows each as jwk11_NAME_total. */
#ifndef COUNT_H
#define COUNT_H

#include <stdint.h>

#define COUNT_ROWS(X) \
	X(connections, "Connections taken") \
	X(connections_refused, "Connections answered with a refusal and closed") \
	X(connections_evicted, "Connections closed to make room for another") \
	X(requests, "Requests read") \
	X(rate_refused, "Requests past the rate of their section") \
	X(peer_denied, "Requests denied by policy") \
	X(replies_good, "Answers with a status below 400") \
	X(replies_client_error, "Answers with a status from 400 to 499") \
	X(replies_server_error, "Answers with a status of 500 or more") \
	X(calls, "Requests for workers") \
	X(calls_again, "Requests sent to a second worker because the first was lost or had trouble with its token") \
	X(calls_late, "Requests that a worker did not answer in time") \
	X(calls_refused, "Requests refused because the queue was full") \
	X(calls_over_limit, "Requests refused because their user had too many under way") \
	X(workers_lost, "Workers that ended") \
	X(wire_dropped, "Messages of workers that were dropped") \
	X(catalogues, "Catalogues taken from workers") \
	X(log_suppressed, "Log lines left out because there were too many")
#define COUNT_ENUM_(name, help) COUNT_##name,
enum count_id { COUNT_ROWS(COUNT_ENUM_) COUNT_N_ };
#undef COUNT_ENUM_

struct counts {
	uint64_t n[COUNT_N_];
};

static inline void count_one(struct counts *counts, enum count_id id)
{
	counts->n[id]++;
}
/* "connections_refused". */
const char *count_name(enum count_id id);
/* A sentence about it. */
const char *count_help(enum count_id id);

#endif
