/* SPDX-License-Identifier: Apache-2.0 */
/* From a JWA algorithm to a PKCS#11 mechanism: which route a token offers, with its parameters and the bytes it wants. */
#ifndef J11_MECH_H
#define J11_MECH_H

#include "jose/alg.h"
#include "token.h"

/* What to hand to C_SignInit and C_Sign. `data` points into the caller's input or into `room`. */
struct j11_mech {
	CK_MECHANISM mechanism;
	CK_RSA_PKCS_PSS_PARAMS pss;
	struct j11_eddsa_params eddsa;
	struct jwk11_view data;
	unsigned char room[19 + J11_HASH_MAX]; /* DigestInfo prefix and digest */
};

/* Which of the mechanisms we know this slot offers for signing (C_GetMechanismInfo with CKF_SIGN; sizes are only advice and not used). */
j11_mech_set j11_mech_probe(CK_FUNCTION_LIST *fl, CK_SLOT_ID slot);
/* The same out of a key's CKA_ALLOWED_MECHANISMS; n == 0 allows everything. */
j11_mech_set j11_mech_allowed(const CK_MECHANISM_TYPE *list, size_t n);
bool j11_mech_can(j11_mech_set offered, const struct j11_alg *alg);
/* Picks the route: we hash and the token signs the digest when it can, else the token hashes. Errors: UNSUPPORTED when neither is offered or a
 * digest is given and only the hashing route is there; DIGEST_LENGTH. Must be called with a fitting key only: a mechanism of another key
 * type crashes some modules. `curve` is the key's, or NULL. PKCS#11 3.0 sections 2.1 and 2.3. */
enum jwk11_rc j11_mech_prepare(j11_mech_set offered, const struct j11_alg *alg, const struct j11_curve *curve, enum jwk11_input kind,
	struct jwk11_view input, struct j11_mech *ret_mech, struct jwk11_err *err) J11_MUST_USE;

#endif
