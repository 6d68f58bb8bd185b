/* SPDX-License-Identifier: Apache-2.0 */
/* Making a JWE (RFC 7516 section 5.1), the sender's side: public keys only. */
#ifndef J11_JWE_MAKE_H
#define J11_JWE_MAKE_H

#include "jwe.h"

/* Appends the compact form: header alg, enc, kid (when not NULL), epk, then the members of `extra` (an object or NULL). `extra` may not hold
 * alg, enc, kid, epk, apu, apv, zip, crit, jwk, jku, x5u, x5c (HEADER_REFUSED). Content key, IV and ephemeral key are new each time. */
enum jwk11_rc j11_jwe_make(const struct jwk11_pub *pub, const struct j11_kma *kma, const struct j11_enc *enc, const char *kid,
	const struct j11_json *extra, struct jwk11_view plaintext, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* Appends the content key, encrypted to an RSA key by RSA-OAEP or RSA-OAEP-256 (RFC 7518 4.3): empty label, MGF1 with the same hash. */
enum jwk11_rc j11_jwe_encrypt_key(const struct jwk11_pub *pub, const struct j11_kma *kma, const struct j11_keymat *cek, struct jwk11_buf *out,
	struct jwk11_err *err) J11_MUST_USE;

#endif
