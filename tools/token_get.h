/* SPDX-License-Identifier: Apache-2.0 */
/* A JWT that is to be shown to a cloud: what it shall say, and the one that the broker makes. */
#ifndef TOKEN_GET_H
#define TOKEN_GET_H

#include "cmd.h"

/* Borrows its strings; claims is its own. */
struct token_wish {
	const char *key;
	const char *iss, *sub, *aud; /* NULL: not said by an option of its own */
	long long ttl;               /* seconds */
	struct jwk11_buf claims;     /* the object; made by token_wish_claims */
};

struct token {
	struct jwk11_buf text;
	int64_t expires; /* its exp, rounded down to seconds since 1970 */
};

/* Puts the claims of the options and of --claim together. Errors: SYNTAX (a claim is given twice, or is iat or exp, which --ttl gives). */
enum jwk11_rc token_wish_claims(struct token_wish *wish, const struct cmd_global *g, struct jwk11_err *err) J11_MUST_USE;
void token_wish_done(struct token_wish *wish);

/* From the broker, or with --offline from the library. Errors: those of the broker; HTTP_MALFORMED when what comes is no JWT with an exp; MISMATCH when that
 * has passed already: clocks differ. */
enum jwk11_rc token_get(const struct token_wish *wish, const struct cmd_global *g, struct token *ret_token, struct jwk11_err *err) J11_MUST_USE;
void token_done(struct token *token);

static inline void token_done_auto(struct token *token)
{
	token_done(token);
}

#endif
