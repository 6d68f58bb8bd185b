/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of files beside those of tokens: which of them a set publishes. */
#include <stdio.h>

#include "base/text.h"
#include "form/version.h"
#include "front_view.h"

/* The key of a token that the set publishes under this kid. */
static const struct catalog_key *find_own(const struct front *front, const struct conf_set *set, const char *kid)
{
	const struct catalog_key *key = catalog_key_of_kid(front->catalog, kid);

	while (key != NULL && (key->jwk[0] == '\0' || !conf_set_holds(set, key->name, key->kty) ||
		(key->is_version && !j11_version_is_published(key->version_state))))
		key = key->next_kid;
	return key;
}

/* Why not; "" when the set has the very same key of a token: peers have each other's files. NULL: it is to be published. */
static const char *find_reason(const struct front *front, const struct conf_set *set, const struct conf_verify_only *key, char *room, size_t room_len)
{
	const struct catalog_key *own = find_own(front, set, key->kid);
	bool same = own != NULL && j11_text_equal(own->thumbprint, key->thumbprint);

	if (same && j11_text_equal(own->alg, key->alg))
		return "";
	if (!conf_set_takes(set, key))
		return "an ML-DSA key goes into a set that names its keys";
	if (own == NULL)
		return NULL;
	snprintf(room, room_len, same ? "it is key \"%s\", and for another algorithm" : "its kid is that of key \"%s\"", own->name);
	return room;
}

void front_view_each_verify_only(const struct front *front, const struct conf_set *set, front_verify_only_fn fn, void *arg)
{
	for (size_t i = 0; i < front->conf->n_verify_only; i++) {
		const struct conf_verify_only *key = &front->conf->verify_only[i];
		char room[160];
		const char *why_not;

		if (!j11_text_equal(key->set, set->name))
			continue;
		why_not = find_reason(front, set, key, room, sizeof(room));
		if ((why_not == NULL || *why_not != '\0') && !fn(arg, key, why_not))
			return;
	}
}

bool front_view_wants_own(const struct front *front, const struct conf_set *set)
{
	for (size_t i = 0; i < front->conf->n_keys; i++)
		if (conf_list_has(set->keys, front->conf->keys[i].name) && conf_set_shows(set, front->conf->keys[i].discovery))
			return true;
	return false;
}
