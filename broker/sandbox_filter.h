/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filters. Pure tables, loaded once; a filter cannot be taken off again and is inherited by every child. */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <stdbool.h>

#include "base/attr.h"

/* What an operator may give back to the workers' modules. */
enum sandbox_allow {
	SANDBOX_ALLOW_EXEC = 1,    /* start programs */
	SANDBOX_ALLOW_NETWORK = 2, /* TCP/IP and netlink besides Unix sockets */
	SANDBOX_ALLOW_CODE = 4     /* memory that is writable and executable */
};

/* Allow-list: serve the descriptors it has, allocate memory, read the clock, end. Anything else ends the process. */
bool sandbox_filter_front(void) J11_MUST_USE;
/* Deny-list of what no PKCS#11 module needs, with harmless errors, so that a module that only tries goes on. `allow` is of enum
 * sandbox_allow. Signals reach nobody but the process itself. */
bool sandbox_filter_worker(unsigned allow) J11_MUST_USE;
/* The part of it that holds for the supervisor and all its children. */
bool sandbox_filter_supervisor(void) J11_MUST_USE;

#endif
