/* SPDX-License-Identifier: Apache-2.0 */
/* JWK and JWK set (RFC 7517), thumbprint (RFC 7638), PEM. The public functions of jwk11.h live in jwk.c: jwk11_pub_from_jwk,
 * _thumbprint, _pem, _from_pem. */
#ifndef J11_JWK_H
#define J11_JWK_H

#include "json/json_write.h"
#include "pub.h"

/* The name itself when it is one of a private member, whose value is never shown (RFC 7518 6.2.2, 6.3.2, 6.4.1; RFC 8037 section 2; RFC 9964);
 * NULL otherwise. */
const char *j11_jwk_private_member(struct jwk11_view name);
/* From a parsed object. Private members (d, p, q, dp, dq, qi, oth, k, priv) are refused with JWK_INVALID. */
enum jwk11_rc j11_jwk_parse(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* The same for a key to encrypt to or to agree with: "use" enc or none, "alg" a key management algorithm. */
enum jwk11_rc j11_jwk_parse_enc(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* The same for the ephemeral key of a message, whose EC coordinates may lack leading zeros. */
enum jwk11_rc j11_jwk_parse_epk(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* The public half of a private JWK that signs; its private members are not looked at (jose/priv.h). */
enum jwk11_rc j11_jwk_parse_private_half(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* kty, for AKP alg, and the public members alone (an ephemeral key: RFC 7518 4.6.1.1). */
void j11_jwk_write_bare(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub);
/* The algorithm and kid a JWK is written with: NULL stands for the key's default and its thumbprint, an empty kid for none. Fails when they do not
 * fit (ALG_UNKNOWN, ALG_MISMATCH). */
struct j11_jwk_names {
	const char *alg, *kid;
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
};
enum jwk11_rc j11_jwk_names(const struct jwk11_pub *pub, struct j11_jwk_names *names, struct jwk11_err *err) J11_MUST_USE;
/* Writes kty, use, alg, kid and the public members, and leaves the object open for more. */
void j11_jwk_open(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub, const char *alg, const char *kid);
/* Writes the JWK as one object into an open document (for a set). */
void j11_jwk_write(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub, const char *alg, const char *kid);

/* A key set read from outside: keys of unknown kty, crv or alg are passed over (RFC 7517 section 5), broken ones refused. */
struct j11_jwks {
	struct jwk11_pub **pubs;
	size_t n;
	size_t n_skipped;
	bool enc; /* keys to encrypt to, rather than to verify with */
};
/* Accepts {"keys":[…]} or one JWK. At most 256 keys. */
enum jwk11_rc j11_jwks_parse(struct jwk11_view text, struct j11_jwks *ret_set, struct jwk11_err *err) J11_MUST_USE;
/* The same for keys to encrypt to (j11_jwk_parse_enc). */
enum jwk11_rc j11_jwks_parse_enc(struct jwk11_view text, struct j11_jwks *ret_set, struct jwk11_err *err) J11_MUST_USE;
void j11_jwks_done(struct j11_jwks *set);

#endif
