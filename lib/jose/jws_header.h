/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in the headers of a JWS (RFC 7515 section 4, RFC 7797): one set of rules for whoever makes one and whoever takes one
 * apart. Pure. */
#ifndef J11_JWS_HEADER_H
#define J11_JWS_HEADER_H

#include "json/json_read.h"

#define J11_JWS_HEADER_MAX 98304u /* octets of each header: the longest chain that x5c takes (J11_CHAIN_LEN_MAX) fits, in base64 */
#define J11_JWS_HEADER_DEPTH 8u   /* nested values in it */
#define J11_JWS_HEADER_VALUES 512u

/* Is it a header parameter by which somebody says which key, algorithm or processing is meant? The maker writes those itself. */
bool j11_jws_is_ours(struct jwk11_view name);
/* What is wrong with the two headers of one signature, either NULL for none; NULL when nothing is. Names are disjoint (7.2.1); crit and b64
 * are protected; crit is a list of distinct names, not empty, of extensions that are there and protected (4.1.11); b64 is a boolean and
 * listed in crit (RFC 7797 section 6). */
const char *j11_jws_header_problem(const struct j11_json *protected_header, const struct j11_json *header);
/* What is wrong with the value of typ or cty to be written: a string, not empty, without "application/" where nothing else has a slash
 * (4.1.9, 4.1.10). */
const char *j11_jws_media_problem(const struct j11_json *value);
const char *j11_jws_media_text_problem(struct jwk11_view text);
/* Does this typ say that the payload is a JWT: "JWT", "at+jwt" …? */
bool j11_jws_typ_is_jwt(struct jwk11_view typ);
/* RFC 7797 3: true unless the protected header says false. Of a header without problems. */
bool j11_jws_is_encoded(const struct j11_json *protected_header);

#endif
