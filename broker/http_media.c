/* SPDX-License-Identifier: Apache-2.0 */
/* Header values of the HTTP front. Values come from the parser, so they hold no control characters. */
#include "http_media.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct jwk11_view view(const char *s, size_t len)
{
	return (struct jwk11_view){ .data = s, .len = len };
}

static struct jwk11_view trim(struct jwk11_view v)
{
	const char *s = v.data;
	size_t len = v.len;

	while (len > 0 && (s[0] == ' ' || s[0] == '\t')) {
		s++;
		len--;
	}
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return view(s, len);
}

/* Takes the part before the next separator; false when nothing is left. */
static bool next_part(struct jwk11_view *rest, char separator, struct jwk11_view *ret_part)
{
	const char *s = rest->data, *end;

	if (s == NULL)
		return false;
	end = memchr(s, separator, rest->len);
	if (end == NULL) {
		*ret_part = trim(*rest);
		*rest = view(NULL, 0);
		return true;
	}
	*ret_part = trim(view(s, (size_t)(end - s)));
	*rest = view(end + 1, rest->len - (size_t)(end - s) - 1);
	return true;
}

static bool equal_nocase(struct jwk11_view v, const char *s, size_t len)
{
	return v.len == len && strncasecmp(v.data, s, len) == 0;
}

/* "q=0.5" as 500; false when the parameter is not a q. A malformed weight counts as 0. */
static bool weight(struct jwk11_view parameter, unsigned *ret_q)
{
	const char *s = parameter.data;
	unsigned q, scale = 100;

	if (parameter.len < 2 || (s[0] | 0x20) != 'q' || s[1] != '=')
		return false;
	*ret_q = 0;
	if (parameter.len < 3 || parameter.len > 7 || s[2] < '0' || s[2] > '1' || (parameter.len > 3 && s[3] != '.'))
		return true;
	q = (unsigned)(s[2] - '0') * 1000;
	for (size_t i = 4; i < parameter.len; i++, scale /= 10) {
		if (s[i] < '0' || s[i] > '9')
			return true;
		q += (unsigned)(s[i] - '0') * scale;
	}
	*ret_q = q > 1000 ? 0 : q;
	return true;
}

static unsigned match(struct jwk11_view range, const char *type)
{
	size_t len = strlen(type);
	const char *slash = strchr(type, '/');
	size_t top = (size_t)(slash - type) + 1;

	if (equal_nocase(range, type, len))
		return 3;
	if (range.len == top + 1 && ((const char *)range.data)[top] == '*' && strncasecmp(range.data, type, top) == 0)
		return 2;
	return equal_nocase(range, "*/*", 3) ? 1 : 0;
}

struct http_taste http_media_taste(struct jwk11_view accept, const char *type)
{
	struct http_taste best = { .q = 0 };
	struct jwk11_view item;

	while (next_part(&accept, ',', &item)) {
		struct jwk11_view range, parameter;
		struct http_taste t = { .q = 1000 };

		if (!next_part(&item, ';', &range))
			continue;
		t.specific = match(range, type);
		while (next_part(&item, ';', &parameter) && !weight(parameter, &t.q))
			continue;
		if (t.specific > best.specific)
			best = t;
	}
	return best;
}

int http_media_choose(struct jwk11_view accept, const char *const *types, size_t n_types)
{
	struct http_taste best = { .q = 0 };
	int chosen = -1;

	if (accept.data == NULL || accept.len == 0)
		return n_types > 0 ? 0 : -1;
	for (size_t i = 0; i < n_types; i++) {
		struct http_taste t = http_media_taste(accept, types[i]);

		if (t.q > best.q || (t.q > 0 && t.q == best.q && t.specific > best.specific)) {
			best = t;
			chosen = (int)i;
		}
	}
	return chosen;
}

bool http_media_is_json(struct jwk11_view content_type)
{
	struct jwk11_view part;

	if (!next_part(&content_type, ';', &part) || !equal_nocase(part, "application/json", 16))
		return false;
	if (!next_part(&content_type, ';', &part))
		return true;
	return content_type.data == NULL && (equal_nocase(part, "charset=utf-8", 13) || equal_nocase(part, "charset=\"utf-8\"", 15));
}

bool http_media_has_tag(struct jwk11_view if_none_match, const char *tag)
{
	struct jwk11_view item;
	size_t len = strlen(tag);

	while (next_part(&if_none_match, ',', &item)) {
		const char *s = item.data;

		if (item.len == 1 && s[0] == '*')
			return true;
		if (item.len > 2 && s[0] == 'W' && s[1] == '/')
			item = view(s + 2, item.len - 2);
		if (item.len == len && memcmp(item.data, tag, len) == 0)
			return true;
	}
	return false;
}

/* FNV-1a, 128 bits: no adversary chooses both sides of the comparison, so a checksum is enough. */
void http_media_make_tag(struct jwk11_view body, const char *tail, char ret_tag[HTTP_TAG_MAX])
{
	__extension__ typedef unsigned __int128 wide;
	const wide prime = (wide)1 << 88 | 0x13bu;
	const unsigned char *octets = body.data;
	wide h = (wide)0x6c62272e07bb0142u << 64 | 0x62b821756295c58du;

	for (size_t i = 0; i < body.len; i++)
		h = (h ^ octets[i]) * prime;
	snprintf(ret_tag, HTTP_TAG_MAX, "\"%016llx%016llx%s\"", (unsigned long long)(h >> 64), (unsigned long long)h, tail);
}

bool http_media_is_id(struct jwk11_view request_id)
{
	const char *s = request_id.data;

	if (request_id.len == 0 || request_id.len > 64)
		return false;
	for (size_t i = 0; i < request_id.len; i++) {
		bool plain = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9');

		if (!plain && s[i] != '-' && s[i] != '.' && s[i] != '_')
			return false;
	}
	return true;
}
