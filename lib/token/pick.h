/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing one key among those that match, on however many tokens and through however many modules. The same public key found again is the
 * same key, and the first one found stays; two different ones are an answer that names both. */
#ifndef J11_PICK_H
#define J11_PICK_H

#include "base/buf.h"
#include "jwk11.h"

struct j11_pick {
	struct jwk11_key *key; /* the first; a reference, NULL: none yet */
	unsigned n;            /* different ones */
	struct jwk11_buf list; /* the candidates, for the sentence */
	unsigned n_listed;
};
#define J11_PICK { .list = J11_BUF(280) }

/* True when it is the first one. The pick takes a reference of its own. */
bool j11_pick_offer(struct j11_pick *pick, struct jwk11_key *key);
/* AMBIGUOUS, with as many candidates as fit, each by its URI and its thumbprint. `name` and `what` say what was looked for. */
enum jwk11_rc j11_pick_ambiguous(const struct j11_pick *pick, const char *name, const char *what, struct jwk11_err *err);
void j11_pick_done(struct j11_pick *pick);

#endif
