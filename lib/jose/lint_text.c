/* SPDX-License-Identifier: Apache-2.0 */
/* What the strict reader would stop at but need not: a byte order mark, octets that are no UTF-8, bytes behind the value. */
#include <string.h>

#include "base/text.h"
#include "lint_part.h"

static struct jwk11_view rest(struct jwk11_view text, size_t from)
{
	return (struct jwk11_view){ .data = (const char *)text.data + from, .len = text.len - from };
}

/* Octets up to the end of the first object or array; all of them when none ends. */
static size_t first_value(struct jwk11_view text)
{
	const char *p = text.data;
	bool string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			string = !string;
		else if (!string && (p[i] == '{' || p[i] == '['))
			depth++;
		else if (!string && (p[i] == '}' || p[i] == ']') && (depth == 0 || --depth == 0))
			return i + 1;
	}
	return text.len;
}

static bool is_blank(struct jwk11_view text)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++)
		if (p[i] == '\0' || strchr(" \t\r\n", p[i]) == NULL)
			return false;
	return true;
}

/* The copy, with a question mark for each octet that is no text; one finding for all of them. */
static void copy(struct j11_lint *lint, struct jwk11_view text)
{
	const unsigned char *p = text.data;
	size_t bad = 0, first = 0;

	for (size_t i = 0; i < text.len;) {
		size_t n = j11_text_utf8_sequence(p + i, text.len - i);

		if (n == 0 && bad++ == 0)
			first = i;
		if (n == 0)
			j11_buf_add_byte(&lint->text, '?');
		else
			j11_buf_add(&lint->text, p + i, n);
		i += n ? n : 1;
	}
	if (bad > 0)
		j11_lint_add(lint, NULL, J11_LINT_JSON_UTF8, NULL, "%zu octets are not UTF-8, the first at byte %zu", bad, first);
	if (lint->text.failed != JWK11_OK)
		lint->failed = JWK11_ERR_MEMORY;
}

void j11_lint_text(struct j11_lint *lint, struct jwk11_view text)
{
	size_t end;

	lint->n_octets = text.len;
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
		j11_lint_add(lint, NULL, J11_LINT_JSON_BOM, NULL, "the text begins with a byte order mark");
		text = rest(text, 3);
	}
	end = first_value(text);
	if (!is_blank(rest(text, end))) {
		j11_lint_add(lint, NULL, J11_LINT_JSON_TRAILING, NULL, "more follows behind the value, which ends at byte %zu",
			lint->n_octets - text.len + end);
		text.len = end;
	}
	copy(lint, text);
}
