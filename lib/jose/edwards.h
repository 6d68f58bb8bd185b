/* SPDX-License-Identifier: Apache-2.0 */
/* Whether some octets are an Ed25519 or Ed448 public key worth having; libcrypto takes any of the right length. */
#ifndef J11_EDWARDS_H
#define J11_EDWARDS_H

#include "alg.h"

/* What is wrong with the curve->coord_len octets, as the end of a sentence; NULL when they are a point of the curve, in its one canonical
 * encoding, and not of small order (RFC 8032 sections 5.1.3 and 5.2.3; with a point of small order some signatures hold for every message).
 * "" when memory ran out. */
const char *j11_edwards_problem(const struct j11_curve *curve, const unsigned char *octets) J11_MUST_USE;

#endif
