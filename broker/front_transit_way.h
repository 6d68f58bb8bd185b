/* SPDX-License-Identifier: Apache-2.0 */
/* How Vault names what a key does, and whether a request asks for that. Pure functions. */
#ifndef FRONT_TRANSIT_WAY_H
#define FRONT_TRANSIT_WAY_H

#include "front_transit_body.h"

struct front_transit_way {
	const char *alg;
	const char *type; /* NULL: RSA, with the number of bits */
	const char *name; /* of a version; NULL: the type again */
	const char *hash; /* NULL: it takes whole messages only, and no hash changes that */
	const char *scheme; /* signature_algorithm; NULL: there is no choice */
	unsigned hash_len;
};

/* By the key's alg and the curve of its JWK (""); NULL: Vault has no name for it. */
const struct front_transit_way *front_transit_way_of(const char *alg, const char *crv);
bool front_transit_way_is_ecdsa(const struct front_transit_way *way);
/* Hash, scheme and length of the salt must be the key's. `hash`: that of the path, or "". */
enum jwk11_rc front_transit_way_check(const struct front_transit_way *way, const struct front_transit_body *body, enum conf_op op, const char *hash,
	const char *key, struct jwk11_err *err) J11_MUST_USE;

#endif
