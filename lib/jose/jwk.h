/* SPDX-License-Identifier: Apache-2.0 */
/* JWK and JWK set (RFC 7517), thumbprint (RFC 7638), PEM. The public functions of jwk11.h live in jwk.c: jwk11_pub_from_jwk, _jwk,
 * _thumbprint, _pem, _from_pem. */
#ifndef J11_JWK_H
#define J11_JWK_H

#include "json/json_write.h"
#include "pub.h"

/* From a parsed object. Private members (d, p, q, dp, dq, qi, oth, k, priv) are refused with JWK_INVALID. */
enum jwk11_rc j11_jwk_parse(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* Writes the JWK as one object into an open document (for a set). */
void j11_jwk_write(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub, const char *alg, const char *kid);

/* A key set read from outside: keys of unknown kty, crv or alg, and AKP keys, are passed over (RFC 7517 section 5), broken ones refused. */
struct j11_jwks {
	struct jwk11_pub **pubs;
	size_t n;
	size_t n_skipped;
};
/* Accepts {"keys":[…]} or one JWK. At most 256 keys. */
enum jwk11_rc j11_jwks_parse(struct jwk11_view text, struct j11_jwks *ret_set, struct jwk11_err *err) J11_MUST_USE;
void j11_jwks_done(struct j11_jwks *set);

#endif
