/* SPDX-License-Identifier: Apache-2.0 */
/* Which key of a set is to check a signature. */
#ifndef CHOOSE_H
#define CHOOSE_H

#include "jose/jwk.h"
#include "jose/jws.h"

/* By kid when the signature names one, else by the key it brings, else the only key. Never one after the other until something fits. Borrowed from
 * the set. SIGNATURE: there is none. */
enum jwk11_rc choose_pub(const struct j11_jwks *set, const struct j11_jws_signature *s, const struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;

#endif
