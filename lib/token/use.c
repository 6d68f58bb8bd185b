/* SPDX-License-Identifier: Apache-2.0 */
/* Signing or decryption, never both: the tables and attributes that say what is possible. */
#include "use.h"

#include <string.h>

#include "jose/roca.h"
#include "mech.h"

enum { BIT_OAEP = 1u << 0, BIT_ECDH = 1u << 1 };
static const struct {
	enum j11_kma_way way;
	CK_MECHANISM_TYPE type;
	CK_FLAGS flag;
	j11_mech_set bit;
} rows[] = {
	{ J11_KMA_OAEP, CKM_RSA_PKCS_OAEP, CKF_DECRYPT, BIT_OAEP },
	{ J11_KMA_ECDH, CKM_ECDH1_DERIVE, CKF_DERIVE, BIT_ECDH },
};

j11_mech_set j11_use_probe(CK_FUNCTION_LIST *fl, CK_SLOT_ID slot)
{
	CK_MECHANISM_INFO info;
	j11_mech_set set = 0;

	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		memset(&info, 0, sizeof(info));
		if (fl->C_GetMechanismInfo(slot, rows[i].type, &info) == CKR_OK && (info.flags & rows[i].flag) != 0)
			set |= rows[i].bit;
	}
	return set;
}

j11_mech_set j11_use_allowed(const CK_MECHANISM_TYPE *list, size_t n)
{
	j11_mech_set set = n == 0 ? ~0u : 0;

	for (size_t a = 0; a < n; a++)
		for (size_t i = 0; i < J11_COUNT(rows); i++)
			set |= list[a] == rows[i].type ? rows[i].bit : 0;
	return set;
}

bool j11_use_can(j11_mech_set offered, const struct j11_kma *kma)
{
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (rows[i].way == kma->way)
			return (offered & rows[i].bit) != 0;
	return false;
}

static const char *flag_problem(const struct j11_object *priv, enum jwk11_use use)
{
	if (use == JWK11_USE_MAC) /* token/mac.c: it may sign or verify */
		return NULL;
	if (use == JWK11_USE_SIG)
		return priv->yes & J11_SAYS_SIGN ? NULL : "the token does not let it sign (CKA_SIGN)";
	if (priv->key_type == CKK_RSA)
		return priv->yes & J11_SAYS_DECRYPT ? NULL : "the token does not let it decrypt (CKA_DECRYPT)";
	return priv->yes & J11_SAYS_DERIVE ? NULL : "the token does not let it agree on keys (CKA_DERIVE)";
}

const char *j11_use_problem(const struct j11_object *priv, enum jwk11_use use)
{
	const char *problem = flag_problem(priv, use);
	bool sign = use != JWK11_USE_ENC;

	if (problem != NULL)
		return problem;
	if (priv->allowed_unreadable)
		return "its CKA_ALLOWED_MECHANISMS is no list of mechanisms; what it allows is not guessed";
	if ((sign ? j11_mech_allowed(priv->allowed, priv->n_allowed) : j11_use_allowed(priv->allowed, priv->n_allowed)) != 0)
		return NULL;
	return sign ? "its CKA_ALLOWED_MECHANISMS has none that signs" : "its CKA_ALLOWED_MECHANISMS has none that decrypts or agrees on keys";
}

unsigned j11_use_health(const struct j11_object *priv, const struct jwk11_pub *pub)
{
	bool silent = ((priv->yes | priv->no) & J11_SAYS_EXTRACTABLE) == 0;
	unsigned health = 0;

	if (pub != NULL && pub->kty == J11_KTY_RSA && j11_roca_has(pub->n))
		health |= JWK11_HEALTH_ROCA;
	if ((priv->yes & J11_SAYS_EXTRACTABLE) != 0 || (silent && (priv->no & J11_SAYS_SENSITIVE) != 0))
		health |= JWK11_HEALTH_EXTRACTABLE;
	if ((priv->no & J11_SAYS_NEVER_EXTRACTABLE) != 0)
		health |= JWK11_HEALTH_WAS_EXTRACTABLE;
	if ((priv->yes & (J11_SAYS_WRAP | J11_SAYS_UNWRAP)) != 0)
		health |= JWK11_HEALTH_WRAPS;
	if ((priv->yes & J11_SAYS_SIGN) != 0 && (priv->yes & (J11_SAYS_DECRYPT | J11_SAYS_DERIVE)) != 0)
		health |= JWK11_HEALTH_TWO_USES;
	return health;
}

bool j11_use_suits(const struct jwk11_pub *pub, enum jwk11_use use)
{
	return use == JWK11_USE_ENC ? j11_kma_default(pub) != NULL : pub->curve == NULL || pub->curve->scheme != J11_SCHEME_NONE;
}
