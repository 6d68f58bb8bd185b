/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprint of a flawed key generator (CVE-2017-15361, "ROCA"). */
#ifndef J11_ROCA_H
#define J11_ROCA_H

#include "base/buf.h"

/* Does this RSA modulus (big-endian) have the structure of keys made by Infineon's RSALib before its correction? Such a key can be computed
 * from its public half. One random modulus in 2^27 looks like one by chance. Pure. */
bool j11_roca_has(struct jwk11_view modulus);

#endif
