/* SPDX-License-Identifier: Apache-2.0 */
/* Writes one HTTP/1.1 response behind what a buffer already holds. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/attr.h"
#include "base/buf.h"

/* Strings are borrowed for the call; NULL or 0 leaves a field out. */
struct http_reply {
	unsigned status;
	const char *type;          /* Content-Type */
	struct jwk11_view body;
	const char *cache_control;
	const char *etag;          /* with its quotes */
	const char *allow;
	const char *request_id;
	const char *vary;
	unsigned retry_after;      /* seconds */
	bool head_only;            /* answer to HEAD: the length of the body, but not the body */
	bool close;                /* the connection ends after this response */
};
/* A 304 has neither type nor length (RFC 9110 15.4.5). A failure sticks in the buffer. */
void http_reply_write(struct jwk11_buf *out, const struct http_reply *reply);
/* "Not Found"; "Unknown" for a status that this front never sends. */
const char *http_reply_reason(unsigned status);
/* The interim response to Expect: 100-continue. */
extern const struct jwk11_view http_reply_continue;

#endif
