/* SPDX-License-Identifier: Apache-2.0 */
/* Base64url without padding, strictly; plain base64 for PEM and x5c. */
#include "b64.h"

#include "err.h"

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Encodes one group of 1 to 3 octets into 2 to 4 characters; returns how many. */
static size_t encode_group(const unsigned char *in, size_t n, const char *alphabet, char out[4])
{
	unsigned bits = (unsigned)in[0] << 16 | (n > 1 ? (unsigned)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);

	out[0] = alphabet[bits >> 18];
	out[1] = alphabet[bits >> 12 & 63];
	out[2] = alphabet[bits >> 6 & 63];
	out[3] = alphabet[bits & 63];
	return n + 1;
}

void j11_b64url_add(struct jwk11_buf *out, struct jwk11_view in)
{
	const unsigned char *p = in.data;
	char *place = j11_buf_grow(out, j11_b64_len(in.len));

	if (place == NULL)
		return;
	for (size_t left = in.len; left > 0;) {
		size_t n = left < 3 ? left : 3;
		char group[4];
		size_t chars = encode_group(p, n, url_alphabet, group);

		for (size_t i = 0; i < chars; i++)
			*place++ = group[i];
		p += n;
		left -= n;
	}
}

void j11_b64_add(struct jwk11_buf *out, struct jwk11_view in, size_t line)
{
	const unsigned char *p = in.data;
	size_t column = 0;

	for (size_t left = in.len; left > 0;) {
		size_t n = left < 3 ? left : 3;
		char group[4];

		for (size_t i = encode_group(p, n, std_alphabet, group); i < 4; i++)
			group[i] = '=';
		j11_buf_add(out, group, 4);
		p += n;
		left -= n;
		column += 4;
		if (line != 0 && (column >= line || left == 0)) {
			j11_buf_add_byte(out, '\n');
			column = 0;
		}
	}
}

/* Value of a character, or -1. `c62` and `c63` are the two that differ between the alphabets. */
static int value_of(unsigned char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (unsigned char)c62)
		return 62;
	return c == (unsigned char)c63 ? 63 : -1;
}

static enum jwk11_rc refuse(const char *what, const char *why, size_t at, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_BASE64_INVALID, "%s: not valid base64 at character %zu: %s", what, at + 1, why);
}

enum jwk11_rc j11_b64url_decode(struct jwk11_view text, const char *what, struct jwk11_buf *out, struct jwk11_err *err)
{
	const unsigned char *p = text.data;
	size_t start = out->len;
	unsigned char *place;
	unsigned bits = 0;
	size_t n = 0;

	if (text.len % 4 == 1)
		return refuse(what, "impossible length", text.len, err);
	place = j11_buf_grow(out, text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0));
	if (place == NULL)
		return j11_buf_check(out, what, err);
	for (size_t i = 0; i < text.len; i++) {
		int v = value_of(p[i], '-', '_');

		if (v < 0) {
			j11_buf_cut(out, start);
			return refuse(what, p[i] == '=' ? "padding is not allowed" : "not in the base64url alphabet", i, err);
		}
		bits = bits << 6 | (unsigned)v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			*place++ = (unsigned char)(bits >> n & 0xff);
		}
	}
	if ((bits & ((1u << n) - 1)) != 0) {
		j11_buf_cut(out, start);
		return refuse(what, "unused bits are not zero", text.len - 1, err);
	}
	return JWK11_OK;
}

enum jwk11_rc j11_b64_decode(struct jwk11_view text, const char *what, struct jwk11_buf *out, struct jwk11_err *err)
{
	const unsigned char *p = text.data;
	size_t start = out->len, chars = 0, pads = 0;
	unsigned bits = 0, n = 0;

	for (size_t i = 0; i < text.len; i++) {
		int v = value_of(p[i], '+', '/');

		if (p[i] == '\n' || p[i] == '\r')
			continue;
		chars++;
		if (p[i] == '=' && ++pads <= 2)
			continue;
		if (v < 0 || pads > 0) {
			j11_buf_cut(out, start);
			return refuse(what, "not in the base64 alphabet", i, err);
		}
		bits = bits << 6 | (unsigned)v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			j11_buf_add_byte(out, (unsigned char)(bits >> n & 0xff));
		}
	}
	if (out->failed != JWK11_OK)
		return j11_buf_check(out, what, err);
	if (chars % 4 != 0 || pads != (n ? n / 2 : 0) || (bits & ((1u << n) - 1)) != 0) {
		j11_buf_cut(out, start);
		return refuse(what, "wrong padding", text.len, err);
	}
	return JWK11_OK;
}

void j11_b64_pem(struct jwk11_buf *out, const char *label, struct jwk11_view der)
{
	j11_buf_add_fmt(out, "-----BEGIN %s-----\n", label);
	j11_b64_add(out, der, 64);
	j11_buf_add_fmt(out, "-----END %s-----\n", label);
}
