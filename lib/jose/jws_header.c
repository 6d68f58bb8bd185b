/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for the headers of a JWS, as reasons for a refusal. */
#include "jws_header.h"

#include <string.h>
#include <strings.h>

#include "json/json_take.h"

enum { MAX_CRIT = 32 };

static bool is_one_of(struct jwk11_view name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (j11_view_equals(name, names[i]))
			return true;
	return false;
}

bool j11_jws_is_ours(struct jwk11_view name)
{
	static const char *const names[] = { "alg", "kid", "b64", "jwk", "jku", "x5u", "x5c" };

	return is_one_of(name, names, J11_COUNT(names));
}

/* The header parameters of RFC 7515 section 4.1; RFC 7518 adds none for JWS. They are no extensions. */
static bool is_registered(struct jwk11_view name)
{
	static const char *const names[] = { "alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit" };

	return is_one_of(name, names, J11_COUNT(names));
}

static bool has_member(const struct j11_json *obj, struct jwk11_view name)
{
	for (const struct j11_json *m = obj->child; m != NULL; m = m->next)
		if (j11_view_equal(m->name, name))
			return true;
	return false;
}

static const char *crit_problem(const struct j11_json *protected_header, const struct j11_json *crit)
{
	if (crit->type != J11_JSON_ARRAY || crit->child == NULL)
		return "\"crit\" must be a list of names that is not empty";
	if (crit->n_children > MAX_CRIT)
		return "\"crit\" lists more than 32 names";
	for (const struct j11_json *one = crit->child; one != NULL; one = one->next) {
		if (one->type != J11_JSON_STRING)
			return "\"crit\" must be a list of names that is not empty";
		for (const struct j11_json *other = one->next; other != NULL; other = other->next)
			if (other->type == J11_JSON_STRING && j11_view_equal(one->text, other->text))
				return "\"crit\" lists a name twice";
		if (is_registered(one->text))
			return "\"crit\" lists a name that is no extension";
		if (!has_member(protected_header, one->text))
			return "\"crit\" lists a name that is not in the protected header";
	}
	return NULL;
}

static bool lists(const struct j11_json *crit, const char *name)
{
	for (const struct j11_json *one = crit ? crit->child : NULL; one != NULL; one = one->next)
		if (j11_view_equals(one->text, name))
			return true;
	return false;
}

static const char *protected_problem(const struct j11_json *protected_header)
{
	const struct j11_json *crit = j11_json_get(protected_header, "crit"), *b64 = j11_json_get(protected_header, "b64");
	const char *why = crit ? crit_problem(protected_header, crit) : NULL;

	if (why != NULL || b64 == NULL)
		return why;
	if (b64->type != J11_JSON_BOOL)
		return "\"b64\" must be true or false";
	return lists(crit, "b64") ? NULL : "\"b64\" is not listed in \"crit\"";
}

const char *j11_jws_header_problem(const struct j11_json *protected_header, const struct j11_json *header)
{
	if (j11_json_get(header, "crit") != NULL || j11_json_get(header, "b64") != NULL)
		return "\"crit\" and \"b64\" must be protected";
	if (j11_json_shares_a_name(protected_header, header))
		return "a member stands in the protected and in the unprotected header";
	return protected_problem(protected_header);
}

const char *j11_jws_media_text_problem(struct jwk11_view text)
{
	static const char prefix[] = "application/";
	size_t len = sizeof(prefix) - 1;

	if (text.len == 0)
		return "must be a string that is not empty";
	if (text.len < len || strncasecmp(text.data, prefix, len) != 0)
		return NULL;
	return memchr((const char *)text.data + len, '/', text.len - len) == NULL ? "is written without \"application/\"" : NULL;
}

const char *j11_jws_media_problem(const struct j11_json *value)
{
	return value->type == J11_JSON_STRING ? j11_jws_media_text_problem(value->text) : "must be a string that is not empty";
}

bool j11_jws_typ_is_jwt(struct jwk11_view typ)
{
	const char *s = typ.data;

	if (typ.len == 3)
		return strncasecmp(s, "jwt", 3) == 0;
	return typ.len > 4 && strncasecmp(s + typ.len - 4, "+jwt", 4) == 0;
}

bool j11_jws_is_encoded(const struct j11_json *protected_header)
{
	const struct j11_json *b64 = j11_json_get(protected_header, "b64");

	return b64 == NULL || b64->boolean;
}
