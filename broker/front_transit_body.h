/* SPDX-License-Identifier: Apache-2.0 */
/* The body of sign or verify of Vault's transit API, read into values; a pure function. What it leaves out means what it means to Vault. */
#ifndef FRONT_TRANSIT_BODY_H
#define FRONT_TRANSIT_BODY_H

#include "conf.h"
#include "json/json_read.h"

/* Views into the document. */
struct front_transit_body {
	struct jwk11_view input;     /* base64 */
	struct jwk11_view signature; /* of verify: what stands behind vault:vN: */
	struct jwk11_view hash, scheme, salt; /* "": not named */
	bool prehashed; /* the input is a digest */
	bool jws;       /* signatures as in a JWS, not in ASN.1 */
	bool named;     /* a version is named; that of a signature always is */
	int64_t version; /* the one; 0: the one that signs */
};

/* `key` is the name in the path, which some clients repeat. */
enum jwk11_rc front_transit_body_read(const struct j11_json *root, enum conf_op op, const char *key, struct front_transit_body *ret_body,
	struct jwk11_err *err) J11_MUST_USE;

#endif
