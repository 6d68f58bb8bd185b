/* SPDX-License-Identifier: Apache-2.0 */
/* A private key on its way from a file onto a token: the one value of this library that holds private numbers. Nothing writes or shows it;
 * only token/import.c takes it. */
#ifndef J11_PRIV_H
#define J11_PRIV_H

#include "pub.h"

#define J11_PRIV_FILE_MAX 65536 /* octets of a file with a private key */

/* Unsigned and big-endian. RSA has all six (RFC 8017 3.2, two primes), without leading zeros; every other type d alone: as wide as a
 * coordinate for EC, the seed of RFC 8032 for OKP. */
struct j11_priv_numbers {
	struct jwk11_view d, p, q, dp, dq, qi;
};

/* Immutable; wiped when it goes. Invariant: the numbers are those of this public key, by arithmetic (j11_priv_new). `pub` has kid and alg when
 * the key came as a JWK that names them. */
struct j11_priv {
	struct jwk11_pub *pub;
	struct j11_priv_numbers n;
	size_t len;
	unsigned char bytes[]; /* where the views point */
};

/* Copies the numbers, leading zeros aside. Refuses what does not belong to the public key, and AKP (UNSUPPORTED). That p and q are prime
 * is not looked at: a signature by the key shows it. */
enum jwk11_rc j11_priv_new(struct jwk11_pub *pub, const struct j11_priv_numbers *numbers, struct j11_priv **ret_priv, struct jwk11_err *err)
	J11_MUST_USE;
void j11_priv_free(struct j11_priv *priv);

/* Does this text want a passphrase (an ENCRYPTED PRIVATE KEY in PEM)? */
bool j11_priv_is_encrypted(struct jwk11_view text);
/* The one private key in a file: PEM (PKCS#8 plain or encrypted by PBES2, PKCS#1, SEC1; RFC 7468, RFC 5958) or a JWK (RFC 7517). `passphrase`
 * is that of an encrypted one; data NULL: none. Pure. What libcrypto frees on the way is wiped only after j11_priv_wipe_libcrypto. Errors: SYNTAX (PEM_INVALID, JWK_INVALID and those of JSON), UNSUPPORTED, LIMIT, LOGIN
 * (PASSPHRASE_MISSING, PASSPHRASE_WRONG), MEMORY; none repeats an octet of the file. */
enum jwk11_rc j11_priv_read(struct jwk11_view text, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
	J11_MUST_USE;
/* The two halves of it. */
enum jwk11_rc j11_priv_from_pem(struct jwk11_view pem, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
	J11_MUST_USE;
enum jwk11_rc j11_priv_from_jwk(struct jwk11_view jwk, struct j11_priv **ret_priv, struct jwk11_err *err) J11_MUST_USE;

/* For a program that reads such files: from now on libcrypto wipes everything that it frees, since its decoders keep copies. False when it is too
 * late, because libcrypto has memory already. */
bool j11_priv_wipe_libcrypto(void) J11_MUST_USE;

J11_DEFINE_AUTO(struct j11_priv, j11_priv_free)

#endif
