/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told: sd_notify(3)'s datagrams, written by ourselves. Without NOTIFY_SOCKET every call does nothing. */
#ifndef SUP_NOTIFY_H
#define SUP_NOTIFY_H

#include <stdint.h>

#include "base/buf.h"

struct sup_notify {
	int sock;            /* -1: nobody listens */
	int64_t watchdog_ms; /* within which WATCHDOG=1 is awaited; 0: it is not */
	struct jwk11_buf status; /* the last one told */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment. An address that cannot be used is logged. */
void sup_notify_open(struct sup_notify *ret_notify);
void sup_notify_close(struct sup_notify *notify);

/* READY=1, and READY=1 again after RELOADING. */
void sup_notify_ready(struct sup_notify *notify);
/* With the monotonic time that the manager wants to see. */
void sup_notify_reloading(struct sup_notify *notify);
void sup_notify_stopping(struct sup_notify *notify);
void sup_notify_watchdog(struct sup_notify *notify);
/* One line for people; told only when it differs from the last one. */
void sup_notify_status(struct sup_notify *notify, const char *text);

#endif
