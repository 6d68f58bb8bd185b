/* SPDX-License-Identifier: Apache-2.0 */
/* A token in a file that is always a fresh one. */
#ifndef TOKEN_STAY_H
#define TOKEN_STAY_H

#include "token_get.h"

#define TOKEN_STAY_LEAST 60   /* seconds that a token must hold, or it would be replaced without end */
#define TOKEN_STAY_PATIENCE 30 /* seconds for the broker to answer */

/* Writes the file, and writes it again before what is in it expires, until SIGTERM or SIGINT; SIGHUP: now. Returns the exit code. A first token that is
 * refused, or that cannot be written, ends it; while nobody answers, and later whatever happens, it tries again: the file stays as it is. */
int token_stay(const struct token_wish *wish, const struct cmd_global *g, const char *path, unsigned mode);

#endif
