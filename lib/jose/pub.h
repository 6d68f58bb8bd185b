/* SPDX-License-Identifier: Apache-2.0 */
/* A public key as a checked value: what every exporter and verifier works on. There is no place in it for a private member. */
#ifndef J11_PUB_H
#define J11_PUB_H

#include "alg.h"
#include "mldsa.h"

struct j11_ready;
struct j11_kma;

#define J11_RSA_MIN_BITS 2048
#define J11_RSA_MAX_BITS 16384
#define J11_SIG_MAX J11_MLDSA_SIG_MAX /* octets of the longest JOSE signature there is */
#define J11_SPKI_MAX 4096             /* and of the longest SubjectPublicKeyInfo */

/* Reference-counted and immutable after making. Invariants: RSA: n and e minimal big-endian, n odd with 2048 to 16384 bits, e odd >= 3;
 * EC: x and y exactly coord_len octets and on the curve; OKP: x exactly coord_len octets, on the curve, not of small order
 * (X25519 and X448 take any octets: RFC 7748; what a bad one gives is refused where a key is agreed on); AKP: x is "pub" of exactly its
 * parameter set's length, and alg is part of the key. */
struct jwk11_pub {
	_Atomic unsigned refs;
	enum j11_kty kty;
	const struct j11_curve *curve; /* NULL for RSA and AKP */
	enum j11_mldsa set;            /* AKP */
	unsigned bits;
	struct jwk11_view n, e; /* RSA */
	struct jwk11_view x, y; /* EC; OKP and AKP have x only */
	const struct j11_alg *alg; /* of the JWK it was read from, and of every AKP key; NULL */
	const struct j11_kma *kma; /* the same, of a JWK for encryption */
	char kid[256];             /* of the JWK it was read from; "" */
	void *evp;                 /* EVP_PKEY, made with the value; NULL for AKP alone */
	struct j11_ready *ready;   /* verification contexts, the same */
	unsigned char bytes[];     /* where the views point */
};

/* Each checks its input and copies it. Errors: JWK_INVALID (SYNTAX), UNSUPPORTED (size, curve), MEMORY. Leading zeros of n and e
 * are dropped. */
enum jwk11_rc j11_pub_new_rsa(struct jwk11_view n, struct jwk11_view e, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
enum jwk11_rc j11_pub_new_ec(enum j11_crv crv, struct jwk11_view x, struct jwk11_view y, struct jwk11_pub **ret_pub, struct jwk11_err *err)
	J11_MUST_USE;
enum jwk11_rc j11_pub_new_okp(enum j11_crv crv, struct jwk11_view x, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* Any octets of the right length are a key. */
enum jwk11_rc j11_pub_new_akp(enum j11_mldsa set, struct jwk11_view octets, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* From a DER SubjectPublicKeyInfo or certificate (X.509), each consumed to the last octet. */
enum jwk11_rc j11_pub_from_spki(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
enum jwk11_rc j11_pub_from_cert(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;

/* The DER SubjectPublicKeyInfo (RFC 5480, RFC 8410, RFC 9881), appended. */
enum jwk11_rc j11_pub_spki(const struct jwk11_pub *pub, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* SHA-256 of the DER SubjectPublicKeyInfo. */
#define J11_SPKI_HASH_LEN 32
enum jwk11_rc j11_pub_spki_hash(const struct jwk11_pub *pub, unsigned char ret_hash[J11_SPKI_HASH_LEN], struct jwk11_err *err) J11_MUST_USE;

bool j11_pub_equal(const struct jwk11_pub *a, const struct jwk11_pub *b);
/* Does this algorithm fit this key, and its own "alg" when it has one? Else MISMATCH with code ALG_MISMATCH and a hint with the algorithms
 * that do. */
enum jwk11_rc j11_pub_fits(const struct jwk11_pub *pub, const struct j11_alg *alg, struct jwk11_err *err) J11_MUST_USE;
/* Octets of a JOSE signature by this key: modulus length, 2 * coord_len, or its parameter set's. */
size_t j11_pub_sig_len(const struct jwk11_pub *pub);
/* "RSA-2048 key", "P-256 key", "ML-DSA-44 key", for sentences. */
const char *j11_pub_describe(const struct jwk11_pub *pub, char ret_text[32]);

static inline void jwk11_pub_unref_auto(struct jwk11_pub **p)
{
	jwk11_pub_unref(*p);
}

#endif
