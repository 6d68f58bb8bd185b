/* SPDX-License-Identifier: Apache-2.0 */
/* From the scheme on to the right, each part of what is left. */
#include "url.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_url_char(char c)
{
	return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

static const char *check_chars(struct jwk11_view text)
{
	const char *p = text.data;

	if (text.len == 0 || text.len > J11_URL_MAX)
		return text.len == 0 ? "is empty" : "is longer than 4096 octets";
	for (size_t i = 0; i < text.len; i++) {
		if (!is_url_char(p[i]))
			return "holds a character that must be percent-encoded";
		if (p[i] == '%' && (text.len - i < 3 || !is_hex(p[i + 1]) || !is_hex(p[i + 2])))
			return "holds a % without two hexadecimal digits behind it";
	}
	return NULL;
}

/* What stands before the first of these characters; the rest stays in `left`. */
static struct jwk11_view cut(struct jwk11_view *left, const char *at)
{
	const char *p = left->data;
	size_t n = 0;

	while (n < left->len && strchr(at, p[n]) == NULL)
		n++;
	*left = (struct jwk11_view){ .data = p + n, .len = left->len - n };
	return (struct jwk11_view){ .data = p, .len = n };
}

static bool begins(struct jwk11_view left, char c)
{
	return left.len > 0 && *(const char *)left.data == c;
}

/* Drops the one character it begins with. */
static struct jwk11_view behind(struct jwk11_view left)
{
	return (struct jwk11_view){ .data = (const char *)left.data + 1, .len = left.len - 1 };
}

static const char *take_scheme(struct jwk11_view *left, struct j11_url *url)
{
	static const char *const starts[] = { "http://", "https://" };

	for (size_t i = 0; i < J11_COUNT(starts); i++) {
		size_t len = strlen(starts[i]);

		if (left->len < len || strncasecmp(left->data, starts[i], len) != 0)
			continue;
		url->https = i == 1;
		url->scheme = (struct jwk11_view){ .data = left->data, .len = len - 3 };
		*left = (struct jwk11_view){ .data = (const char *)left->data + len, .len = left->len - len };
		return NULL;
	}
	return "must begin with https:// or http://";
}

/* An IPv6 address in brackets, as far as its characters go. */
static const char *take_literal(struct jwk11_view *left, struct j11_url *url)
{
	struct jwk11_view rest = behind(*left), address = cut(&rest, "]");
	const char *p = address.data;

	for (size_t i = 0; i < address.len; i++)
		if (!is_hex(p[i]) && p[i] != ':' && p[i] != '.')
			return "has an address in brackets that is none";
	if (address.len < 2 || rest.len == 0)
		return "has an address in brackets that is none";
	url->host = (struct jwk11_view){ .data = left->data, .len = address.len + 2 };
	*left = behind(rest);
	return NULL;
}

static const char *take_authority(struct jwk11_view authority, struct j11_url *url)
{
	struct jwk11_view left = authority;
	const char *why = NULL;
	uint64_t port;

	url->authority = authority;
	if (memchr(authority.data, '@', authority.len) != NULL)
		return "holds a user name or password";
	if (begins(left, '['))
		why = take_literal(&left, url);
	else
		url->host = cut(&left, ":[]");
	if (why != NULL || url->host.len == 0)
		return why != NULL ? why : "has no host";
	url->port = (struct jwk11_view){ .data = left.data, .len = 0 };
	if (left.len == 0)
		return NULL;
	url->port = behind(left);
	return !begins(left, ':') || !j11_text_to_u64(url->port, 65535, &port) ? "has a port that is none" : NULL;
}

const char *j11_url_parse(struct jwk11_view text, struct j11_url *ret_url)
{
	struct j11_url url = { .https = false };
	struct jwk11_view left = text;
	const char *why = check_chars(text);

	if (why == NULL)
		why = take_scheme(&left, &url);
	if (why == NULL)
		why = take_authority(cut(&left, "/?#"), &url);
	if (why != NULL)
		return why;
	url.path = cut(&left, "?#");
	if (begins(left, '?')) {
		left = behind(left);
		url.query = cut(&left, "#");
	}
	if (begins(left, '#')) {
		url.fragment = behind(left);
		if (memchr(url.fragment.data, '#', url.fragment.len) != NULL)
			return "holds two #";
	}
	if (memchr(url.path.data, '[', url.path.len) != NULL || memchr(url.path.data, ']', url.path.len) != NULL)
		return "holds a character that must be percent-encoded";
	*ret_url = url;
	return NULL;
}
