/* SPDX-License-Identifier: Apache-2.0 */
/* JWK sets read from outside. Keys we have no use for are passed over, so that one new kind of key does not hide the others. */
#include "base/err.h"
#include "base/mem.h"
#include "jwk.h"

enum { MAX_KEYS = 256, MAX_SET = 1024 * 1024 };

static enum jwk11_rc parse_key(const struct j11_jwks *set, const struct j11_json *key, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	return set->enc ? j11_jwk_parse_enc(key, ret_pub, err) : j11_jwk_parse(key, ret_pub, err);
}

/* One element into the set; its place is named in the sentence. */
static enum jwk11_rc add_key(struct j11_jwks *set, const struct j11_json *key, size_t place, struct jwk11_err *err)
{
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = parse_key(set, key, &set->pubs[set->n], &why);

	if (rc == JWK11_OK)
		set->n++;
	if (rc == JWK11_ERR_UNSUPPORTED) {
		set->n_skipped++;
		return JWK11_OK;
	}
	if (rc != JWK11_OK && err != NULL && err->rc == JWK11_OK) {
		j11_err_prefix(&why, "key %zu of the set", place);
		*err = why;
	}
	return rc;
}

static enum jwk11_rc parse_set(const struct j11_json *keys, struct j11_jwks *set, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;
	size_t place = 1;

	if (keys->type != J11_JSON_ARRAY)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "JWK set: \"keys\" is not an array");
	if (keys->n_children > MAX_KEYS)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWK set: more than %d keys", MAX_KEYS);
	set->pubs = j11_mem_new_array(keys->n_children, sizeof(struct jwk11_pub *));
	if (set->pubs == NULL)
		return j11_err_memory(err);
	for (const struct j11_json *key = keys->child; key != NULL && rc == JWK11_OK; key = key->next)
		rc = add_key(set, key, place++, err);
	return rc;
}

static enum jwk11_rc parse_one(const struct j11_json *key, struct j11_jwks *set, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	set->pubs = j11_mem_new_array(1, sizeof(struct jwk11_pub *));
	if (set->pubs == NULL)
		return j11_err_memory(err);
	rc = parse_key(set, key, &set->pubs[0], err);
	if (rc == JWK11_OK)
		set->n = 1;
	return rc;
}

static enum jwk11_rc parse(struct jwk11_view text, bool enc, struct j11_jwks *ret_set, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_limits limits = { .max_len = MAX_SET, .max_depth = 8, .max_values = 65536 };
	enum jwk11_rc rc = j11_json_read(text, &limits, "JWK set", &doc, err);
	const struct j11_json *keys;
	struct j11_jwks set = { .enc = enc };

	if (rc != JWK11_OK)
		return rc;
	keys = j11_json_get(j11_json_root(doc), "keys");
	rc = keys != NULL ? parse_set(keys, &set, err) : parse_one(j11_json_root(doc), &set, err);
	if (rc == JWK11_OK)
		*ret_set = set;
	else
		j11_jwks_done(&set);
	return rc;
}

enum jwk11_rc j11_jwks_parse(struct jwk11_view text, struct j11_jwks *ret_set, struct jwk11_err *err)
{
	return parse(text, false, ret_set, err);
}

enum jwk11_rc j11_jwks_parse_enc(struct jwk11_view text, struct j11_jwks *ret_set, struct jwk11_err *err)
{
	return parse(text, true, ret_set, err);
}

void j11_jwks_done(struct j11_jwks *set)
{
	for (size_t i = 0; i < set->n; i++)
		jwk11_pub_unref(set->pubs[i]);
	j11_mem_free(set->pubs);
	*set = (struct j11_jwks){ 0 };
}
