/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a moment of the machine's clock, and for signals: one descriptor each, no polling. */
#ifndef WAKE_H
#define WAKE_H

#include <stdint.h>

#include "cmd.h"

enum wake_why {
	WAKE_DUE,       /* the moment has come */
	WAKE_CLOCK_SET, /* somebody has set the clock, or the machine has slept: what was waited for may be long past, or far away */
	WAKE_HANGUP,    /* SIGHUP */
	WAKE_END,       /* SIGTERM, SIGINT */
	WAKE_FAILED,    /* a reason for errno; does not happen */
};

struct wake {
	int signals, timer;
};

/* Takes the signals from now on. */
enum jwk11_rc wake_open(struct wake *ret_wake, struct jwk11_err *err) J11_MUST_USE;
/* Until then, in seconds since 1970. */
enum wake_why wake_wait(struct wake *wake, int64_t moment);
void wake_close(struct wake *wake);

#endif
