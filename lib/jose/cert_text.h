/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate says, for people and for the attributes of its object on a token. */
#ifndef J11_CERT_TEXT_H
#define J11_CERT_TEXT_H

#include "x509.h"

/* Printable UTF-8, cut with "…" where it is longer. Names as RFC 4514 writes them, the serial number in hexadecimal, times as RFC 3339. */
struct j11_cert_text {
	char subject[256], issuer[256], serial[48], not_before[21], not_after[21];
	char x5t[JWK11_THUMBPRINT_LEN + 1]; /* x5t#S256 (RFC 7515 section 4.1.8) */
};
void j11_cert_text(const struct j11_cert *cert, struct j11_cert_text *ret_text);

/* DER of the names and the serial number: CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER (PKCS#11 2.40 section 4.6.3). Appended. */
enum j11_cert_part { J11_CERT_SUBJECT, J11_CERT_ISSUER, J11_CERT_SERIAL };
enum jwk11_rc j11_cert_part(const struct j11_cert *cert, enum j11_cert_part part, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;

#endif
