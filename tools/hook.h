/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the person's own, run with arguments that are handed over as they are: never through a shell. */
#ifndef HOOK_H
#define HOOK_H

#include <stdbool.h>

#include "base/attr.h"
#include "jwk11.h"

/* argv[0] is the path, argv ends with NULL. Its standard output goes to our standard error. `to_the_end`: Ctrl-C does not end it, for what takes
 * something back. Errors: HOOK_FAILED (DEVICE), CANCELLED. */
enum jwk11_rc hook_run(const char *const *argv, bool to_the_end, struct jwk11_err *err) J11_MUST_USE;

#endif
