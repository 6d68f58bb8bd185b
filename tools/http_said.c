/* SPDX-License-Identifier: Apache-2.0 */
/* Retry-After, media types, problem documents. */
#include "http_said.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "json/json_read.h"

enum { YEAR_S = 366 * 86400 };

/* Two or four digits at p. */
static bool number(const char *p, size_t digits, int *ret_n)
{
	int n = 0;

	for (size_t i = 0; i < digits; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		n = n * 10 + (p[i] - '0');
	}
	*ret_n = n;
	return true;
}

static int month_of(const char *p)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (memcmp(months + 3 * i, p, 3) == 0)
			return i;
	return -1;
}

/* IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT". The day of the week is nobody's business. */
static bool read_date(struct jwk11_view text, int64_t *ret_time)
{
	static const char form[] = "ccc, dd ccc dddd dd:dd:dd GMT";
	const char *p = text.data;
	struct tm tm = { 0 };

	if (text.len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (form[i] != 'c' && form[i] != 'd' && p[i] != form[i])
			return false;
	tm.tm_mon = month_of(p + 8);
	if (tm.tm_mon < 0 || !number(p + 5, 2, &tm.tm_mday) || !number(p + 12, 4, &tm.tm_year) || !number(p + 17, 2, &tm.tm_hour) ||
		!number(p + 20, 2, &tm.tm_min) || !number(p + 23, 2, &tm.tm_sec))
		return false;
	if (tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_year < 1970 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	*ret_time = timegm(&tm);
	return true;
}

bool http_said_retry_after(struct jwk11_view text, int64_t now, int64_t *ret_seconds)
{
	uint64_t seconds = 0;
	int64_t then = 0;

	if (j11_text_to_u64(text, YEAR_S, &seconds)) {
		*ret_seconds = (int64_t)seconds;
		return true;
	}
	if (!read_date(text, &then) || then - now > YEAR_S)
		return false;
	*ret_seconds = then > now ? then - now : 0;
	return true;
}

bool http_said_type(const char *content_type, const char *wanted)
{
	size_t len = strcspn(content_type, "; \t");

	return j11_text_folds_alike((struct jwk11_view){ .data = content_type, .len = len }, j11_view_str(wanted));
}

static struct jwk11_view text_of(const struct j11_json *object, const char *name)
{
	const struct j11_json *member = j11_json_get(object, name);

	return member != NULL && member->type == J11_JSON_STRING ? member->text : (struct jwk11_view){ .data = "", .len = 0 };
}

/* "; for www.example.com: …" behind the detail. */
static void add_subproblem(const struct j11_json *object, struct http_problem *problem)
{
	const struct j11_json *list = j11_json_get(object, "subproblems"), *first = list != NULL && list->type == J11_JSON_ARRAY ? list->child : NULL;
	struct jwk11_view detail = text_of(first, "detail");
	char name[64], said[160];
	size_t len = strlen(problem->detail);

	if (detail.len == 0)
		return;
	j11_text_printable(text_of(j11_json_get(first, "identifier"), "value"), name, sizeof(name));
	j11_text_printable(detail, said, sizeof(said));
	if (len + strlen(name) + strlen(said) + 9 <= sizeof(problem->detail)) /* whole, or not at all */
		snprintf(problem->detail + len, sizeof(problem->detail) - len, "; %s%s%s%s", name[0] != '\0' ? "for " : "", name, name[0] != '\0' ? ": " : "", said);
}

bool http_said_problem(const struct j11_json *object, struct http_problem *ret_problem)
{
	struct http_problem problem = { 0 };
	struct jwk11_view type = text_of(object, "type"), detail = text_of(object, "detail");

	if (detail.len == 0)
		detail = text_of(object, "title");
	if (object == NULL || object->type != J11_JSON_OBJECT || (type.len == 0 && detail.len == 0))
		return false;
	j11_text_printable(type, problem.type, sizeof(problem.type));
	j11_text_printable(detail, problem.detail, sizeof(problem.detail));
	add_subproblem(object, &problem);
	*ret_problem = problem;
	return true;
}

bool http_said_problem_text(struct jwk11_view text, struct http_problem *ret_problem)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;

	return j11_json_read(text, NULL, "problem", &doc, NULL) == JWK11_OK && http_said_problem(j11_json_root(doc), ret_problem);
}

bool http_said_is(const struct http_problem *problem, const char *acme_error)
{
	static const char start[] = "urn:ietf:params:acme:error:";

	return j11_text_starts(problem->type, start) && j11_text_equal(problem->type + sizeof(start) - 1, acme_error);
}
