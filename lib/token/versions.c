/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the versions of a key. */
#include "versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "key.h"
#include "uri.h"

enum jwk11_rc j11_versions_base(const char *uri_text, const char *name, char ret_base[J11_LABEL_MAX], struct jwk11_err *err)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	struct jwk11_view label = { 0 }, id = { 0 };
	enum jwk11_rc rc = j11_uri_new(uri_text, &uri, err);

	if (rc != JWK11_OK)
		return rc;
	if (!j11_uri_object(uri, &class, &label, &id) || class != CKO_PRIVATE_KEY)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_URI_INVALID, "key \"%s\": versions are private keys, and its uri asks for something else", name);
	if (label.data == NULL)
		label = j11_view_str(name);
	if (label.len == 0 || label.len + 1 + J11_VERSION_STAMP > J11_LABEL_MAX || memchr(label.data, '\0', label.len) != NULL)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "key \"%s\": a label with versions has 1 to %d octets and no NUL", name,
			J11_LABEL_MAX - 1 - J11_VERSION_STAMP);
	memcpy(ret_base, label.data, label.len);
	ret_base[label.len] = '\0';
	return JWK11_OK;
}

const char *j11_versions_alg(const struct jwk11_key *key, const char *wanted)
{
	return wanted != NULL && jwk11_key_can(key, wanted) ? wanted : jwk11_key_default_alg(key);
}

bool j11_versions_may_lie_on(const struct jwk11_token *token, const char *uri_text)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;

	return j11_uri_new(uri_text, &uri, NULL) == JWK11_OK && j11_uri_matches_token(uri, &token->raw);
}

/* The URI of everything that may be a version. */
static enum jwk11_rc without_object(const char *text, char **ret_text, struct jwk11_err *err)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	enum jwk11_rc rc = j11_uri_new(text, &uri, err);

	if (rc != JWK11_OK)
		return rc;
	p11_kit_uri_clear_attribute(uri, CKA_LABEL);
	return p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, ret_text) == P11_KIT_URI_OK ? JWK11_OK : j11_err_memory(err);
}

static void thumbprint(struct jwk11_key *key, char ret_text[JWK11_THUMBPRINT_LEN + 1])
{
	ret_text[0] = '\0';
	if (jwk11_pub_thumbprint(jwk11_key_pub(key), ret_text, NULL) != JWK11_OK)
		ret_text[0] = '\0';
}

/* Before or after, or 0: the very same. */
static int compare(struct jwk11_key *key, int64_t moment, const struct j11_found_version *other)
{
	char mine[JWK11_THUMBPRINT_LEN + 1], its[JWK11_THUMBPRINT_LEN + 1];

	if (moment != other->moment)
		return moment < other->moment ? -1 : 1;
	thumbprint(key, mine);
	thumbprint(other->key, its);
	return strcmp(mine, its);
}

static void insert(struct j11_found_versions *found, struct jwk11_key *key, int64_t moment, size_t at)
{
	size_t place = 0;
	int order = 1;

	while (place < found->n && (order = compare(key, moment, &found->list[place])) > 0)
		place++;
	if (place < found->n && order == 0)
		return;
	if (found->n == J11_VERSIONS_MAX) { /* the oldest one goes */
		found->n_too_many++;
		if (place == 0)
			return;
		jwk11_key_unref(found->list[0].key);
		memmove(&found->list[0], &found->list[1], (place - 1) * sizeof(found->list[0]));
		place--;
	} else {
		memmove(&found->list[place + 1], &found->list[place], (found->n - place) * sizeof(found->list[0]));
		found->n++;
	}
	found->list[place] = (struct j11_found_version){ .key = jwk11_key_ref(key), .moment = moment, .at = at };
}

/* Of the objects that could not be used, those of this key; the sentence begins with the label. */
static void note_skipped(struct j11_found_versions *found, const struct jwk11_keys *keys, const char *base)
{
	char start[J11_LABEL_MAX + 8];

	snprintf(start, sizeof(start), "key \"%s", base);
	for (size_t i = 0; i < jwk11_keys_n_skipped(keys) && found->skipped[0] == '\0'; i++)
		if (j11_text_starts(jwk11_keys_skip_reason_at(keys, i), start))
			snprintf(found->skipped, sizeof(found->skipped), "%s", jwk11_keys_skip_reason_at(keys, i));
}

enum jwk11_rc j11_versions_find(struct jwk11_token *token, const char *uri, const char *name, size_t at, struct j11_found_versions *found,
	struct jwk11_err *err)
{
	struct jwk11_keys *keys = NULL;
	char base[J11_LABEL_MAX], *wide = NULL;
	enum jwk11_rc rc = j11_versions_base(uri, name, base, err);

	if (rc == JWK11_OK)
		rc = without_object(uri, &wide, err);
	if (rc == JWK11_OK)
		rc = jwk11_token_keys_for(token, wide, JWK11_USE_SIG, &keys, err);
	free(wide);
	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; i < jwk11_keys_count(keys); i++) {
		struct jwk11_key *key = jwk11_keys_get(keys, i);
		int64_t moment = 0;

		switch (j11_version_read((struct jwk11_view){ .data = key->raw_label, .len = key->raw_label_len }, j11_view_str(base), &moment)) {
		case J11_LABEL_VERSION:
			insert(found, key, moment, at);
			break;
		case J11_LABEL_MISLEADING:
			snprintf(found->misleading, sizeof(found->misleading), "%s", jwk11_key_label(key));
			break;
		case J11_LABEL_OTHER:
			break;
		}
	}
	note_skipped(found, keys, base);
	jwk11_keys_free(keys);
	return JWK11_OK;
}

void j11_versions_done(struct j11_found_versions *found)
{
	for (size_t i = 0; i < found->n; i++)
		jwk11_key_unref(found->list[i].key);
	found->n = 0;
}
