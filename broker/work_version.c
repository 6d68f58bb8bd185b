/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of one key stand beside each other in the view, sorted by moment. */
#include "work_version.h"

#include <stdio.h>

#include "base/err.h"
#include "base/text.h"

/* What keeps a version from signing for good: brokers that see another weather must still agree on who signs. */
static bool is_fit(const struct work_key *k)
{
	return j11_text_equal(k->state, "active") || j11_text_equal(k->state, "unavailable");
}

static const struct work_key *first_of(const struct work_view *view, const struct work_key *key)
{
	while (key > view->keys && key[-1].conf == key->conf)
		key--;
	return key;
}

static long settle(const struct work_view *view, const struct work_key *first, int64_t now, struct j11_version versions[J11_VERSIONS_MAX], size_t *ret_n)
{
	int64_t due;
	size_t n = 0;

	for (const struct work_key *k = first; k < view->keys + view->n_keys && k->conf == first->conf && n < J11_VERSIONS_MAX; k++)
		versions[n++] = (struct j11_version){ .moment = k->moment, .fit = is_fit(k) };
	*ret_n = n;
	return j11_versions_settle(versions, n, now, first->conf->overlap, &due);
}

const struct work_key *work_version_find(const struct work_view *view, const char *name, int64_t now)
{
	struct j11_version versions[J11_VERSIONS_MAX];
	const struct work_key *end = view->keys + view->n_keys, *k = view->keys;
	size_t n;
	long active;

	while (k < end && !j11_text_equal(k->conf->name, name))
		k++;
	if (k < end) {
		active = k->is_version ? settle(view, k, now, versions, &n) : 0;
		return active > 0 ? k + active : k;
	}
	for (k = view->keys; k < end; k++)
		if (k->key != NULL && j11_text_equal(k->kid, name))
			return k;
	return NULL;
}

enum jwk11_rc work_version_check(const struct work_view *view, const struct work_key *key, int64_t now, struct jwk11_err *err)
{
	struct j11_version versions[J11_VERSIONS_MAX];
	const struct work_key *first;
	char text[21];
	long active;
	size_t n;

	if (!key->is_version)
		return JWK11_OK;
	first = first_of(view, key);
	active = settle(view, first, now, versions, &n);
	if (active == key - first)
		return JWK11_OK;
	j11_text_time(key->moment, text);
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_NOT_ACTIVE, "key \"%s\": the version of this kid is %s%s%s and does not sign", key->conf->name,
		j11_version_state_name(versions[key - first].state), versions[key - first].state == J11_VERSION_NEXT ? " until " : "",
		versions[key - first].state == J11_VERSION_NEXT ? text : "");
	j11_err_hint(err, "by its name, \"%s\", the key signs with the version that is active", key->conf->name);
	return JWK11_ERR_MISMATCH;
}
