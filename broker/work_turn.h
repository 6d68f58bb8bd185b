/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's login turn: the supervisor lets one process at a time log in. And the way out of the process, which never leads through a login. */
#ifndef WORK_TURN_H
#define WORK_TURN_H

#include "jwk11.h"

enum { WORK_EXIT_BUG = 70 };

/* For the library: waits for the turn before C_Login, gives it back after. */
extern const struct jwk11_login_hook work_turn_hook;

/* The supervisor's GO, for one login. */
void work_turn_go(void);
/* No further login begins, and one that waits for its turn gives up. */
void work_turn_close(void);
/* Ends the process without atexit handlers (modules register bad ones), but never in the middle of a login. */
_Noreturn void work_turn_leave(int code);

#endif
