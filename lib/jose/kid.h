/* SPDX-License-Identifier: Apache-2.0 */
/* Key identifiers by style. Pure: what the token says of the key is given. */
#ifndef J11_KID_H
#define J11_KID_H

#include "pub.h"

/* What a kid may be made of. `name` is for sentences; label and id are empty when the key has none. */
struct j11_kid_of {
	const struct jwk11_pub *pub; /* NULL: a secret key */
	const char *name;
	const char *label;
	struct jwk11_view id;
};
/* Errors: KID_MISSING (the key has no label, no id, no public half), LIMIT (the kid would be longer than JWK11_KID_MAX - 1 octets). */
enum jwk11_rc j11_kid_make(const struct j11_kid_of *of, enum jwk11_kid_style style, char ret_kid[JWK11_KID_MAX], struct jwk11_err *err)
	J11_MUST_USE;

#endif
