/* SPDX-License-Identifier: Apache-2.0 */
/* The RFC 7638 thumbprint of a JWK from its text, whatever its key type and whether its key is any good: what others know it by. */
#ifndef J11_THUMB_H
#define J11_THUMB_H

#include "json/json_read.h"

/* SHA-256, base64url. False, and nothing written, when a required member is missing, or holds what has to be escaped in JSON. The octets behind
 * the text are not looked at: a number with a leading zero has another thumbprint than the same number without. */
bool j11_thumb_of(const struct j11_json *jwk, char ret_thumbprint[JWK11_THUMBPRINT_LEN + 1]) J11_MUST_USE;

#endif
