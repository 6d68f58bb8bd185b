/* SPDX-License-Identifier: Apache-2.0 */
/* Elliptic curves and public points in the forms that PKCS#11 objects have them in. Pure functions over what a token says. */
#ifndef J11_POINT_H
#define J11_POINT_H

#include "pub.h"

/* CKA_EC_PARAMS: the name as an OID (GnuPG's for Ed25519 and X25519 too) or as a PrintableString, byte for byte; or the parameters in full,
 * when every number of them is that of a curve we know, its generator and order included. NULL: none of ours. PKCS#11 3.0 section 2.3.3. */
const struct j11_curve *j11_point_curve(struct jwk11_view params);
/* CKA_EC_POINT: x and y behind 04, one of them behind 02 or 03, both without a mark, or the one number of an Edwards or Montgomery curve;
 * each bare, in a DER OCTET STRING or in a DER BIT STRING. The length decides first and DER second: the other way round one bare Ed25519 key in
 * 65,536 would be taken for an encoding. The point is then checked like that of a JWK. Errors: UNSUPPORTED (another form), SYNTAX
 * (JWK_INVALID), MEMORY. */
enum jwk11_rc j11_point_pub(const struct j11_curve *curve, struct jwk11_view point, struct jwk11_pub **ret_pub, struct jwk11_err *err)
	J11_MUST_USE;

#endif
