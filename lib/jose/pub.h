/* SPDX-License-Identifier: Apache-2.0 */
/* A public key as a checked value: what every exporter and verifier works on. There is no place in it for a private member. */
#ifndef J11_PUB_H
#define J11_PUB_H

#include "alg.h"

struct j11_ready;

#define J11_RSA_MIN_BITS 2048
#define J11_RSA_MAX_BITS 16384

/* Reference-counted and immutable after making. Invariants: RSA: n and e minimal big-endian, n odd with 2048 to 16384 bits, e odd >= 3;
 * EC: x and y exactly coord_len octets and on the curve; OKP: x exactly coord_len octets, on the curve, not of small order. */
struct jwk11_pub {
	_Atomic unsigned refs;
	enum j11_kty kty;
	const struct j11_curve *curve; /* NULL for RSA */
	unsigned bits;
	struct jwk11_view n, e; /* RSA */
	struct jwk11_view x, y; /* EC; OKP has x only */
	const struct j11_alg *alg; /* of the JWK it was read from; NULL */
	char kid[256];             /* of the JWK it was read from; "" */
	void *evp;                 /* EVP_PKEY, made with the value and never NULL */
	struct j11_ready *ready;   /* verification contexts, made with the value and never NULL */
	unsigned char bytes[];     /* where the views point */
};

/* Each checks its input and copies it. Errors: JWK_INVALID (SYNTAX), UNSUPPORTED (size, curve), MEMORY. Leading zeros of n and e
 * are dropped. */
enum jwk11_rc j11_pub_new_rsa(struct jwk11_view n, struct jwk11_view e, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
enum jwk11_rc j11_pub_new_ec(enum j11_crv crv, struct jwk11_view x, struct jwk11_view y, struct jwk11_pub **ret_pub, struct jwk11_err *err)
	J11_MUST_USE;
enum jwk11_rc j11_pub_new_okp(enum j11_crv crv, struct jwk11_view x, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* From a DER SubjectPublicKeyInfo or certificate (X.509), each consumed to the last octet. */
enum jwk11_rc j11_pub_from_spki(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
enum jwk11_rc j11_pub_from_cert(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;

bool j11_pub_equal(const struct jwk11_pub *a, const struct jwk11_pub *b);
/* Does this algorithm fit this key, and its own "alg" when it has one? Else MISMATCH with code ALG_MISMATCH and a hint with the algorithms
 * that do. */
enum jwk11_rc j11_pub_fits(const struct jwk11_pub *pub, const struct j11_alg *alg, struct jwk11_err *err) J11_MUST_USE;
/* Octets of a JOSE signature by this key: modulus length, 2 * coord_len, 64. */
size_t j11_pub_sig_len(const struct jwk11_pub *pub);
/* "RSA-2048 key", "P-256 key", for sentences. */
const char *j11_pub_describe(const struct jwk11_pub *pub, char ret_text[32]);

static inline void jwk11_pub_unref_auto(struct jwk11_pub **p)
{
	jwk11_pub_unref(*p);
}

#endif
