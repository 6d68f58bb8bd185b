/* SPDX-License-Identifier: Apache-2.0 */
/* Text of a number or a digest, decoded in spite of what is wrong with it, so that what it encodes is looked at too. */
#include <ctype.h>
#include <string.h>

#include "base/b64.h"
#include "lint_part.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The text as it should have been, and what it was. */
struct mended {
	struct jwk11_buf text;
	bool standard, padded, blank, bits, broken;
};

static void mend_char(struct mended *m, char c)
{
	if (c == '+' || c == '/') {
		m->standard = true;
		c = c == '+' ? '-' : '_';
	}
	if (c != '\0' && strchr(" \t\r\n", c) != NULL) {
		m->blank = true;
		return;
	}
	m->broken = m->broken || m->padded || memchr(alphabet, c, sizeof(alphabet) - 1) == NULL;
	j11_buf_add_byte(&m->text, (unsigned char)c);
}

/* Bits that the last character has and no octet takes. */
static void mend_bits(struct mended *m)
{
	unsigned char *last;
	size_t unused = m->text.len % 4 == 2 ? 15 : m->text.len % 4 == 3 ? 3 : 0;
	size_t value;

	if (m->broken || unused == 0 || m->text.failed != JWK11_OK)
		return;
	last = (unsigned char *)m->text.data + m->text.len - 1;
	value = (size_t)((const char *)memchr(alphabet, *last, sizeof(alphabet) - 1) - alphabet);
	m->bits = (value & unused) != 0;
	*last = (unsigned char)alphabet[value & ~unused];
}

static void mend(struct mended *m, struct jwk11_view text)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++) {
		if (p[i] == '=')
			m->padded = true;
		else
			mend_char(m, p[i]);
	}
	m->broken = m->broken || m->text.len % 4 == 1 || m->text.len == 0;
	mend_bits(m);
}

static void report(struct j11_lint *lint, struct j11_lint_key *key, const char *member, const struct mended *m)
{
	if (m->broken) {
		j11_lint_add(lint, key, J11_LINT_B64_INVALID, member, "\"%s\" is not base64url", member);
		return;
	}
	if (m->standard)
		j11_lint_add(lint, key, J11_LINT_B64_ALPHABET, member, "\"%s\" is in plain base64: it has \"+\" or \"/\"", member);
	if (m->padded)
		j11_lint_add(lint, key, J11_LINT_B64_PADDING, member, "\"%s\" has padding", member);
	if (m->blank)
		j11_lint_add(lint, key, J11_LINT_B64_BLANKS, member, "\"%s\" has blanks or line breaks in it", member);
	if (m->bits)
		j11_lint_add(lint, key, J11_LINT_B64_BITS, member, "the last character of \"%s\" has bits that belong to no octet", member);
}

bool j11_lint_octets(struct j11_lint *lint, struct j11_lint_key *key, const char *member, struct jwk11_buf *out)
{
	struct jwk11_view text = j11_lint_string(key->jwk, member);
	struct mended m = { .text = J11_BUF(J11_LINT_MAX) };
	enum jwk11_rc rc;

	if (text.len == 0)
		return false; /* a finding already */
	mend(&m, text);
	report(lint, key, member, &m);
	rc = m.text.failed;
	if (rc == JWK11_OK && !m.broken)
		rc = j11_b64url_decode(j11_buf_view(&m.text), member, out, NULL);
	j11_buf_done(&m.text);
	return j11_lint_good(lint, rc) && !m.broken;
}

static size_t count(struct jwk11_view text, int (*is)(int))
{
	const unsigned char *p = text.data;
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += is(p[i]) != 0;
	return n;
}

/* Hexadecimal digits, among them enough decimal ones: zero octets are a row of the letter A. */
static bool is_hex(struct jwk11_view text)
{
	return count(text, isxdigit) == text.len && 4 * count(text, isdigit) >= text.len;
}

/* A number written out: base64url text of forty characters is never hexadecimal by chance, and no exponent is three decimal digits. */
static bool is_digits(struct jwk11_view text)
{
	const char *p = text.data;
	bool prefixed = text.len > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');

	/* One number of two thousand begins like that; none goes on with such digits alone. */
	if (prefixed && count((struct jwk11_view){ .data = p + 2, .len = text.len - 2 }, isxdigit) == text.len - 2)
		return true;
	return (text.len >= 40 && is_hex(text)) || (text.len >= 3 && count(text, isdigit) == text.len);
}

bool j11_lint_number(struct j11_lint *lint, struct j11_lint_key *key, const char *name, struct jwk11_buf *out)
{
	if (is_digits(j11_lint_string(key->jwk, name))) {
		j11_lint_add(lint, key, J11_LINT_NUMBER_TEXT, name, "\"%s\" is a number in digits", name);
		return false;
	}
	if (!j11_lint_octets(lint, key, name, out))
		return false;
	if (out->len >= 4 && is_hex(j11_buf_view(out))) {
		j11_lint_add(lint, key, J11_LINT_NUMBER_TEXT, name, "\"%s\" encodes a number in digits", name);
		return false;
	}
	return true;
}
