/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate chains in a JWK (RFC 7517 sections 4.7, 4.9), written and read. */
#ifndef J11_X5C_H
#define J11_X5C_H

#include "chain.h"
#include "json/json_write.h"

/* The value of "x5c" alone: an array of plain base64 with padding and without line breaks. */
void j11_x5c_write(struct j11_json_out *o, const char *name, const struct jwk11_chain *chain);
/* The certificates of an "x5c" member, in its order. Errors: JWK_INVALID, BASE64_INVALID, CERT_INVALID, LIMIT; the text names the place. */
enum jwk11_rc j11_x5c_read(const struct j11_json *x5c, struct jwk11_certs *ret_certs, struct jwk11_err *err) J11_MUST_USE;
/* Does its first certificate hold this key, and does each next one certify the one before? Errors: CERT_INVALID. */
enum jwk11_rc j11_x5c_check(const struct jwk11_certs *certs, const struct jwk11_pub *pub, struct jwk11_err *err) J11_MUST_USE;

#endif
