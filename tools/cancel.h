/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C in the middle of something that has to be taken back: the first one ends what waits, and the verb cleans up; the second one ends the
 * process. One thread. */
#ifndef CANCEL_H
#define CANCEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "jwk11.h"

/* From now on SIGINT, SIGTERM and SIGHUP (unless it is ignored) are kept. */
enum jwk11_rc cancel_begin(struct jwk11_err *err) J11_MUST_USE;
/* Readable once one has come; -1 before cancel_begin. */
int cancel_fd(void);
bool cancel_is_due(void);
/* CANCELLED, once one has come. */
enum jwk11_rc cancel_check(struct jwk11_err *err) J11_MUST_USE;
/* Waits, as a protocol demands, for these seconds or until it is cancelled. */
enum jwk11_rc cancel_wait(int64_t seconds, struct jwk11_err *err) J11_MUST_USE;
/* Waits for a child process to end. Cancelled: the child is told to (SIGTERM) and waited for all the same; with `to_the_end` nothing is told to it. */
enum jwk11_rc cancel_wait_child(pid_t pid, bool to_the_end, int *ret_status, struct jwk11_err *err) J11_MUST_USE;

#endif
