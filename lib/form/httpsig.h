/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP message signatures (RFC 9421) of requests: what is signed, and the header fields that say so. Whoever has a key signs the base. Pure. */
#ifndef J11_HTTPSIG_H
#define J11_HTTPSIG_H

#include "json/json_write.h"

#define J11_HTTPSIG_LABEL_MAX 64u
#define J11_HTTPSIG_COMPONENTS_MAX 32u
#define J11_HTTPSIG_FIELDS_MAX 64u
#define J11_HTTPSIG_MAX 32768u /* octets of the base */

/* What is known besides the parameters. */
struct j11_httpsig_facts {
	int64_t now;     /* created: seconds since 1970 */
	int64_t ttl;     /* > 0: expires = now + ttl */
	const char *alg; /* the key's, a JWA name */
	const char *kid; /* keyid when no parameter says one; NULL or empty: none */
};
struct j11_httpsig_made {
	struct jwk11_buf base;  /* what is signed */
	struct jwk11_buf input; /* value of Signature-Input */
	char label[J11_HTTPSIG_LABEL_MAX + 1];
};
#define J11_HTTPSIG_MADE ((struct j11_httpsig_made){ .base = J11_BUF(J11_HTTPSIG_MAX), .input = J11_BUF(J11_HTTPSIG_MAX) })
void j11_httpsig_made_done(struct j11_httpsig_made *made);

/* `parameters` is an object of:
 *   method, url   of the request; the URL without a fragment
 *   components    what is covered, in this order: @method, @authority, @scheme, @target-uri, @request-target, @path, @query, or names of fields in lower
 *                 case. Without: @method, @authority, @path, @query, and each of the fields
 *   fields        the request's header fields, an object of strings, or of arrays of strings for a field that is there more than once
 *   keyid, nonce, tag, label ("sig1"), alg (true: the signature says its algorithm)
 * Components have no parameters here, and @query-param and @status are not known: SYNTAX with CLAIM_INVALID for those, for one that stands twice, for a
 * field that the request has not, for a value that a field cannot have. Further MEMBER_MISSING, MEMBER_UNKNOWN, MEMBER_TYPE, LIMIT, and ALG_MISMATCH when
 * RFC 9421 has no name for the key's algorithm and `alg` asks for it. */
enum jwk11_rc j11_httpsig_fill(const struct j11_json *parameters, const struct j11_httpsig_facts *facts, struct j11_httpsig_made *made,
	struct jwk11_err *err) J11_MUST_USE;
/* Appends the value of Signature: the label and the signature. */
void j11_httpsig_signature(struct jwk11_buf *out, const char *label, struct jwk11_view signature);
/* Appends the value of Content-Digest (RFC 9530) for a SHA-256 hash of 32 octets. */
void j11_httpsig_digest(struct jwk11_buf *out, const unsigned char hash[32]);
/* The name that RFC 9421 section 6.2.2 has for a JWA algorithm; NULL: none. */
const char *j11_httpsig_alg(const char *alg);

#endif
