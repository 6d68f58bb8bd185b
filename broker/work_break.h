/* SPDX-License-Identifier: Apache-2.0 */
/* The breakers of this worker's tokens, by the names of their sections. Any thread. */
#ifndef WORK_BREAK_H
#define WORK_BREAK_H

#include "conf.h"
#include "jwk11.h"

/* What came of an operation with a key of this token. True: somebody should look at the tokens. A token whose PIN a person has typed is not
 * closed for failures alone: to open it again somebody would have to come. */
bool work_break_note(const struct conf_token *token, enum jwk11_rc rc, const struct jwk11_err *err);
/* It is known to be gone, for this reason. */
void work_break_trip(const char *token, const struct jwk11_err *why);
/* Is it left alone, and why? */
bool work_break_is_open(const char *token, struct jwk11_err *ret_why);
/* All that are open go on trial. */
void work_break_try(void);
/* All that were on trial, and have not worked since, open again: what they were tried for has not come. */
void work_break_again(void);
/* The longest wait of those that are open; -1: none is. */
int work_break_wait_ms(void);
/* Has one been tried often enough in this process? */
bool work_break_is_spent(void);
/* A new configuration: whatever was wrong may be right now. */
void work_break_forget(void);

#endif
