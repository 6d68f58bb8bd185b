/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64url without padding (RFC 7515 section 2) and, for PEM and x5c, plain base64 encoding. */
#ifndef J11_B64_H
#define J11_B64_H

#include "attr.h"
#include "buf.h"

/* Encoded length of n octets without padding. */
static inline size_t j11_b64_len(size_t n)
{
	return n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}
void j11_b64url_add(struct jwk11_buf *out, struct jwk11_view in);
/* Plain base64 with padding, a newline after every `line` characters when line is not 0 (PEM: 64). */
void j11_b64_add(struct jwk11_buf *out, struct jwk11_view in, size_t line);
/* Appends DER as PEM (RFC 7468) with this label. */
void j11_b64_pem(struct jwk11_buf *out, const char *label, struct jwk11_view der);
/* Appends the decoded octets. Refuses padding, blanks, other alphabets, impossible lengths and set unused bits: SYNTAX with code
 * BASE64_INVALID; `what` names the field. Nothing is appended on failure. */
enum jwk11_rc j11_b64url_decode(struct jwk11_view text, const char *what, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* Plain base64 with mandatory padding; line breaks are skipped. For PEM, and for members that Vault's API has in it. */
enum jwk11_rc j11_b64_decode(struct jwk11_view text, const char *what, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;

#endif
