/* SPDX-License-Identifier: Apache-2.0 */
/* A client of EST (RFC 7030): CA certificates, what a request should hold, enrolment and renewal. */
#ifndef EST_H
#define EST_H

#include "est_attrs.h"
#include "http_client.h"
#include "patience.h"

struct est {
	struct http_client *http;
	char base[HTTP_URL_MAX]; /* "https://host/.well-known/est", or with a label behind it */
};
/* The base of the server's paths: a URL without a path stands for the well-known one (section 3.2.2). Errors: LIMIT. */
enum jwk11_rc est_open(struct est *est, const char *url, struct jwk11_err *err) J11_MUST_USE;
/* The CA's certificates as the server sends them: base64 of PKCS#7 (section 4.1). */
enum jwk11_rc est_cacerts(struct est *est, struct jwk11_buf *ret_text, struct jwk11_err *err) J11_MUST_USE;
/* False in *ret_given: the server asks for nothing (section 4.5). */
enum jwk11_rc est_csrattrs(struct est *est, struct est_attrs *ret_attrs, bool *ret_given, struct jwk11_err *err) J11_MUST_USE;
/* simpleenroll, or simplereenroll; the certificate as base64 of PKCS#7 (section 4.2). A server that has not decided yet (202, section 4.2.3) is asked
 * again as it says. Errors: SERVER_REFUSED, SERVER_PENDING, those of http_client_ask. */
enum jwk11_rc est_enroll(struct est *est, bool again, struct jwk11_view csr_der, struct patience *patience, struct jwk11_buf *ret_text, struct jwk11_err *err)
	J11_MUST_USE;

#endif
