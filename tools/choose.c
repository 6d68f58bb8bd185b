/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing the key that a JWS is checked with. */
#include "choose.h"

#include "base/err.h"
#include "base/text.h"

/* Of keys with the same kid (RFC 7517 4.5: of different types) the one that fits the algorithm, else the first. */
static const struct jwk11_pub *by_kid(const struct j11_jwks *set, const char *kid, const char *alg)
{
	const struct j11_alg *row = j11_alg_find_str(alg);
	const struct jwk11_pub *first = NULL;

	for (size_t i = 0; i < set->n; i++) {
		if (!j11_text_equal(jwk11_pub_kid(set->pubs[i]), kid))
			continue;
		if (row != NULL && j11_pub_fits(set->pubs[i], row, NULL) == JWK11_OK)
			return set->pubs[i];
		first = first ? first : set->pubs[i];
	}
	return first;
}

/* The key of the set that equals a "jwk" header: that one is trusted because it is in the set. */
static const struct jwk11_pub *by_jwk(const struct j11_jwks *set, const struct j11_json *jwk)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;

	if (jwk == NULL || j11_jwk_parse(jwk, &pub, NULL) != JWK11_OK)
		return NULL;
	for (size_t i = 0; i < set->n; i++)
		if (j11_pub_equal(set->pubs[i], pub))
			return set->pubs[i];
	return NULL;
}

enum jwk11_rc choose_pub(const struct j11_jwks *set, const struct j11_jws_signature *s, const struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	*ret_pub = NULL;
	if (s->kid[0] != '\0')
		*ret_pub = by_kid(set, s->kid, s->alg);
	else if (s->jwk != NULL)
		*ret_pub = by_jwk(set, s->jwk);
	else if (set->n == 1)
		*ret_pub = set->pubs[0];
	if (*ret_pub != NULL)
		return JWK11_OK;
	if (s->kid[0] != '\0')
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "no key of the set has the kid the JWS names");
	if (s->jwk != NULL)
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the key the JWS brings is not in the set");
	return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the JWS names no kid and the set has %zu keys", set->n);
}
