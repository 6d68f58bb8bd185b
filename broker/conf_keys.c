/* SPDX-License-Identifier: Apache-2.0 */
/* The public keys from files that a configuration carries: adding one, and looking at what another process has put there. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf_table.h"
#include "form/profile.h"

bool conf_wants_verify_only(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_sets; i++)
		if (conf_set_wants_verify_only(&conf->sets[i]))
			return true;
	return false;
}

static const char *copy_text(struct conf *conf, const char *text)
{
	char *copy = conf_alloc(conf, strlen(text) + 1);

	if (copy != NULL)
		memcpy(copy, text, strlen(text));
	return copy;
}

static bool is_string(const struct conf_row *row)
{
	return row->section == CONF_S_VERIFY_ONLY && row->kind < CONF_WORD;
}

/* With a copy of every string of it. */
static bool copy_all(struct conf *conf, const struct conf_verify_only *from, struct conf_verify_only *to)
{
	char name[24];

	*to = *from;
	snprintf(name, sizeof(name), "%zu", conf->n_verify_only + 1);
	to->name = copy_text(conf, name);
	for (const struct conf_row *row = conf_rows; row->name != NULL; row++) {
		const char **place = (const char **)(void *)((char *)to + row->offset);

		if (!is_string(row))
			continue;
		*place = copy_text(conf, *(const char *const *)(const void *)((const char *)from + row->offset));
		if (*place == NULL)
			return false;
	}
	return to->name != NULL;
}

enum jwk11_rc conf_add_verify_only(struct conf *conf, const struct conf_verify_only *key, struct jwk11_err *err)
{
	struct conf_verify_only *grown = conf->verify_only;
	size_t n = conf->n_verify_only;

	if (n == CONF_VERIFY_ONLY_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_CONFIG_INVALID, "more than %d verify-only keys", CONF_VERIFY_ONLY_MAX);
	if ((n & (n - 1)) == 0) { /* full at each power of two */
		grown = conf_alloc(conf, (n > 0 ? 2 * n : 1) * sizeof(*grown));
		if (grown == NULL)
			return j11_err_memory(err);
		if (n > 0)
			memcpy(grown, conf->verify_only, n * sizeof(*grown));
		conf->verify_only = grown;
	}
	if (!copy_all(conf, key, &grown[n]))
		return j11_err_memory(err);
	conf->n_verify_only++;
	return JWK11_OK;
}

static bool is_complete(const struct conf_verify_only *key)
{
	for (const struct conf_row *row = conf_rows; row->name != NULL; row++)
		if (is_string(row) && *(const char *const *)(const void *)((const char *)key + row->offset) == NULL)
			return false;
	return true;
}

/* Sets are world-readable and taken as they are: what stands here goes out. */
static bool is_sound(const struct conf_verify_only *key)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *kid;

	if (j11_json_read(j11_view_str(key->jwk), NULL, "JWK", &doc, NULL) != JWK11_OK || !j11_form_is_public(j11_json_root(doc)))
		return false;
	kid = j11_json_get(j11_json_root(doc), "kid");
	return kid != NULL && kid->type == J11_JSON_STRING && j11_view_equals(kid->text, key->kid);
}

enum jwk11_rc conf_check_verify_only(const struct conf *conf, const char *file, struct jwk11_err *err)
{
	for (size_t i = 0; i < conf->n_verify_only; i++) {
		const struct conf_verify_only *key = &conf->verify_only[i];

		if (!is_complete(key) || !is_sound(key))
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "%s: [verify-only %s] is not a whole public key", file, key->name);
	}
	return JWK11_OK;
}
