/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with a key that works: names for programs, sentences for people. The bits are enum jwk11_health of jwk11.h. */
#ifndef J11_HEALTH_H
#define J11_HEALTH_H

#include "attr.h"
#include "buf.h"

struct j11_health {
	enum jwk11_health flag;
	const char *name;   /* "two-uses" */
	const char *what;   /* "the token lets it …" */
	const char *advice; /* what to do */
};
/* The i-th row, gravest first; NULL past the end. */
const struct j11_health *j11_health_at(size_t i);
/* By name; NULL. */
const struct j11_health *j11_health_find(struct jwk11_view name);
/* Appends the names of the bits that are set, with ", " between them; unknown bits have none. */
void j11_health_names(unsigned flags, struct jwk11_buf *out);

#endif
