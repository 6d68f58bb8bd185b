/* SPDX-License-Identifier: Apache-2.0 */
/* How often, and for how long in all, a server is asked again that says "later". */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdint.h>

#include "base/attr.h"
#include "jwk11.h"

enum { PATIENCE_TRIES = 30, PATIENCE_STEP_S = 3 };
struct patience {
	unsigned tries;   /* left */
	int64_t until_ms; /* of j11_clock_ms */
};
struct patience patience_for(long long seconds);
/* Waits as long as the server says; -1: it says nothing, and PATIENCE_STEP_S do. Errors: TIMEOUT (SERVER_PENDING) when there is no try left, or not as
 * much time; `what` names what is waited for. CANCELLED. */
enum jwk11_rc patience_wait(struct patience *patience, int64_t retry_after, const char *what, struct jwk11_err *err) J11_MUST_USE;

#endif
