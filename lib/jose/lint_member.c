/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a JWK by name and type, the type of the key, and what must not be there at all. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "jwk.h"
#include "lint_part.h"

/* Registered members (RFC 7517 4, 7518 6, 8037 2, 9964; OpenID Federation's). STRING members of a public key are not empty. */
static const struct {
	const char *name;
	enum j11_json_type type;
} registered[] = {
	{ "kty", J11_JSON_STRING }, { "use", J11_JSON_STRING }, { "key_ops", J11_JSON_ARRAY }, { "alg", J11_JSON_STRING },
	{ "kid", J11_JSON_STRING }, { "x5u", J11_JSON_STRING }, { "x5c", J11_JSON_ARRAY }, { "x5t", J11_JSON_STRING },
	{ "x5t#S256", J11_JSON_STRING }, { "n", J11_JSON_STRING }, { "e", J11_JSON_STRING }, { "crv", J11_JSON_STRING },
	{ "x", J11_JSON_STRING }, { "y", J11_JSON_STRING }, { "pub", J11_JSON_STRING }, { "ext", J11_JSON_BOOL }, { "iat", J11_JSON_NUMBER },
	{ "nbf", J11_JSON_NUMBER }, { "exp", J11_JSON_NUMBER }, { "revoked", J11_JSON_OBJECT },
};

static const char *const ktys[] = { "RSA", "EC", "OKP", "AKP", "oct" };

/* What each type of key cannot do without. AKP's "alg" has a rule of its own. */
static const struct {
	const char *kty, *members[3];
} required[] = {
	{ "RSA", { "n", "e" } }, { "EC", { "crv", "x", "y" } }, { "OKP", { "crv", "x" } }, { "AKP", { "pub" } },
};

static bool is_empty(const struct j11_json *value)
{
	return value->type == J11_JSON_STRING ? value->text.len == 0 :
		(value->type == J11_JSON_ARRAY || value->type == J11_JSON_OBJECT) && value->n_children == 0;
}

static void check_registered(struct j11_lint *lint, struct j11_lint_key *key, const struct j11_json *m, size_t row)
{
	const char *name = registered[row].name;

	if (m->type != registered[row].type)
		j11_lint_add(lint, key, J11_LINT_MEMBER_TYPE, name, "\"%s\" is a %s, not a %s", name, j11_json_type_name(m->type),
			j11_json_type_name(registered[row].type));
	else if (is_empty(m))
		j11_lint_add(lint, key, J11_LINT_MEMBER_EMPTY, name, "\"%s\" is empty", name);
	for (const struct j11_json *element = m->type == J11_JSON_ARRAY ? m->child : NULL; element != NULL; element = element->next)
		if (element->type != J11_JSON_STRING) {
			j11_lint_add(lint, key, J11_LINT_MEMBER_TYPE, name, "\"%s\" holds a %s among its strings", name,
				j11_json_type_name(element->type));
			break;
		}
}

static void check_member(struct j11_lint *lint, struct j11_lint_key *key, const struct j11_json *m)
{
	char shown[32];

	j11_text_printable(m->name, shown, sizeof(shown));
	if (m->type == J11_JSON_NULL) {
		j11_lint_add(lint, key, J11_LINT_MEMBER_NULL, shown, "\"%s\" is null", shown);
		return;
	}
	for (size_t i = 0; i < J11_COUNT(registered); i++) {
		if (j11_view_equals(m->name, registered[i].name)) {
			check_registered(lint, key, m, i);
			return;
		}
		if (j11_lint_same_word(m->name, registered[i].name))
			j11_lint_add(lint, key, J11_LINT_MEMBER_CASE, shown, "\"%s\" is not \"%s\", and nobody reads it", shown, registered[i].name);
	}
}

/* All names in one finding; never a value. */
static void check_private(struct j11_lint *lint, struct j11_lint_key *key)
{
	char names[64] = "";
	const char *first = NULL;
	size_t used = 0;

	for (const struct j11_json *m = key->jwk->child; m != NULL; m = m->next) {
		const char *name = j11_jwk_private_member(m->name);

		if (name == NULL || used + 16 > sizeof(names))
			continue;
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s\"%s\"", first != NULL ? ", " : "", name);
		first = first != NULL ? first : name;
	}
	if (first != NULL)
		j11_lint_add(lint, key, J11_LINT_PRIVATE, first, "the private half is in it: %s", names);
}

/* Sets key->kty. */
static void check_kty(struct j11_lint *lint, struct j11_lint_key *key)
{
	struct jwk11_view kty = j11_lint_string(key->jwk, "kty");
	char shown[32];

	for (size_t i = 0; i < J11_COUNT(ktys); i++)
		if (j11_lint_same_word(kty, ktys[i]))
			key->kty = ktys[i];
	j11_text_printable(kty, shown, sizeof(shown));
	if (j11_json_get(key->jwk, "kty") == NULL)
		j11_lint_add(lint, key, J11_LINT_MEMBER_MISSING, "kty", "\"kty\" is missing: the type of the key");
	else if (key->kty == NULL && kty.len > 0)
		j11_lint_add(lint, key, J11_LINT_KTY_UNKNOWN, "kty", "nobody has registered the key type \"%s\"", shown);
	else if (key->kty != NULL && !j11_view_equals(kty, key->kty))
		j11_lint_add(lint, key, J11_LINT_KTY_CASE, "kty", "the key type is \"%s\", not \"%s\"", key->kty, shown);
}

/* A compressed point has no "y"; that it is one is said elsewhere. */
static bool may_lack(const struct j11_lint_key *key, const char *name)
{
	return j11_text_equal(name, "y") && j11_lint_is_point(key->jwk);
}

static void check_required(struct j11_lint *lint, struct j11_lint_key *key)
{
	for (size_t i = 0; key->kty != NULL && i < J11_COUNT(required); i++)
		for (size_t j = 0; j < J11_COUNT(required[i].members) && required[i].members[j] != NULL; j++) {
			const char *name = required[i].members[j];

			if (j11_text_equal(key->kty, required[i].kty) && j11_json_get(key->jwk, name) == NULL && !may_lack(key, name))
				j11_lint_add(lint, key, J11_LINT_MEMBER_MISSING, name, "\"%s\" is missing: every %s key has it", name, key->kty);
		}
}

bool j11_lint_members(struct j11_lint *lint, struct j11_lint_key *key)
{
	for (const struct j11_json *m = key->jwk->child; m != NULL; m = m->next)
		check_member(lint, key, m);
	check_kty(lint, key);
	if (key->kty != NULL && j11_text_equal(key->kty, "oct")) {
		j11_lint_add(lint, key, J11_LINT_SYMMETRIC, "k", "a symmetric key, which has no public half");
		return false;
	}
	check_private(lint, key);
	check_required(lint, key);
	return true;
}
