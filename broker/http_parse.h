/* SPDX-License-Identifier: Apache-2.0 */
/* The head of one HTTP/1.1 request (RFC 9112), a strict subset, on memory: no I/O, no allocation, no state between calls. What a proxy in
 * front of us might read in another way is refused, never repaired. */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#define HTTP_HEAD_MAX 8192  /* octets of request line, fields and the empty line */
#define HTTP_FIELDS_MAX 100 /* header lines */

/* Bits, so that a route can name several. */
enum http_method { HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 4, HTTP_PUT = 8, HTTP_OTHER = 16 };
#define HTTP_WITH_BODY (HTTP_POST | HTTP_PUT) /* methods that come with a body here */

/* Views point into the input. A field that was not sent has data == NULL. */
struct http_request {
	enum http_method method;
	struct jwk11_view path;  /* as sent; checked: every escape is whole, none hides NUL, a control character or '/', all is UTF-8 */
	struct jwk11_view query; /* behind the first '?' */
	struct jwk11_view accept;
	struct jwk11_view content_type;
	struct jwk11_view if_none_match;
	struct jwk11_view request_id;
	uint64_t body_len; /* Content-Length; UINT64_MAX when the number is larger than that */
	bool has_length;
	bool close;           /* Connection: close */
	bool expect_continue; /* Expect: 100-continue */
	size_t head_len;
};
enum http_result {
	HTTP_NEED_MORE, /* the head is not complete; call again with more octets behind the same ones */
	HTTP_DONE,      /* *ret_request is filled; its first head_len octets are used, body_len octets of body follow */
	HTTP_REFUSED    /* *ret_refusal is filled; the connection cannot be used further. The status is problem_status(code) */
};
struct http_refusal {
	enum j11_code code;
	const char *reason; /* a sentence in static storage */
};

/* Lines are judged in order as they become complete, so the answer does not depend on how the octets were cut into reads. */
enum http_result http_parse(struct jwk11_view input, struct http_request *ret_request, struct http_refusal *ret_refusal) J11_MUST_USE;

/* Cuts the next "/segment" off a checked path, still escaped. False at the end. "/" gives one empty segment. */
bool http_next_segment(struct jwk11_view *path, struct jwk11_view *ret_segment);
/* Removes the escapes of a segment, once, and ends it with NUL. False when it does not fit into room octets. */
bool http_unescape(struct jwk11_view segment, char *ret_text, size_t room);

#endif
