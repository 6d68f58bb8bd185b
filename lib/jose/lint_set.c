/* SPDX-License-Identifier: Apache-2.0 */
/* What keys are to each other and to the set: names, repetitions, purposes, sizes; and what a kid is to its key. */
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/text.h"
#include "lint_part.h"

enum { MANY_KEYS = 10, MAX_KEYS = 100, MAX_OCTETS = 51200, MAX_KID = 255 };

static bool is_kty(const struct j11_lint_key *key, const char *kty)
{
	return key->kty != NULL && j11_text_equal(key->kty, kty);
}

/* ---- one key ---- */

/* Kubernetes' and azwi's way: SHA-256 over the SubjectPublicKeyInfo. */
static bool is_spki_hash(const struct j11_lint_key *key)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf encoded = J11_BUF(64);
	unsigned char hash[J11_SPKI_HASH_LEN];

	if (key->pub == NULL || j11_pub_spki_hash(key->pub, hash, NULL) != JWK11_OK)
		return false;
	j11_b64url_add(&encoded, (struct jwk11_view){ hash, sizeof(hash) });
	return j11_view_equal(key->kid, j11_buf_view(&encoded));
}

static void check_thumbprint(struct j11_lint *lint, struct j11_lint_key *key)
{
	if (key->thumbprint[0] == '\0' || j11_view_equals(key->kid, key->thumbprint))
		return;
	if (is_spki_hash(key))
		j11_lint_add(lint, key, J11_LINT_KID_THUMBPRINT, "kid", "the kid is the SHA-256 of the SubjectPublicKeyInfo, as Kubernetes makes it");
	else if (key->kid.len == JWK11_THUMBPRINT_LEN)
		j11_lint_add(lint, key, J11_LINT_KID_THUMBPRINT, "kid", "the kid is as long as a thumbprint, but not that of this key");
	else
		j11_lint_add(lint, key, J11_LINT_KID_THUMBPRINT, "kid", "the kid is not the thumbprint");
}

static void check_kid(struct j11_lint *lint, struct j11_lint_key *key)
{
	if (j11_json_get(key->jwk, "kid") == NULL) {
		if (lint->n_keys > 1)
			j11_lint_add(lint, key, J11_LINT_KID_MISSING, "kid", "\"kid\" is missing, in a set of %zu keys", lint->n_keys);
		else
			j11_lint_add(lint, key, J11_LINT_KID_NONE, "kid", "\"kid\" is missing");
		return;
	}
	if (key->kid.len == 0)
		return; /* a finding already */
	if (key->kid.len > MAX_KID)
		j11_lint_add(lint, key, J11_LINT_KID_LONG, "kid", "the kid has %zu octets", key->kid.len);
	check_thumbprint(lint, key);
}

/* ---- keys that are the same ---- */

static int compare_kids(const void *a, const void *b)
{
	const struct j11_lint_key *x = *(struct j11_lint_key *const *)a, *y = *(struct j11_lint_key *const *)b;
	size_t len = x->kid.len < y->kid.len ? x->kid.len : y->kid.len;
	int order = len > 0 ? memcmp(x->kid.data, y->kid.data, len) : 0;

	if (order == 0)
		order = x->kid.len < y->kid.len ? -1 : x->kid.len > y->kid.len;
	return order != 0 ? order : x < y ? -1 : x > y;
}

static int compare_thumbprints(const void *a, const void *b)
{
	const struct j11_lint_key *x = *(struct j11_lint_key *const *)a, *y = *(struct j11_lint_key *const *)b;
	int order = memcmp(x->thumbprint, y->thumbprint, sizeof(x->thumbprint));

	return order != 0 ? order : x < y ? -1 : x > y;
}

static void same_kid(struct j11_lint *lint, struct j11_lint_key *first, struct j11_lint_key *second)
{
	if (second->kid.len > 0 && j11_view_equal(first->kid, second->kid))
		j11_lint_add(lint, second, J11_LINT_KID_DUPLICATE, "kid", "key %zu has the same kid", (size_t)(first - lint->keys) + 1);
}

/* RFC 8725bis: one key, one algorithm. What two algorithms do with one key may help to forge. */
static void same_key(struct j11_lint *lint, struct j11_lint_key *first, struct j11_lint_key *second)
{
	char alg[2][24];

	if (second->thumbprint[0] == '\0' || !j11_text_equal(first->thumbprint, second->thumbprint))
		return;
	j11_text_printable(first->alg, alg[0], sizeof(alg[0]));
	j11_text_printable(second->alg, alg[1], sizeof(alg[1]));
	if (first->alg.len > 0 && second->alg.len > 0 && !j11_lint_same_word(first->alg, second->alg.data))
		j11_lint_add(lint, second, J11_LINT_KEY_TWO_ALGS, "alg", "key %zu is the same key for %s, here it is for %s",
			(size_t)(first - lint->keys) + 1, alg[0], alg[1]);
	else
		j11_lint_add(lint, second, J11_LINT_KEY_TWICE, NULL, "key %zu is the same key", (size_t)(first - lint->keys) + 1);
}

/* Neighbours in each of two orders. */
static void check_repetitions(struct j11_lint *lint)
{
	struct j11_lint_key **sorted = j11_mem_new_array(lint->n_keys, sizeof(struct j11_lint_key *));

	if (sorted == NULL) {
		lint->failed = JWK11_ERR_MEMORY;
		return;
	}
	for (size_t i = 0; i < lint->n_keys; i++)
		sorted[i] = &lint->keys[i];
	qsort(sorted, lint->n_keys, sizeof(struct j11_lint_key *), compare_kids);
	for (size_t i = 1; i < lint->n_keys; i++)
		same_kid(lint, sorted[i - 1], sorted[i]);
	qsort(sorted, lint->n_keys, sizeof(struct j11_lint_key *), compare_thumbprints);
	for (size_t i = 1; i < lint->n_keys; i++)
		same_key(lint, sorted[i - 1], sorted[i]);
	j11_mem_free(sorted);
}

/* ---- the set as a whole ---- */

/* OpenID Connect Discovery 1.0 section 3, jwks_uri. */
static void check_uses(struct j11_lint *lint)
{
	size_t n_sig = 0, n_enc = 0, n_none = 0;

	for (size_t i = 0; i < lint->n_keys; i++) {
		n_sig += j11_view_equals(lint->keys[i].use, "sig");
		n_enc += j11_view_equals(lint->keys[i].use, "enc");
		n_none += lint->keys[i].use.len == 0;
	}
	if (n_enc > 0 && n_none > 0 && n_sig + n_none > 0)
		j11_lint_add(lint, NULL, J11_LINT_SET_USE, "use", "keys for encryption: %zu; keys that do not say what they are for: %zu", n_enc, n_none);
}

static void check_kinds(struct j11_lint *lint)
{
	size_t n_akp = 0, n_new = 0;

	for (size_t i = 0; i < lint->n_keys; i++) {
		const struct j11_lint_key *key = &lint->keys[i];

		n_akp += is_kty(key, "AKP");
		n_new += is_kty(key, "OKP") || (key->curve != NULL && key->curve->crv == J11_CRV_SECP256K1);
	}
	if (n_akp > 0 && n_akp < lint->n_keys)
		j11_lint_add(lint, NULL, J11_LINT_SET_AKP, "kty", "AKP keys among other keys: %zu", n_akp);
	if (n_new > 0 && n_new + n_akp < lint->n_keys)
		j11_lint_add(lint, NULL, J11_LINT_SET_OKP, "kty", "OKP and secp256k1 keys among other keys: %zu", n_new);
}

static void check_sizes(struct j11_lint *lint)
{
	if (lint->n_keys == 0)
		j11_lint_add(lint, NULL, J11_LINT_SET_EMPTY, "keys", "the set has no keys");
	if (lint->n_listed > MAX_KEYS)
		j11_lint_add(lint, NULL, J11_LINT_SET_COUNT, "keys", "the set has %zu keys%s", lint->n_listed,
			lint->n_listed > lint->n_keys ? ", not all of which were looked at" : "");
	else if (lint->n_keys > MANY_KEYS)
		j11_lint_add(lint, NULL, J11_LINT_SET_MANY, "keys", "the set has %zu keys", lint->n_keys);
	if (lint->n_octets > MAX_OCTETS)
		j11_lint_add(lint, NULL, J11_LINT_SET_SIZE, NULL, "the set has %zu octets", lint->n_octets);
}

void j11_lint_set(struct j11_lint *lint)
{
	for (size_t i = 0; i < lint->n_keys; i++)
		if (lint->keys[i].jwk->type == J11_JSON_OBJECT && !is_kty(&lint->keys[i], "oct"))
			check_kid(lint, &lint->keys[i]);
	if (!lint->is_set)
		return;
	if (lint->n_keys > 1)
		check_repetitions(lint);
	check_uses(lint);
	check_kinds(lint);
	check_sizes(lint);
}
