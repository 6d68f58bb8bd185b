/* SPDX-License-Identifier: Apache-2.0 */
/* Strict DER for the few shapes a token hands us. */
#include "der.h"

#include <string.h>

enum { TAG_INTEGER = 0x02, TAG_SEQUENCE = 0x30 };

/* Definite, minimal lengths of at most two octets. */
bool j11_der_take(struct jwk11_view *der, unsigned char tag, struct jwk11_view *ret_content)
{
	const unsigned char *p = der->data;
	size_t head = 2, len;

	if (der->len < 2 || p[0] != tag)
		return false;
	len = p[1];
	if (len == 0x81) {
		if (der->len < 3 || p[2] < 0x80)
			return false;
		len = p[2];
		head = 3;
	} else if (len == 0x82) {
		if (der->len < 4 || p[2] == 0)
			return false;
		len = (size_t)p[2] << 8 | p[3];
		head = 4;
	} else if (len > 0x7f) {
		return false;
	}
	if (len > der->len - head)
		return false;
	*ret_content = (struct jwk11_view){ .data = p + head, .len = len };
	*der = (struct jwk11_view){ .data = p + head + len, .len = der->len - head - len };
	return true;
}

bool j11_der_whole(struct jwk11_view der, unsigned char tag, struct jwk11_view *ret_content)
{
	struct jwk11_view content;

	if (!j11_der_take(&der, tag, &content) || der.len != 0)
		return false;
	*ret_content = content;
	return true;
}

void j11_der_put(struct jwk11_buf *out, unsigned char tag, struct jwk11_view content)
{
	unsigned n = content.len < 0x80 ? 0 : content.len < 0x100 ? 1 : content.len < 0x10000 ? 2 : 3;

	j11_buf_add_byte(out, tag);
	j11_buf_add_byte(out, n == 0 ? (unsigned char)content.len : (unsigned char)(0x80 | n));
	for (; n > 0; n--)
		j11_buf_add_byte(out, (unsigned char)(content.len >> (8 * (n - 1))));
	j11_buf_add(out, content.data, content.len);
}

/* Writes one INTEGER for an unsigned big-endian number; returns the end. */
static unsigned char *put_integer(unsigned char *out, const unsigned char *n, size_t len)
{
	while (len > 1 && n[0] == 0) {
		n++;
		len--;
	}
	*out++ = TAG_INTEGER;
	*out++ = (unsigned char)(len + (n[0] >> 7));
	if (n[0] >> 7)
		*out++ = 0;
	memcpy(out, n, len);
	return out + len;
}

size_t j11_der_from_raw(struct jwk11_view raw, unsigned char ret_der[J11_DER_ECDSA_MAX])
{
	unsigned char body[J11_DER_ECDSA_MAX], *end = body;
	size_t half = raw.len / 2, len, head;
	const unsigned char *p = raw.data;

	if (raw.len % 2 != 0 || half == 0 || half > 66)
		return 0;
	end = put_integer(end, p, half);
	end = put_integer(end, p + half, half);
	len = (size_t)(end - body);
	ret_der[0] = TAG_SEQUENCE;
	head = len < 0x80 ? 2 : 3;
	if (head == 3)
		ret_der[1] = 0x81;
	ret_der[head - 1] = (unsigned char)len;
	memcpy(ret_der + head, body, len);
	return head + len;
}

/* One canonical non-negative INTEGER, right-aligned into coord_len octets. */
static bool get_integer(struct jwk11_view *der, size_t coord_len, unsigned char *out)
{
	struct jwk11_view v;
	const unsigned char *p;

	if (!j11_der_take(der, TAG_INTEGER, &v) || v.len == 0)
		return false;
	p = v.data;
	if ((p[0] & 0x80) != 0 || (v.len > 1 && p[0] == 0 && (p[1] & 0x80) == 0))
		return false;
	if (p[0] == 0) {
		p++;
		v.len--;
	}
	if (v.len > coord_len)
		return false;
	memset(out, 0, coord_len - v.len);
	memcpy(out + coord_len - v.len, p, v.len);
	return true;
}

bool j11_der_to_raw(struct jwk11_view der, size_t coord_len, unsigned char *ret_raw)
{
	unsigned char raw[2 * 66];
	struct jwk11_view body;

	if (coord_len > 66 || !j11_der_whole(der, TAG_SEQUENCE, &body))
		return false;
	if (!get_integer(&body, coord_len, raw) || !get_integer(&body, coord_len, raw + coord_len) || body.len != 0)
		return false;
	memcpy(ret_raw, raw, 2 * coord_len);
	return true;
}

struct jwk11_view j11_der_digest_info(enum j11_hash hash)
{
	static const unsigned char sha256[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
		0x01, 0x05, 0x00, 0x04, 0x20 };
	static const unsigned char sha384[] = { 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
		0x02, 0x05, 0x00, 0x04, 0x30 };
	static const unsigned char sha512[] = { 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
		0x03, 0x05, 0x00, 0x04, 0x40 };

	switch (hash) {
	case J11_HASH_SHA256:
		return (struct jwk11_view){ .data = sha256, .len = sizeof(sha256) };
	case J11_HASH_SHA384:
		return (struct jwk11_view){ .data = sha384, .len = sizeof(sha384) };
	case J11_HASH_SHA512:
		return (struct jwk11_view){ .data = sha512, .len = sizeof(sha512) };
	default:
		return (struct jwk11_view){ .data = "", .len = 0 };
	}
}
