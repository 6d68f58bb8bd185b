/* SPDX-License-Identifier: Apache-2.0 */
/* What servers say besides what was asked for: when to come again, and what is wrong. Pure. */
#ifndef HTTP_SAID_H
#define HTTP_SAID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Retry-After (RFC 9110 section 10.2.3): seconds, or a date in the one form that is still written; one that has passed is 0. False: it is neither,
 * or more than a year away. `now`: seconds since 1970. */
bool http_said_retry_after(struct jwk11_view text, int64_t now, int64_t *ret_seconds) J11_MUST_USE;
/* Is it this media type, whatever its parameters and its letters' case (RFC 9110 section 8.3.1)? */
bool http_said_type(const char *content_type, const char *wanted);

/* A problem document (RFC 9457), made printable. */
#define HTTP_SAID_TYPE_MAX 96
#define HTTP_SAID_DETAIL_MAX 240
struct http_problem {
	char type[HTTP_SAID_TYPE_MAX];
	char detail[HTTP_SAID_DETAIL_MAX]; /* or the title, and after it the first subproblem (RFC 8555 section 6.7.1) */
};
struct j11_json;
/* False: it is no object, or says nothing of itself. */
bool http_said_problem(const struct j11_json *object, struct http_problem *ret_problem) J11_MUST_USE;
/* The same from text. */
bool http_said_problem_text(struct jwk11_view text, struct http_problem *ret_problem) J11_MUST_USE;
/* "urn:ietf:params:acme:error:badNonce" is "badNonce". */
bool http_said_is(const struct http_problem *problem, const char *acme_error);

#endif
