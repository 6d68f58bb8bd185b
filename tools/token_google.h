/* SPDX-License-Identifier: Apache-2.0 */
/* Google's client libraries run a program for the token ("executable-sourced credentials", version 1): what they say in its environment, what they read. */
#ifndef TOKEN_GOOGLE_H
#define TOKEN_GOOGLE_H

#include "token_get.h"

/* Prints the answer, good or bad, and nothing else, as some of them read standard error too. Writes it where GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE says.
 * Fills in wish->aud when it is NULL. Returns the exit code. */
int token_google(struct token_wish *wish, const struct cmd_global *g);

#endif
