/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of what may and must be in a token. */
#include "jwt_rules.h"

#include "base/err.h"
#include "base/text.h"

static const char *const registered[] = { "iss", "sub", "aud", "exp", "nbf", "iat", "jti", NULL };
static const char *const jwt_only[] = { "JWT", NULL };

static bool is_empty(const char *const *list)
{
	return list == NULL || *list == NULL;
}

enum jwk11_rc j11_jwt_refuse(const char *claim, const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_CLAIM_REFUSED, "claim \"%s\" %s", claim, why);
}

/* ---- names ---- */

/* The word of the list that the name is but for its case. */
static const char *variant_of(struct jwk11_view name, const char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		if (j11_text_folds_to(name, *list) && !j11_view_equals(name, *list))
			return *list;
	return NULL;
}

static enum jwk11_rc check_names(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err)
{
	const char *const *const lists[] = { registered, rules->require };
	char shown[64];

	for (const struct j11_json *m = claims->child; m != NULL; m = m->next) {
		for (size_t i = 0; i < J11_COUNT(lists); i++) {
			const char *meant = variant_of(m->name, lists[i]);

			if (meant == NULL)
				continue;
			j11_text_printable(m->name, shown, sizeof(shown));
			j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "claim \"%s\" differs from \"%s\" only in its case", shown, meant);
			j11_err_hint(err, "some readers would take the one for the other");
			return JWK11_ERR_SYNTAX;
		}
	}
	return JWK11_OK;
}

static enum jwk11_rc check_presence(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err)
{
	const struct j11_json *claim;

	for (const char *const *r = rules->require; r != NULL && *r != NULL; r++) {
		claim = j11_json_get(claims, *r);
		if (claim == NULL || claim->type == J11_JSON_NULL)
			return j11_jwt_refuse(*r, "is missing; this client's tokens must have it", err);
	}
	for (const char *const *f = rules->forbid; f != NULL && *f != NULL; f++)
		for (const struct j11_json *m = claims->child; m != NULL; m = m->next)
			if (j11_text_folds_to(m->name, *f))
				return j11_jwt_refuse(*f, "may not be in this client's tokens", err);
	return JWK11_OK;
}

/* ---- values ---- */

static enum jwk11_rc check_text(const char *claim, struct jwk11_view text, const char *const *patterns, struct jwk11_err *err)
{
	char shown[128];

	for (const char *const *p = patterns; *p != NULL; p++)
		if (j11_text_matches(text, *p))
			return JWK11_OK;
	j11_text_printable(text, shown, sizeof(shown));
	return j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_CLAIM_REFUSED, "claim \"%s\" is \"%s\", which is none that this client may set", claim, shown);
}

/* Each string of the claim, which is one or an array of them. */
static enum jwk11_rc check_values(const struct j11_json *claims, const char *name, const char *const *patterns, struct jwk11_err *err)
{
	const struct j11_json *claim = j11_json_get(claims, name);
	enum jwk11_rc rc = JWK11_OK;

	if (is_empty(patterns))
		return JWK11_OK;
	if (claim == NULL)
		return j11_jwt_refuse(name, "is missing; this client's tokens must have it", err);
	if (claim->type == J11_JSON_STRING)
		return check_text(name, claim->text, patterns, err);
	for (const struct j11_json *one = claim->child; one != NULL && rc == JWK11_OK; one = one->next)
		rc = check_text(name, one->text, patterns, err);
	return rc;
}

enum jwk11_rc j11_jwt_check_rules(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err)
{
	const struct j11_json *iss = j11_json_get(claims, "iss");
	enum jwk11_rc rc = check_names(claims, rules, err);

	if (rc == JWK11_OK && rules->issuer != NULL && iss != NULL && !j11_view_equals(iss->text, rules->issuer))
		rc = j11_jwt_refuse("iss", "is not the issuer this client may speak for", err);
	if (rc == JWK11_OK)
		rc = check_values(claims, "aud", rules->audiences, err);
	if (rc == JWK11_OK)
		rc = check_values(claims, "sub", rules->subjects, err);
	return rc == JWK11_OK ? check_presence(claims, rules, err) : rc;
}

/* ---- claims as they are ---- */

static enum jwk11_rc check_twins(const struct j11_json *claims, struct jwk11_err *err)
{
	char one[64], other[64];

	for (const struct j11_json *a = claims->child; a != NULL; a = a->next) {
		for (const struct j11_json *b = a->next; b != NULL; b = b->next) {
			if (!j11_text_folds_alike(a->name, b->name))
				continue;
			j11_text_printable(a->name, one, sizeof(one));
			j11_text_printable(b->name, other, sizeof(other));
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "claims \"%s\" and \"%s\" differ only in their case", one, other);
		}
	}
	return JWK11_OK;
}

enum jwk11_rc j11_jwt_check_given(const struct j11_json *claims, const struct j11_jwt_rules *rules, struct jwk11_err *err)
{
	if (claims->n_children > J11_JWT_GIVEN_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %u claims", J11_JWT_GIVEN_MAX);
	if (rules->issuer != NULL && j11_json_get(claims, "iss") == NULL)
		return j11_jwt_refuse("iss", "is missing; this client's tokens must have it", err);
	return check_twins(claims, err);
}

/* ---- header ---- */

static bool has(const char *const *list, struct jwk11_view word)
{
	for (; list != NULL && *list != NULL; list++)
		if (j11_view_equals(word, *list))
			return true;
	return false;
}

enum jwk11_rc j11_jwt_check_header(struct jwk11_view asked, const struct j11_json *header, const struct j11_jwt_rules *rules,
	struct jwk11_view *ret_typ, struct jwk11_err *err)
{
	const char *const *types = is_empty(rules->types) ? jwt_only : rules->types;
	char shown[64];

	if (asked.data != NULL && !has(types, asked)) {
		j11_text_printable(asked, shown, sizeof(shown));
		return j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_HEADER_REFUSED, "typ \"%s\" is none that this client's tokens may have", shown);
	}
	for (const struct j11_json *m = header != NULL ? header->child : NULL; m != NULL; m = m->next) {
		if (has(rules->headers, m->name))
			continue;
		j11_text_printable(m->name, shown, sizeof(shown));
		return j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_HEADER_REFUSED, "header member \"%s\" is none that this client may set", shown);
	}
	*ret_typ = asked.data != NULL ? asked : j11_view_str(types[0]);
	return JWK11_OK;
}
