/* SPDX-License-Identifier: Apache-2.0 */
/* What an EST server wants in a request (RFC 7030 section 4.5.2). Pure. */
#ifndef EST_ATTRS_H
#define EST_ATTRS_H

#include <stdbool.h>

#include "base/buf.h"

enum { EST_ATTRS_MAX = 65536, EST_OTHERS_MAX = 8 };

struct est_attrs {
	bool channel_binding;      /* challengePassword: bound to the TLS connection (section 3.5) */
	const char *kty;           /* "RSA", "EC", "OKP": the kind of key; NULL: any. Static */
	const char *crv;           /* with EC and OKP; NULL: any. Static */
	bool wants_alg;            /* signature algorithms are named */
	const char *algs[8];       /* those that are JOSE's too, by its names; ends with NULL. Static */
	unsigned n_others;         /* asked for and not known here: a person may know what to make of them */
	char others[EST_OTHERS_MAX][64];
};
/* `text`: base64 of a CsrAttrs. Errors: SERVER_MALFORMED. */
enum jwk11_rc est_attrs_read(struct jwk11_view text, struct est_attrs *ret_attrs, struct jwk11_err *err) J11_MUST_USE;
/* What of it a key cannot do, into `why`; false: all is well. `alg` is what it signs with, `kty` and `crv` what it is. */
bool est_attrs_object(const struct est_attrs *attrs, const char *kty, const char *crv, const char *alg, char *why, size_t why_len);

#endif
