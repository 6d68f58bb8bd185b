/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of header values: Accept, Content-Type, If-None-Match, Request-Id; and the tags that ETag has. Pure. */
#ifndef HTTP_MEDIA_H
#define HTTP_MEDIA_H

#include "base/attr.h"
#include "base/buf.h"

/* How well an Accept value takes a media type (RFC 9110 12.5.1). */
struct http_taste {
	unsigned q;        /* 0 to 1000; 0: not acceptable */
	unsigned specific; /* 3: named, 2: all of its kind, 1: anything, 0: not matched */
};
struct http_taste http_media_taste(struct jwk11_view accept, const char *type);
/* Index of the type to answer with: the highest q, then the more exactly named one, then the first. -1: none of them. An absent
 * (data == NULL) or empty Accept takes the first. */
int http_media_choose(struct jwk11_view accept, const char *const *types, size_t n_types);
/* application/json, with nothing but an optional charset=utf-8 behind it. */
bool http_media_is_json(struct jwk11_view content_type);
/* Is the entity tag (with its quotes) named by an If-None-Match value, or is that "*"? Weak comparison (RFC 9110 13.1.2). */
bool http_media_has_tag(struct jwk11_view if_none_match, const char *tag);
/* A strong tag, with its quotes, of what is sent; `tail`, of at most 4 characters, tells representations with the same octets apart. */
#define HTTP_TAG_MAX 40
void http_media_make_tag(struct jwk11_view body, const char *tail, char ret_tag[HTTP_TAG_MAX]);
/* 1 to 64 characters of A-Z a-z 0-9 - . _ */
bool http_media_is_id(struct jwk11_view request_id);

#endif
