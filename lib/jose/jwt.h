/* SPDX-License-Identifier: Apache-2.0 */
/* JWT claims (RFC 7519): strict reading, NumericDates, the claims the signer adds. Pure: the clock is an argument. */
#ifndef J11_JWT_H
#define J11_JWT_H

#include "json/json_write.h"
#include "jwt_rules.h"

#define J11_JWT_CLAIMS_MAX 65536u

/* Checks the claims and appends the final object: the members given in their order, numbers with their exact text, then what the rules
 * add. Errors: SYNTAX with CLAIM_INVALID (not an object; iss, sub, jti no string; aud neither string nor non-empty array of strings; exp,
 * nbf, iat no number or outside 0..253402300799; a name that is a registered one but for its case), DENIED with CLAIM_REFUSED, LIMIT.
 * Duplicate names never get past the reader. */
enum jwk11_rc j11_jwt_claims(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_buf *out, struct jwk11_err *err)
	J11_MUST_USE;
#define J11_JWT_GIVEN_SKEW 5 /* seconds that the clock of who made the claims may be ahead */
/* The same checks for claims that are signed as they are: nothing is added, so what the rules would add must be there. exp may be at most max_ttl after
 * iat, and after now but for a skew. Further, j11_jwt_check_given. */
enum jwk11_rc j11_jwt_check(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err) J11_MUST_USE;
/* For verification: exp and nbf against the clock with `leeway` seconds. SIGNATURE_INVALID is never used here; CLAIM_REFUSED is. */
enum jwk11_rc j11_jwt_check_times(const struct j11_json *claims, int64_t now, int64_t leeway, struct jwk11_err *err) J11_MUST_USE;

#endif
