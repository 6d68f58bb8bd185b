/* SPDX-License-Identifier: Apache-2.0 */
/* Absolute http and https URLs (RFC 3986, RFC 9110 section 4.2) taken apart as they are written: what is signed about a request must not be read in two
 * ways. Pure. */
#ifndef J11_URL_H
#define J11_URL_H

#include "base/attr.h"
#include "base/buf.h"

#define J11_URL_MAX 4096u /* octets */

/* Views into the text. */
struct j11_url {
	struct jwk11_view scheme, authority, host, port; /* of no octets: no port is given */
	struct jwk11_view path;                          /* of no octets, or begins with a slash */
	struct jwk11_view query, fragment;               /* without ? and #; data NULL: there is none */
	bool https;
};
/* NULL, or why it is none ("has no host"); then ret_url is untouched. Refuses userinfo, characters that a URL cannot hold, a % without two hexadecimal
 * digits, a port above 65535. */
const char *j11_url_parse(struct jwk11_view text, struct j11_url *ret_url) J11_MUST_USE;

#endif
