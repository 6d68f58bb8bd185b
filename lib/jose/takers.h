/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes key sets, and what each refuses beyond what is wrong everywhere: one const table each in takers.c. */
#ifndef J11_TAKERS_H
#define J11_TAKERS_H

#include "lint.h"

struct j11_taker;

/* Exact; NULL when unknown. */
const struct j11_taker *j11_taker_find(struct jwk11_view name);
/* The i-th; NULL past the end. */
const struct j11_taker *j11_taker_at(size_t i);
/* "aws", and "AWS IAM OpenID Connect provider". */
const char *j11_taker_name(const struct j11_taker *taker);
const char *j11_taker_title(const struct j11_taker *taker);

/* NEVER: there is no set of keys that it takes, it wants something else. */
enum j11_takes { J11_TAKES_YES, J11_TAKES_WARN, J11_TAKES_NO, J11_TAKES_NEVER, J11_N_TAKES_ };
/* "yes", "maybe", "no", "n/a". */
const char *j11_takes_name(enum j11_takes takes);

struct j11_verdict {
	enum j11_takes takes;
	char why[256]; /* the first reason; "" for YES */
};
/* What the taker makes of one key of a set that was judged already. An error that the linter found counts against every taker. */
void j11_taker_judge(const struct j11_taker *taker, const struct j11_lint *lint, const struct j11_lint_key *key, struct j11_verdict *ret_verdict);

#endif
