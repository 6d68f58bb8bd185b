/* SPDX-License-Identifier: Apache-2.0 */
/* Key management algorithms of JWE (RFC 7518 section 4): one const row each. RSA1_5 has none and never will (RFC 8725 section 3.2). */
#ifndef J11_KMA_H
#define J11_KMA_H

#include "pub.h"

enum j11_kma_way { J11_KMA_OAEP, J11_KMA_ECDH };

struct j11_kma {
	const char *name;
	enum j11_kma_way way;
	bool sha256;    /* OAEP: SHA-256 and MGF1 with it; else SHA-1 with MGF1-SHA1 (RFC 7518 4.3) */
	size_t kek_len; /* ECDH: octets of the AES-KW key; 0: the agreed key is the content key */
	int cose;       /* its number in COSE (RFC 8230); 0: COSE has not the same */
};
/* Exact, case-sensitive; NULL when unknown. */
const struct j11_kma *j11_kma_find(struct jwk11_view name);
/* The i-th row; NULL past the end. */
const struct j11_kma *j11_kma_at(size_t i);
/* UNSUPPORTED with ALG_UNKNOWN, and a hint with all names. `what` begins the sentence: "encrypt: ", or "". */
enum jwk11_rc j11_kma_unknown(const char *what, struct jwk11_err *err);

/* Does this algorithm fit this key, and its own "alg" when its JWK had one? Else MISMATCH with ALG_MISMATCH. RSA for OAEP; a curve
 * that agrees on keys for ECDH-ES. */
enum jwk11_rc j11_kma_fits(const struct jwk11_pub *pub, const struct j11_kma *kma, struct jwk11_err *err) J11_MUST_USE;
/* Is this public key of a curve one to agree with? An X25519 or X448 point of small order gives zero with every key (RFC 7748 section 6):
 * JWE_INVALID, before a token sees it. */
enum jwk11_rc j11_kma_check_peer(const struct jwk11_pub *peer, struct jwk11_err *err) J11_MUST_USE;
/* The key's own, else the first row that fits; NULL when none does. */
const struct j11_kma *j11_kma_default(const struct jwk11_pub *pub);

#endif
