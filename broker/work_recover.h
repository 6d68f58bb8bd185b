/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: the library has tried new sessions and a new login; what is left is opening tokens anew, the module, the process. */
#ifndef WORK_RECOVER_H
#define WORK_RECOVER_H

#include <stdbool.h>

/* Any thread: a request has met a token that somebody should look at. Wakes the main thread. */
void work_recover_report(void);

/* Main thread, all that follow. */
void work_recover_begin(void);
/* What was in trouble before is looked at afresh: there is a new configuration, or somebody has logged in or out. */
void work_recover_afresh(void);
/* Was anything reported since the last call? */
bool work_recover_is_wanted(void);
/* Looks at the tokens, and opens those anew that fail. False: there was nothing to be done. */
bool work_recover_look(void);
/* A token that is away, or was given up, is due to be tried again. */
void work_recover_try_again(void);

#endif
