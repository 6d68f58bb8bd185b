/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared verification contexts of one public key. Setting one up costs libcrypto several look-ups (a sixth of an RSA verification);
 * copying a prepared one costs next to nothing. */
#ifndef J11_READY_H
#define J11_READY_H

#include <openssl/evp.h>

#include "alg.h"

struct j11_ready;

/* Keeps a reference of its own to the key. NULL: out of memory. */
struct j11_ready *j11_ready_new(EVP_PKEY *evp) J11_MUST_USE;
void j11_ready_free(struct j11_ready *ready);
/* A context for one verification by an algorithm with a hash: EVP_PKEY_verify over the digest. The caller frees it. NULL when libcrypto
 * cannot; its error queue is then the caller's to clear. Any number of threads at once. */
EVP_PKEY_CTX *j11_ready_verify(struct j11_ready *ready, const struct j11_alg *alg, const EVP_MD **ret_md) J11_MUST_USE;
/* The same for EdDSA, which takes the message: EVP_DigestVerify. */
EVP_MD_CTX *j11_ready_verify_message(struct j11_ready *ready) J11_MUST_USE;

#endif
