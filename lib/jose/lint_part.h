/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the linter, as lint_run.c calls them one after another. */
#ifndef J11_LINT_PART_H
#define J11_LINT_PART_H

#include "lint.h"

/* lint_text.c: the bytes before they are a tree. Copies them into lint->text without what a reader could not get past. */
void j11_lint_text(struct j11_lint *lint, struct jwk11_view text);
/* lint_member.c: names and types of members, "kty"; what is not public. False: it is a secret, nothing else matters. */
bool j11_lint_members(struct j11_lint *lint, struct j11_lint_key *key);
/* lint_use.c: "use", "key_ops", "alg". */
void j11_lint_use(struct j11_lint *lint, struct j11_lint_key *key);
/* lint_number.c: the key itself; fills key->curve and key->pub. */
void j11_lint_numbers(struct j11_lint *lint, struct j11_lint_key *key);
/* lint_curve.c: keys on curves. */
void j11_lint_ec(struct j11_lint *lint, struct j11_lint_key *key);
void j11_lint_okp(struct j11_lint *lint, struct j11_lint_key *key);
/* Whether "x" is a whole EC point, compressed or not, in place of a coordinate. */
bool j11_lint_is_point(const struct j11_json *jwk);
/* lint_cert.c: "x5c", "x5t", "x5t#S256", "x5u". */
void j11_lint_certs(struct j11_lint *lint, struct j11_lint_key *key);
/* lint_set.c: "kid", and what keys are to each other. */
void j11_lint_set(struct j11_lint *lint);

/* lint_b64.c: what the text of a number or digest decodes to when its faults are mended, each fault reported. False: nothing to go on with. */
bool j11_lint_octets(struct j11_lint *lint, struct j11_lint_key *key, const char *member, struct jwk11_buf *out);
/* The same for a number, whose digits somebody may have written in place of its octets. */
bool j11_lint_number(struct j11_lint *lint, struct j11_lint_key *key, const char *name, struct jwk11_buf *out);

#endif
