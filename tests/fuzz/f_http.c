/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzing the HTTP request parser and the readers of header values. Besides memory errors it looks for answers that depend on how the
 * octets arrive and for accepted requests that break a promise of http_parse.h. Seeds: seeds/http. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http_media.h"
#include "http_parse.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answer {
	enum http_result result;
	struct http_request http;
	struct http_refusal refusal;
};

/* On a block of its exact size, so that a sanitizer sees a read past the end. */
static struct answer parse(const uint8_t *data, size_t size)
{
	struct answer a;
	uint8_t *copy = malloc(size > 0 ? size : 1);

	memset(&a, 0, sizeof(a));
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	a.result = http_parse((struct jwk11_view){ .data = copy, .len = size }, &a.http, &a.refusal);
	free(copy);
	return a;
}

static void promise(bool kept)
{
	if (!kept)
		abort();
}

/* The first answer that is not "more" must be the answer to the whole. */
static void check_cuts(const uint8_t *data, size_t size, const struct answer *whole)
{
	size_t step = size > 512 ? size / 64 : 1;

	for (size_t n = 0; n < size; n += step) {
		struct answer part = parse(data, n);

		if (part.result == HTTP_NEED_MORE)
			continue;
		promise(part.result == whole->result);
		if (part.result == HTTP_REFUSED)
			promise(part.refusal.code == whole->refusal.code);
		else
			promise(part.http.head_len == whole->http.head_len && part.http.body_len == whole->http.body_len);
		return;
	}
}

static void check_path(struct jwk11_view path)
{
	struct jwk11_view segment;
	size_t total = 0;

	promise(path.len > 0 && *(const char *)path.data == '/');
	while (http_next_segment(&path, &segment)) {
		char plain[HTTP_HEAD_MAX];

		total += segment.len + 1;
		promise(http_unescape(segment, plain, sizeof(plain)));
		promise(strlen(plain) <= segment.len && strchr(plain, '/') == NULL);
		promise(j11_text_is_utf8(j11_view_str(plain)));
		for (const char *s = plain; *s != '\0'; s++)
			promise((unsigned char)*s >= 0x20 && *s != 0x7f);
		http_unescape(segment, plain, 3);
	}
	promise(total > 0 && path.len == 0);
}

static void check_request(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "application/jose", "application/json" };
	struct http_request http;
	struct http_refusal refusal;

	if (http_parse((struct jwk11_view){ .data = data, .len = size }, &http, &refusal) != HTTP_DONE)
		return;
	promise(http.head_len <= size && http.head_len <= HTTP_HEAD_MAX && memcmp(data + http.head_len - 4, "\r\n\r\n", 4) == 0);
	promise(memchr(data, 0, http.head_len) == NULL);
	promise(http.has_length || http.body_len == 0);
	check_path(http.path);
	promise(http_media_choose(http.accept, types, 2) < 2);
	if (http.content_type.data != NULL)
		http_media_is_json(http.content_type);
	if (http.if_none_match.data != NULL)
		http_media_has_tag(http.if_none_match, "\"0123456789abcdef0123456789abcdef\"");
	if (http.request_id.data != NULL && http_media_is_id(http.request_id))
		promise(http.request_id.len <= 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer whole = parse(data, size);

	if (whole.result == HTTP_NEED_MORE)
		promise(size < HTTP_HEAD_MAX);
	if (whole.result == HTTP_REFUSED)
		promise(whole.refusal.reason != NULL && whole.refusal.code < J11_N_CODE_);
	check_cuts(data, size, &whole);
	check_request(data, size);
	return 0;
}
