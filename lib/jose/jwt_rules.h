/* SPDX-License-Identifier: Apache-2.0 */
/* What a signer lets pass in the claims of a JWT, besides their types and lifetime (jwt.h). Pure. */
#ifndef J11_JWT_RULES_H
#define J11_JWT_RULES_H

#include "json/json_read.h"

/* What the signer decides about the claims. */
struct j11_jwt_rules {
	int64_t now;       /* seconds since 1970 */
	int64_t ttl;       /* > 0: set iat = now and exp = now + ttl; a claims object with its own iat or exp is refused. 0: leave */
	int64_t max_ttl;   /* > 0: exp must be there and at most now + max_ttl */
	const char *issuer; /* forced iss: added when absent, refused when different; NULL: free */
	/* Lists end with NULL; NULL or empty: no such rule. */
	const char *const *audiences; /* patterns: aud must be there, and each of its values match one */
	const char *const *subjects;  /* the same for sub */
	const char *const *require;   /* names that must be there, and not null */
	const char *const *forbid;    /* names that must not, in whatever case */
	const char *const *types;     /* typ that may be asked for, the default first; empty: "JWT" */
	const char *const *headers;   /* further header members that may be asked for; empty: none */
};
/* CLAIM_REFUSED: this claim, for this reason. */
enum jwk11_rc j11_jwt_refuse(const char *claim, const char *why, struct jwk11_err *err);
/* Refuses a claim whose name is one that RFC 7519 registers, or that the rules name, but for its case (CLAIM_INVALID): what reads the token may take
 * it for that one. Then issuer, audiences, subjects, required and forbidden claims (CLAIM_REFUSED). `claims` is an object whose types were checked. */
enum jwk11_rc j11_jwt_check_rules(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err) J11_MUST_USE;
#define J11_JWT_GIVEN_MAX 256u /* claims in a set that is signed as it is given */
/* For claims that nobody will add to or write anew: no two names that differ only in their case (CLAIM_INVALID), at most J11_JWT_GIVEN_MAX of them
 * (LIMIT), and the issuer that the rules give is there (CLAIM_REFUSED). */
enum jwk11_rc j11_jwt_check_given(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err) J11_MUST_USE;
/* The typ that a token gets that `asked` for one (data NULL: for none): the first of the rules' when it did not; theirs alone is "JWT". The header
 * members that are asked for, NULL for none, must be among the rules' (HEADER_REFUSED for either). Views into the arguments. */
enum jwk11_rc j11_jwt_check_header(struct jwk11_view asked, const struct j11_json *header, const struct j11_jwt_rules *rules,
	struct jwk11_view *ret_typ, struct jwk11_err *err) J11_MUST_USE;

#endif
