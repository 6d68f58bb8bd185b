/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables over a parsed object. */
#include "json_take.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

struct jwk11_view j11_json_number(const struct j11_json *value)
{
	struct jwk11_view number = value->text;
	size_t len = number.len;
	const char *s = number.data;

	while (len > 0 && s[len - 1] == '0')
		len--;
	if (len > 1 && len < number.len && s[len - 1] == '.')
		number.len = len - 1;
	return number;
}

bool j11_json_int(const struct j11_json *value, int64_t *ret_n)
{
	struct jwk11_view digits;
	bool negative;
	uint64_t n;

	if (value == NULL || value->type != J11_JSON_NUMBER)
		return false;
	digits = j11_json_number(value);
	negative = digits.len > 0 && *(const char *)digits.data == '-';
	if (negative) {
		digits.data = (const char *)digits.data + 1;
		digits.len--;
	}
	if (!j11_text_to_u64(digits, INT64_MAX, &n))
		return false;
	*ret_n = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

bool j11_json_shares_a_name(const struct j11_json *a, const struct j11_json *b)
{
	for (const struct j11_json *m = a ? a->child : NULL; m != NULL; m = m->next)
		for (const struct j11_json *n = b ? b->child : NULL; n != NULL; n = n->next)
			if (j11_view_equal(m->name, n->name))
				return true;
	return false;
}

/* Stores one member; false when its value does not fit the field. */
static bool store(const struct j11_json *m, const struct j11_json_field *field, char *into)
{
	int64_t n;

	if (m->type != field->type && field->type != J11_JSON_ANY)
		return false;
	switch (field->type) {
	case J11_JSON_STRING:
		memcpy(into + field->offset, &m->text, sizeof(m->text));
		return true;
	case J11_JSON_BOOL:
		memcpy(into + field->offset, &m->boolean, sizeof(m->boolean));
		return true;
	case J11_JSON_NUMBER:
		if (!j11_json_int(m, &n))
			return false;
		memcpy(into + field->offset, &n, sizeof(n));
		return true;
	default:
		memcpy(into + field->offset, &m, sizeof(m));
		return true;
	}
}

static enum jwk11_rc unknown_member(const struct j11_json *m, const struct j11_json_field *fields, size_t n_fields, const char *what,
	struct jwk11_err *err)
{
	char name[48], known[JWK11_HINT_MAX];
	struct jwk11_buf list = J11_BUF(sizeof(known) - 16);

	j11_text_printable(m->name, name, sizeof(name));
	for (size_t i = 0; i < n_fields; i++)
		j11_buf_add_fmt(&list, "%s%s", i ? ", " : "", fields[i].name);
	j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_UNKNOWN, "%s: unknown member \"%s\"", what, name);
	j11_err_hint(err, "known members: %s", jwk11_buf_data(&list));
	j11_buf_done(&list);
	return JWK11_ERR_SYNTAX;
}

enum jwk11_rc j11_json_take(const struct j11_json *obj, const struct j11_json_field *fields, size_t n_fields, bool lenient, const char *what,
	void *into, struct jwk11_err *err)
{
	if (obj == NULL || obj->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "%s must be an object", what);
	for (size_t i = 0; i < n_fields; i++)
		if (fields[i].required && j11_json_get(obj, fields[i].name) == NULL)
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "%s: member \"%s\" is missing", what, fields[i].name);
	for (const struct j11_json *m = obj->child; m != NULL; m = m->next) {
		size_t i = 0;

		while (i < n_fields && !j11_view_equals(m->name, fields[i].name))
			i++;
		if (i == n_fields && !lenient)
			return unknown_member(m, fields, n_fields, what, err);
		if (i < n_fields && !store(m, &fields[i], into))
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "%s: member \"%s\" must be %s%s", what, fields[i].name,
				fields[i].type == J11_JSON_NUMBER ? "an integer" : fields[i].type == J11_JSON_OBJECT || fields[i].type == J11_JSON_ARRAY ?
				"an " : "a ", fields[i].type == J11_JSON_NUMBER ? "" : j11_json_type_name(fields[i].type));
	}
	return JWK11_OK;
}
