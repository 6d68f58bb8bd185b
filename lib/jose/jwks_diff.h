/* SPDX-License-Identifier: Apache-2.0 */
/* What changed from one JWK set to another, whatever the order of keys and members. */
#ifndef J11_JWKS_DIFF_H
#define J11_JWKS_DIFF_H

#include "json/json_read.h"

enum j11_change_kind {
	J11_CHANGE_ADDED,    /* a key that was not there */
	J11_CHANGE_REMOVED,
	J11_CHANGE_REPLACED, /* another key under the same kid: readers that know the kid will not fetch it */
	J11_CHANGE_RENAMED,  /* the same key under another kid, or with or without one */
	J11_CHANGE_CHANGED,  /* the same key under the same kid, other members */
	J11_CHANGE_SET,      /* members beside "keys" */
	J11_N_CHANGE_
};
/* "added" … */
const char *j11_change_name(enum j11_change_kind kind);

struct j11_change {
	enum j11_change_kind kind;
	const struct j11_json *before, *after; /* the keys; NULL where there is none */
	char members[128];                     /* names that differ, but for kid, with blanks between; "" when there are none */
};

struct j11_jwks_diff {
	struct j11_json_doc *before, *after; /* own what the changes point to */
	struct j11_change *changes;          /* sorted by kind, then by kid */
	size_t n;
};

/* Each text is a set or one JWK. A key is known by its kid, else by its thumbprint (RFC 7638), else by all its members. At most 1024 keys.
 * Errors: SYNTAX, LIMIT, MEMORY; the sentence names the text as "old set" or "new set". Pure. */
enum jwk11_rc j11_jwks_diff(struct jwk11_view before, struct jwk11_view after, struct j11_jwks_diff **ret_diff, struct jwk11_err *err) J11_MUST_USE;
void j11_jwks_diff_free(struct j11_jwks_diff *diff);

J11_DEFINE_AUTO(struct j11_jwks_diff, j11_jwks_diff_free)

#endif
