/* SPDX-License-Identifier: Apache-2.0 */
/* When a token is replaced, by its exp; when trouble is tried again; which mode a file may have. Pure. */
#ifndef TOKEN_RULES_H
#define TOKEN_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define TOKEN_LEAST 5  /* seconds at least between two tokens, should the broker give such short ones */
#define TOKEN_BOUND 60 /* seconds at most between two tries while there is trouble */

/* "0640": three octal digits, with a 0 in front or without, that let the owner read. */
bool token_mode(const char *text, unsigned *ret_mode) J11_MUST_USE;
/* The exp of a compact JWT, which is not verified; in whole seconds. HTTP_MALFORMED when it is none, or has none. */
enum jwk11_rc token_expiry(struct jwk11_view jwt, int64_t *ret_expires, struct jwk11_err *err) J11_MUST_USE;
/* When to get the next one: after 80 % of what is left of it, a little earlier by chance (0..UINT32_MAX), so that machines that were started together
 * part. */
int64_t token_next(int64_t now, int64_t expires, uint32_t chance);
/* Seconds until the n-th try after the first failure (n from 0): 2, 4, 8 … the bound, between half and all of it by chance, and no less than the broker
 * asks for within the bound. */
int64_t token_delay(unsigned n, unsigned retry_after, uint32_t chance);

#endif
