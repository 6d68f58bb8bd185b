/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to findings: text, tree, set, each key, and the keys beside each other. */
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "lint_part.h"

/* Names that appear twice, at every level. */
static void repeated_names(struct j11_lint *lint, struct j11_lint_key *key, const struct j11_json *value)
{
	char name[32];

	for (const struct j11_json *m = value->child; m != NULL; m = m->next) {
		if (m->repeated) {
			j11_text_printable(m->name, name, sizeof(name));
			j11_lint_add(lint, key, J11_LINT_JSON_DUPLICATE, name, "member \"%s\" appears more than once", name);
		}
		if (m->child != NULL && !(key == NULL && lint->is_set && j11_view_equals(m->name, "keys")))
			repeated_names(lint, key, m);
	}
}

static void lint_key(struct j11_lint *lint, struct j11_lint_key *key)
{
	key->first_error = J11_N_LINT_;
	if (key->jwk->type != J11_JSON_OBJECT) {
		j11_lint_add(lint, key, J11_LINT_SET_SHAPE, NULL, "the key is no object but a %s", j11_json_type_name(key->jwk->type));
		return;
	}
	repeated_names(lint, key, key->jwk);
	key->kid = j11_lint_string(key->jwk, "kid");
	key->alg = j11_lint_string(key->jwk, "alg");
	key->use = j11_lint_string(key->jwk, "use");
	if (!j11_lint_members(lint, key))
		return;
	j11_lint_numbers(lint, key);
	j11_lint_use(lint, key);
	j11_lint_certs(lint, key);
}

/* Makes the list of keys: those of "keys", those of a bare array, or the one. */
static bool list_keys(struct j11_lint *lint, const struct j11_json *root, const struct j11_json *keys)
{
	lint->n_listed = keys != NULL ? keys->n_children : 1;
	lint->keys = j11_mem_new_array(lint->n_listed < J11_LINT_KEYS ? lint->n_listed : J11_LINT_KEYS, sizeof(*lint->keys));
	if (lint->keys == NULL) {
		lint->failed = JWK11_ERR_MEMORY;
		return false;
	}
	if (keys == NULL)
		lint->keys[lint->n_keys++].jwk = root;
	for (const struct j11_json *key = keys != NULL ? keys->child : NULL; key != NULL && lint->n_keys < J11_LINT_KEYS; key = key->next)
		lint->keys[lint->n_keys++].jwk = key;
	return true;
}

/* An object that has none of these is no JWK that lacks its type. */
static bool looks_like_key(const struct j11_json *root)
{
	static const char *const names[] = { "kty", "crv", "n", "e", "x", "y", "k", "pub" };

	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_json_get(root, names[i]) != NULL)
			return true;
	return false;
}

/* False when there are no keys to look at. */
static bool find_keys(struct j11_lint *lint, const struct j11_json *root)
{
	const struct j11_json *keys = j11_json_get(root, "keys");

	if (root->type == J11_JSON_ARRAY) {
		j11_lint_add(lint, NULL, J11_LINT_SET_SHAPE, NULL, "it is a bare array of keys");
		keys = root;
	} else if (root->type != J11_JSON_OBJECT) {
		j11_lint_add(lint, NULL, J11_LINT_SET_SHAPE, NULL, "it is a %s", j11_json_type_name(root->type));
		return false;
	} else if (keys != NULL && keys->type != J11_JSON_ARRAY) {
		j11_lint_add(lint, NULL, J11_LINT_SET_SHAPE, "keys", "\"keys\" is no array but a %s", j11_json_type_name(keys->type));
		return false;
	} else if (keys == NULL && !looks_like_key(root)) {
		j11_lint_add(lint, NULL, J11_LINT_SET_SHAPE, "keys", "it is neither a key nor a set: \"keys\" is missing");
		return false;
	}
	lint->is_set = keys != NULL;
	return list_keys(lint, root, keys);
}

static void judge(struct j11_lint *lint)
{
	struct j11_json_limits limits = { .max_len = J11_LINT_MAX, .max_depth = 16, .max_values = 65536, .keep_repeated = true };
	struct jwk11_err why = { 0 };
	const struct j11_json *root;
	enum jwk11_rc rc = j11_json_read(j11_buf_view(&lint->text), &limits, "text", &lint->doc, &why);

	if (rc == JWK11_ERR_MEMORY)
		lint->failed = rc;
	else if (rc != JWK11_OK)
		j11_lint_add(lint, NULL, J11_LINT_JSON, NULL, "%s", why.text);
	if (rc != JWK11_OK)
		return;
	root = j11_json_root(lint->doc);
	if (!find_keys(lint, root))
		return;
	for (size_t i = 0; i < lint->n_keys; i++)
		lint_key(lint, &lint->keys[i]);
	if (lint->is_set && root->type == J11_JSON_OBJECT)
		repeated_names(lint, NULL, root);
	j11_lint_set(lint);
}

enum jwk11_rc j11_lint_run(struct jwk11_view text, struct j11_lint **ret_lint, struct jwk11_err *err)
{
	J11_AUTO(j11_lint_free_auto) struct j11_lint *lint = NULL;

	if (text.len > J11_LINT_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWK set: longer than %u bytes", J11_LINT_MAX);
	lint = j11_mem_new(sizeof(*lint));
	if (lint == NULL)
		return j11_err_memory(err);
	lint->text = J11_BUF(J11_LINT_MAX);
	j11_lint_text(lint, text);
	if (lint->failed == JWK11_OK)
		judge(lint);
	if (lint->failed != JWK11_OK)
		return j11_err_memory(err);
	j11_lint_sort(lint);
	*ret_lint = J11_STEAL(lint);
	return JWK11_OK;
}
