/* SPDX-License-Identifier: Apache-2.0 */
/* Is a token worth asking? One state for each token of a worker; knows neither tokens nor clocks. Closed: it is asked. Open: nobody asks it,
 * requests are refused at once, and after breaker_wait_ms it is tried: the first time without a wait, since most failures pass. On trial: it is
 * asked, and the first failure opens the breaker again, for twice as long. Something that worked closes it. */
#ifndef BREAKER_H
#define BREAKER_H

#include <stdbool.h>

#define BREAKER_FAILURES 3 /* in a row that open it */
#define BREAKER_MIN_MS 250
#define BREAKER_MAX_MS 5000
#define BREAKER_TRIES 3 /* trials in a row after which another process should try */

struct breaker {
	bool open;
	unsigned failures; /* in a row */
	unsigned openings; /* in a row, with nothing that worked in between */
};

/* An operation worked. */
void breaker_worked(struct breaker *b);
/* One failed. True: that has opened it. */
bool breaker_failed(struct breaker *b);
/* It is known to be gone: opens at once. */
void breaker_trip(struct breaker *b);
/* It may be asked again, on trial. */
void breaker_try(struct breaker *b);
/* How long an open one stays open. */
int breaker_wait_ms(const struct breaker *b);
/* Open again after as many trials as are worth it? */
bool breaker_is_spent(const struct breaker *b);

#endif
