/* SPDX-License-Identifier: Apache-2.0 */
/* ML-DSA (FIPS 204): the three parameter sets and verification with a public key. Signing is the token's. */
#ifndef J11_MLDSA_H
#define J11_MLDSA_H

#include "base/attr.h"
#include "base/buf.h"

/* With the numbers of CKA_PARAMETER_SET (PKCS#11 3.2, CKP_ML_DSA_*). */
enum j11_mldsa { J11_MLDSA_NONE, J11_MLDSA_44, J11_MLDSA_65, J11_MLDSA_87, J11_N_MLDSA_ };

#define J11_MLDSA_PUB_MAX 2592
#define J11_MLDSA_SIG_MAX 4627

/* By the name of its algorithm, exactly ("ML-DSA-44"); NONE when it is no such name. */
enum j11_mldsa j11_mldsa_find(struct jwk11_view name);
const char *j11_mldsa_name(enum j11_mldsa set); /* "" for NONE */
/* The content of its OBJECT IDENTIFIER (RFC 9881 section 2), in SubjectPublicKeyInfo and in signatures alike. */
#define J11_MLDSA_OID_LEN 9
void j11_mldsa_oid(enum j11_mldsa set, unsigned char ret_oid[J11_MLDSA_OID_LEN]);
/* Octets of a public key (1312, 1952, 2592; any octets of that length are one) and of a signature (2420, 3309, 4627); 0 for NONE. */
size_t j11_mldsa_pub_len(enum j11_mldsa set);
size_t j11_mldsa_sig_len(enum j11_mldsa set);

/* ML-DSA.Verify (Algorithm 3) of pure ML-DSA with the empty context, which is what RFC 9964 asks for: never a digest. A signature has one
 * encoding; a second one of the same value is refused. Errors: SIGNATURE_INVALID (SIGNATURE) for everything that does not verify, wrong
 * lengths included; MEMORY. */
enum jwk11_rc j11_mldsa_verify(enum j11_mldsa set, struct jwk11_view pub, struct jwk11_view message, struct jwk11_view sig,
	struct jwk11_err *err) J11_MUST_USE;

#endif
