/* SPDX-License-Identifier: Apache-2.0 */
/* Whether 32 octets are an Ed25519 public key worth having; libcrypto takes any 32 octets. */
#ifndef J11_EDWARDS_H
#define J11_EDWARDS_H

#include "base/attr.h"
#include "jwk11.h"

/* What is wrong with it, as the end of a sentence; NULL when it is a point of the curve, in its one canonical encoding, and not of small
 * order (RFC 8032 section 5.1.3; with a point of small order some signatures hold for every message). "" when memory ran out. */
const char *j11_edwards_problem(const unsigned char octets[32]) J11_MUST_USE;

#endif
