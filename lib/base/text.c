/* SPDX-License-Identifier: Apache-2.0 */
/* Text rules shared by all readers. */
#include "text.h"

#include <stdio.h>
#include <string.h>

bool j11_text_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool j11_text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* RFC 3629 section 4. */
size_t j11_text_utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > left)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool j11_text_is_utf8(struct jwk11_view v)
{
	const unsigned char *p = v.data;

	for (size_t i = 0; i < v.len;) {
		size_t n = j11_text_utf8_sequence(p + i, v.len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

bool j11_text_to_u64(struct jwk11_view v, uint64_t max, uint64_t *ret_n)
{
	const char *p = v.data;
	uint64_t n = 0;

	if (v.len == 0 || (v.len > 1 && p[0] == '0'))
		return false;
	for (size_t i = 0; i < v.len; i++) {
		unsigned digit = (unsigned)(unsigned char)p[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > max)
		return false;
	*ret_n = n;
	return true;
}

bool j11_text_to_seconds(struct jwk11_view v, int64_t max, int64_t *ret_seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	const char *p = v.data;
	uint64_t factor = 1, n;

	for (size_t i = 0; v.len > 0 && i < J11_COUNT(units); i++) {
		if (p[v.len - 1] == units[i].unit) {
			factor = units[i].seconds;
			v.len--;
			break;
		}
	}
	if (max < 0 || !j11_text_to_u64(v, (uint64_t)max / factor, &n))
		return false;
	*ret_seconds = (int64_t)(n * factor);
	return true;
}

void j11_text_printable(struct jwk11_view v, char *ret_text, size_t room)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	const unsigned char *p = v.data;
	size_t used = 0, i = 0;

	if (room == 0)
		return;
	ret_text[0] = '\0';
	if (room < sizeof(ellipsis))
		return;
	while (i < v.len) {
		size_t n = j11_text_utf8_sequence(p + i, v.len - i);
		bool plain = n > 0 && p[i] >= 0x20 && p[i] != 0x7f && !(n == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0);
		size_t need = plain ? n : 4;
		size_t tail = i + (plain ? n : 1) < v.len ? sizeof(ellipsis) - 1 : 0;

		if (used + need + tail >= room) {
			memcpy(ret_text + used, ellipsis, sizeof(ellipsis));
			return;
		}
		if (plain)
			memcpy(ret_text + used, p + i, n);
		else
			snprintf(ret_text + used, room - used, "\\x%02x", p[i]);
		used += need;
		i += plain ? n : 1;
		ret_text[used] = '\0';
	}
}

unsigned j11_text_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[3][MAX + 1]; /* of a[..i-2], a[..i-1], a[..i] */

	if (la > MAX || lb > MAX)
		return MAX;
	for (unsigned j = 0; j <= lb; j++)
		row[1][j] = row[2][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		memcpy(row[0], row[1], sizeof(row[0]));
		memcpy(row[1], row[2], sizeof(row[1]));
		row[2][0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned best = row[1][j - 1] + (a[i - 1] != b[j - 1]);

			if (row[1][j] + 1 < best)
				best = row[1][j] + 1;
			if (row[2][j - 1] + 1 < best)
				best = row[2][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && row[0][j - 2] + 1 < best)
				best = row[0][j - 2] + 1;
			row[2][j] = best;
		}
	}
	return row[2][lb];
}

void j11_nearest_offer(struct j11_nearest *nearest, const char *candidate)
{
	unsigned limit = (unsigned)strlen(nearest->word) / 3 + 1, distance = j11_text_distance(nearest->word, candidate);

	if (strlen(nearest->word) >= 3 && strlen(candidate) >= 3 &&
		(j11_text_starts(candidate, nearest->word) || j11_text_starts(nearest->word, candidate)))
		distance = 0;
	if (distance > limit || (nearest->best != NULL && distance >= nearest->distance))
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}

void j11_text_time(int64_t unix_seconds, char ret_text[21])
{
	time_t t = (time_t)unix_seconds;
	struct tm tm;

	ret_text[0] = '\0';
	if (gmtime_r(&t, &tm) != NULL && strftime(ret_text, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		ret_text[0] = '\0';
}

/* Exactly n digits, and `behind` after them unless that is 0. */
static bool take_digits(const char **p, const char *end, int n, char behind, int *ret_n)
{
	*ret_n = 0;
	for (; n > 0; n--, (*p)++) {
		if (*p == end || **p < '0' || **p > '9')
			return false;
		*ret_n = *ret_n * 10 + (**p - '0');
	}
	if (behind == '\0')
		return true;
	return *p < end && *(*p)++ == behind;
}

/* Of a fraction the first three digits count. */
static bool take_fraction(const char **p, const char *end, int *ret_ms)
{
	int unit = 100;

	if (*p == end || **p != '.')
		return true;
	for ((*p)++; *p < end && **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		*ret_ms += unit * (**p - '0');
	return (*p)[-1] != '.';
}

static bool take_offset(const char **p, const char *end, int *ret_minutes)
{
	int hours, minutes, sign;

	if (*p < end && (**p == 'Z' || **p == 'z')) {
		(*p)++;
		return true;
	}
	if (*p == end || (**p != '+' && **p != '-'))
		return false;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!take_digits(p, end, 2, ':', &hours) || !take_digits(p, end, 2, '\0', &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

/* A second may be the 60th. */
static bool take_clock(const char **p, const char *end, struct tm *tm, int *ret_ms, int *ret_minutes)
{
	if (*p == end || (**p != 'T' && **p != 't' && **p != ' '))
		return false;
	(*p)++;
	return take_digits(p, end, 2, ':', &tm->tm_hour) && take_digits(p, end, 2, ':', &tm->tm_min) && take_digits(p, end, 2, '\0', &tm->tm_sec) &&
		tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60 && take_fraction(p, end, ret_ms) && take_offset(p, end, ret_minutes);
}

bool j11_text_to_time(struct jwk11_view v, int64_t *ret_ms)
{
	const char *p = v.data, *end = p + v.len;
	struct tm tm = { 0 }, day;
	int ms = 0, minutes = 0;

	if (v.len == 0 || !take_digits(&p, end, 4, '-', &tm.tm_year) || !take_digits(&p, end, 2, '-', &tm.tm_mon) ||
		!take_digits(&p, end, 2, '\0', &tm.tm_mday))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	day = tm;
	(void)timegm(&day);
	if (day.tm_mday != tm.tm_mday || day.tm_mon != tm.tm_mon) /* of a day that is none timegm makes another */
		return false;
	if (p < end && (!take_clock(&p, end, &tm, &ms, &minutes) || p != end))
		return false;
	*ret_ms = ((int64_t)timegm(&tm) - minutes * 60) * 1000 + ms;
	return true;
}

/* One "*" is undone at most: where a later one is met, what the earlier took is right as it is. */
bool j11_text_matches(struct jwk11_view text, const char *pattern)
{
	const char *p = text.data, *end = p + text.len, *star = NULL, *taken = p;

	while (p < end) {
		if (*pattern == '*') {
			star = pattern++;
			taken = p;
		} else if (*pattern != '\0' && *pattern == *p) {
			pattern++;
			p++;
		} else if (star != NULL) {
			pattern = star + 1;
			p = ++taken;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* The next letter in lower case, and behind it; 0 at the end. */
static char next_folded(const char **p, const char *end)
{
	char c = *p < end ? *(*p)++ : '\0';

	if (c == '\xc5' && *p < end && **p == '\xbf') {
		*p += 1;
		return 's';
	}
	if (c == '\xe2' && end - *p >= 2 && (*p)[0] == '\x84' && (*p)[1] == '\xaa') {
		*p += 2;
		return 'k';
	}
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool j11_text_folds_alike(struct jwk11_view a, struct jwk11_view b)
{
	const char *p = a.data, *end = p + a.len, *w = b.data, *word_end = w + b.len;

	while (p < end && w < word_end)
		if (next_folded(&p, end) != next_folded(&w, word_end))
			return false;
	return p == end && w == word_end;
}

bool j11_text_folds_to(struct jwk11_view text, const char *word)
{
	return j11_text_folds_alike(text, j11_view_str(word));
}

struct jwk11_view j11_text_trim(struct jwk11_view v)
{
	const char *p = v.data;

	while (v.len > 0 && (p[0] == ' ' || p[0] == '\t')) {
		p++;
		v.len--;
	}
	while (v.len > 0 && (p[v.len - 1] == ' ' || p[v.len - 1] == '\t' || p[v.len - 1] == '\r'))
		v.len--;
	v.data = p;
	return v;
}
