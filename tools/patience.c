/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting with an end. */
#include "patience.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cancel.h"
#include "cmd.h"

struct patience patience_for(long long seconds)
{
	return (struct patience){ .tries = PATIENCE_TRIES, .until_ms = j11_clock_ms() + 1000 * seconds };
}

enum jwk11_rc patience_wait(struct patience *p, int64_t retry_after, const char *what, struct jwk11_err *err)
{
	int64_t seconds = retry_after >= 0 ? retry_after : PATIENCE_STEP_S;

	if (p->tries == 0 || j11_clock_ms() + 1000 * seconds > p->until_ms) {
		cmd_note_request("", (unsigned)seconds);
		j11_err_set(err, JWK11_ERR_TIMEOUT, J11_CODE_SERVER_PENDING, p->tries == 0 ? "%s is not there yet, asked for %d times" : "%s is not there yet",
			what, PATIENCE_TRIES + 1);
		j11_err_hint(err, "the same command again later; --wait SECONDS is how long this one waits");
		return JWK11_ERR_TIMEOUT;
	}
	p->tries--;
	if (isatty(STDERR_FILENO) && seconds > 0)
		fprintf(stderr, "  waiting %lld s for %s\n", (long long)seconds, what);
	return cancel_wait(seconds, err);
}
