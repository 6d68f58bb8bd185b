/* SPDX-License-Identifier: Apache-2.0 */
/* One key, or the list of those it might have been. */
#include "pick.h"

#include <stdio.h>

#include "base/err.h"
#include "jose/pub.h"

enum { CANDIDATE_MAX = 200 };

/* Secret keys have nothing that proves two of them equal: each is one of its own. */
static bool is_same(const struct jwk11_key *a, const struct jwk11_key *b)
{
	return a == b || (jwk11_key_pub(a) != NULL && jwk11_key_pub(b) != NULL && j11_pub_equal(jwk11_key_pub(a), jwk11_key_pub(b)));
}

/* One that does not fit whole is left to "and N more". */
static void list(struct j11_pick *pick, const struct jwk11_key *key)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf one = J11_BUF(CANDIDATE_MAX);
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];

	if (pick->n_listed > 0)
		j11_buf_add_str(&one, ", ");
	if (jwk11_key_uri(key, &one, NULL) != JWK11_OK)
		return;
	if (jwk11_key_pub(key) != NULL && jwk11_pub_thumbprint(jwk11_key_pub(key), thumbprint, NULL) == JWK11_OK)
		j11_buf_add_fmt(&one, " (%s)", thumbprint);
	if (one.failed != JWK11_OK || pick->list.len + one.len > pick->list.max || pick->n_listed + 1 != pick->n)
		return;
	j11_buf_add(&pick->list, one.data, one.len);
	pick->n_listed++;
}

bool j11_pick_offer(struct j11_pick *pick, struct jwk11_key *key)
{
	if (pick->key != NULL && is_same(pick->key, key))
		return false;
	pick->n++;
	list(pick, key);
	if (pick->key != NULL)
		return false;
	pick->key = jwk11_key_ref(key);
	return true;
}

enum jwk11_rc j11_pick_ambiguous(const struct j11_pick *pick, const char *name, const char *what, struct jwk11_err *err)
{
	char more[32] = "";

	if (pick->n > pick->n_listed)
		snprintf(more, sizeof(more), "%s%u more", pick->n_listed ? " and " : "", pick->n - pick->n_listed);
	j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "key \"%s\": %u keys match %s: %s%s", name, pick->n, what,
		jwk11_buf_data(&pick->list), more);
	j11_err_hint(err, "name one by id=, or by token= and serial=; where that is all the same, give each a CKA_ID of its own");
	return JWK11_ERR_AMBIGUOUS;
}

void j11_pick_done(struct j11_pick *pick)
{
	jwk11_key_unref(pick->key);
	pick->key = NULL;
	j11_buf_done(&pick->list);
}
