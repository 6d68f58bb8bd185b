/* SPDX-License-Identifier: Apache-2.0 */
/* What PKCS#11 calls each kind of key: one const row per key type and use of its curve. */
#ifndef J11_KIND_H
#define J11_KIND_H

#include "jose/pub.h"
#include "p11.h"

struct j11_kind {
	enum j11_kty kty;
	enum j11_scheme scheme;     /* of the curve; NONE for key types without one, and for curves that do not sign */
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE generate; /* a key pair */
	bool point;                 /* its public half is CKA_EC_PARAMS and CKA_EC_POINT */
};

/* The row of a CKA_KEY_TYPE; NULL: not a key for us. */
const struct j11_kind *j11_kind_of_type(CK_KEY_TYPE type);
/* The row of a key of this type on this curve (NULL: none). */
const struct j11_kind *j11_kind_of(enum j11_kty kty, const struct j11_curve *curve);

#endif
