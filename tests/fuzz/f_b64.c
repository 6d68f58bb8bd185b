/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through base64, as octets and as text: what goes in comes out, and every accepted text has one spelling. */
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char what[] = "input";

static void must(bool held)
{
	if (!held)
		abort();
}

static void encode(struct jwk11_view octets)
{
	struct jwk11_buf url = J11_BUF(1 << 22), plain = J11_BUF(1 << 22), lines = J11_BUF(1 << 22), back = J11_BUF(1 << 22);

	j11_b64url_add(&url, octets);
	must(url.failed == JWK11_OK && url.len == j11_b64_len(octets.len));
	must(j11_b64url_decode(j11_buf_view(&url), what, &back, NULL) == JWK11_OK && j11_view_equal(j11_buf_view(&back), octets));
	j11_b64_add(&plain, octets, 0);
	must(plain.len == (octets.len + 2) / 3 * 4);
	j11_buf_cut(&back, 0);
	must(j11_b64_decode(j11_buf_view(&plain), what, &back, NULL) == JWK11_OK && j11_view_equal(j11_buf_view(&back), octets));
	j11_b64_add(&lines, octets, 64);
	must(lines.len == plain.len + (plain.len + 63) / 64);
	j11_buf_cut(&back, 0);
	must(j11_b64_decode(j11_buf_view(&lines), what, &back, NULL) == JWK11_OK && j11_view_equal(j11_buf_view(&back), octets));
	j11_buf_done(&url);
	j11_buf_done(&plain);
	j11_buf_done(&lines);
	j11_buf_done(&back);
}

/* A decoder leaves what stood in the buffer alone, and adds nothing when it refuses. */
static void decode_url(struct jwk11_view text)
{
	struct jwk11_buf out = J11_BUF(1 << 22), again = J11_BUF(1 << 22);
	struct jwk11_err err = { 0 };

	j11_buf_add_str(&out, "before");
	if (j11_b64url_decode(text, what, &out, &err) == JWK11_OK) {
		j11_b64url_add(&again, (struct jwk11_view){ .data = out.data + 6, .len = out.len - 6 });
		must(j11_view_equal(j11_buf_view(&again), text));
	} else {
		must(out.len == 6 && err.rc == JWK11_ERR_SYNTAX && err.text[0] != '\0');
	}
	must(memcmp(out.data, "before", 6) == 0);
	j11_buf_done(&out);
	j11_buf_done(&again);
}

static void decode_plain(struct jwk11_view text)
{
	struct jwk11_buf out = J11_BUF(1 << 22), again = J11_BUF(1 << 22), bare = J11_BUF(1 << 22);
	const char *p = text.data;

	j11_buf_add_str(&out, "before");
	if (j11_b64_decode(text, what, &out, NULL) == JWK11_OK) {
		for (size_t i = 0; i < text.len; i++)
			if (p[i] != '\n' && p[i] != '\r')
				j11_buf_add_byte(&bare, (unsigned char)p[i]);
		j11_b64_add(&again, (struct jwk11_view){ .data = out.data + 6, .len = out.len - 6 }, 0);
		must(j11_view_equal(j11_buf_view(&again), j11_buf_view(&bare)));
	} else {
		must(out.len == 6);
	}
	must(memcmp(out.data, "before", 6) == 0);
	j11_buf_done(&out);
	j11_buf_done(&again);
	j11_buf_done(&bare);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view v = { .data = data, .len = size };
	struct jwk11_buf narrow = J11_BUF(2);

	encode(v);
	decode_url(v);
	decode_plain(v);
	if (j11_b64url_decode(v, what, &narrow, NULL) == JWK11_OK)
		must(narrow.len <= 2);
	j11_buf_done(&narrow);
	return 0;
}
