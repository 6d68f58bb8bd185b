/* SPDX-License-Identifier: Apache-2.0 */
/* What a private key may be used for: what its attributes allow, what its public half suits, what the slot offers. */
#ifndef J11_USE_H
#define J11_USE_H

#include "jose/kma.h"
#include "obj.h"

/* Which of the mechanisms for JWE this slot offers (C_GetMechanismInfo with CKF_DECRYPT, CKF_DERIVE). Which hashes its OAEP takes shows at
 * the first use only. */
j11_mech_set j11_use_probe(CK_FUNCTION_LIST *fl, CK_SLOT_ID slot);
/* Those of a key's CKA_ALLOWED_MECHANISMS; n == 0 allows everything. */
j11_mech_set j11_use_allowed(const CK_MECHANISM_TYPE *list, size_t n);
bool j11_use_can(j11_mech_set offered, const struct j11_kma *kma);
/* Do its attributes let this private key serve that use: CKA_SIGN; CKA_DECRYPT for RSA, CKA_DERIVE else; CKA_ALLOWED_MECHANISMS? When not, why
 * ("the token …"). */
const char *j11_use_problem(const struct j11_object *priv, enum jwk11_use use);
/* The bits of enum jwk11_health for a private key and its public half, or for a secret key and NULL. */
unsigned j11_use_health(const struct j11_object *priv, const struct jwk11_pub *pub);
/* Does this public half have an algorithm for that use? */
bool j11_use_suits(const struct jwk11_pub *pub, enum jwk11_use use);

#endif
