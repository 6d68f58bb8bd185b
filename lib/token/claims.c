/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a token about a key, attribute by attribute: what one of them is refused for says nothing about the next. */
#include "claims.h"

#include <stdio.h>
#include <string.h>

#include "key.h"
#include "made.h"

const struct j11_claim_name j11_claim_names[J11_N_CLAIMS] = {
	{ CKA_LOCAL, "local", "CKA_LOCAL", "whether it was generated on this token" },
	{ CKA_SENSITIVE, "sensitive", "CKA_SENSITIVE", "whether its value is kept inside" },
	{ CKA_ALWAYS_SENSITIVE, "always_sensitive", "CKA_ALWAYS_SENSITIVE", "whether that was always so" },
	{ CKA_EXTRACTABLE, "extractable", "CKA_EXTRACTABLE", "whether it can be wrapped and taken away" },
	{ CKA_NEVER_EXTRACTABLE, "never_extractable", "CKA_NEVER_EXTRACTABLE", "whether that could never be" },
	{ CKA_PRIVATE, "private", "CKA_PRIVATE", "whether it is seen after a login only" },
	{ CKA_MODIFIABLE, "modifiable", "CKA_MODIFIABLE", "whether its attributes can be changed" },
	{ CKA_ALWAYS_AUTHENTICATE, "always_authenticate", "CKA_ALWAYS_AUTHENTICATE", "whether it wants the PIN for each operation" },
	{ CKA_SIGN, "sign", "CKA_SIGN", "whether it may sign" },
	{ CKA_DECRYPT, "decrypt", "CKA_DECRYPT", "whether it may decrypt" },
	{ CKA_DERIVE, "derive", "CKA_DERIVE", "whether it may agree on keys" },
	{ CKA_UNWRAP, "unwrap", "CKA_UNWRAP", "whether it may unwrap keys" },
	{ CKA_WRAP, "wrap", "CKA_WRAP", "whether it may wrap keys" },
	{ CKA_WRAP_WITH_TRUSTED, "wrap_with_trusted", "CKA_WRAP_WITH_TRUSTED", "whether only trusted keys may wrap it" },
};

/* Mechanisms by name; those of a family are what a key of it signs or decrypts with, generators have none. */
enum family { FAMILY_NONE, FAMILY_RSA, FAMILY_EC, FAMILY_EDWARDS, FAMILY_MLDSA, FAMILY_SECRET };
static const struct {
	CK_MECHANISM_TYPE type;
	const char *name;
	enum family family;
} mechanisms[] = {
	{ CKM_RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN", FAMILY_NONE },
	{ CKM_RSA_X9_31_KEY_PAIR_GEN, "CKM_RSA_X9_31_KEY_PAIR_GEN", FAMILY_NONE },
	{ CKM_EC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN", FAMILY_NONE },
	{ J11_CKM_EC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN", FAMILY_NONE },
	{ J11_CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN", FAMILY_NONE },
	{ J11_CKM_ML_DSA_KEY_PAIR_GEN, "CKM_ML_DSA_KEY_PAIR_GEN", FAMILY_NONE },
	{ CKM_GENERIC_SECRET_KEY_GEN, "CKM_GENERIC_SECRET_KEY_GEN", FAMILY_NONE },
	{ CKM_RSA_PKCS, "CKM_RSA_PKCS", FAMILY_RSA },
	{ CKM_RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS", FAMILY_RSA },
	{ CKM_RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP", FAMILY_RSA },
	{ CKM_RSA_X_509, "CKM_RSA_X_509", FAMILY_RSA },
	{ CKM_SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS", FAMILY_RSA },
	{ CKM_SHA384_RSA_PKCS, "CKM_SHA384_RSA_PKCS", FAMILY_RSA },
	{ CKM_SHA512_RSA_PKCS, "CKM_SHA512_RSA_PKCS", FAMILY_RSA },
	{ CKM_SHA256_RSA_PKCS_PSS, "CKM_SHA256_RSA_PKCS_PSS", FAMILY_RSA },
	{ CKM_SHA384_RSA_PKCS_PSS, "CKM_SHA384_RSA_PKCS_PSS", FAMILY_RSA },
	{ CKM_SHA512_RSA_PKCS_PSS, "CKM_SHA512_RSA_PKCS_PSS", FAMILY_RSA },
	{ CKM_ECDSA, "CKM_ECDSA", FAMILY_EC },
	{ CKM_ECDSA_SHA256, "CKM_ECDSA_SHA256", FAMILY_EC },
	{ CKM_ECDSA_SHA384, "CKM_ECDSA_SHA384", FAMILY_EC },
	{ CKM_ECDSA_SHA512, "CKM_ECDSA_SHA512", FAMILY_EC },
	{ CKM_ECDH1_DERIVE, "CKM_ECDH1_DERIVE", FAMILY_EC },
	{ J11_CKM_EDDSA, "CKM_EDDSA", FAMILY_EDWARDS },
	{ J11_CKM_ML_DSA, "CKM_ML_DSA", FAMILY_MLDSA },
	{ CKM_SHA256_HMAC, "CKM_SHA256_HMAC", FAMILY_SECRET },
	{ CKM_SHA384_HMAC, "CKM_SHA384_HMAC", FAMILY_SECRET },
	{ CKM_SHA512_HMAC, "CKM_SHA512_HMAC", FAMILY_SECRET },
};

const char *j11_claims_mechanism(CK_MECHANISM_TYPE type, char ret_room[24])
{
	for (size_t i = 0; i < J11_COUNT(mechanisms); i++)
		if (mechanisms[i].type == type)
			return mechanisms[i].name;
	snprintf(ret_room, 24, "0x%08lx", (unsigned long)type);
	return ret_room;
}

/* Where it is asked. */
struct asking {
	struct jwk11_token *token;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
};

/* A refusal is an answer; anything else is a failure of the token. */
static bool is_answer(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL;
}

/* The value's octets; 0: it does not say, or not in this room. */
static enum jwk11_rc ask(const struct asking *a, CK_ATTRIBUTE_TYPE type, void *room, size_t len, size_t *ret_len, struct jwk11_err *err)
{
	CK_ATTRIBUTE attr = { type, room, len };
	CK_RV rv = a->token->fl->C_GetAttributeValue(a->session, a->object, &attr, 1);

	*ret_len = rv == CKR_OK && attr.ulValueLen != J11_CK_ABSENT && attr.ulValueLen <= len ? attr.ulValueLen : 0;
	return is_answer(rv) ? JWK11_OK : j11_token_failed(a->token, rv, "C_GetAttributeValue", err);
}

static enum jwk11_rc ask_flags(const struct asking *a, struct j11_claims *c, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; rc == JWK11_OK && i < J11_N_CLAIMS; i++) {
		CK_BBOOL value = CK_FALSE;
		size_t len = 0;

		rc = ask(a, j11_claim_names[i].type, &value, sizeof(value), &len, err);
		c->flag[i] = len != sizeof(value) ? J11_SAID_NOTHING : value != CK_FALSE ? J11_SAID_YES : J11_SAID_NO;
	}
	return rc;
}

static enum jwk11_rc ask_mechanisms(const struct asking *a, struct j11_claims *c, struct jwk11_err *err)
{
	size_t len = 0;
	enum jwk11_rc rc = ask(a, CKA_KEY_GEN_MECHANISM, &c->generator, sizeof(c->generator), &len, err);

	c->says_generator = len == sizeof(c->generator);
	if (rc == JWK11_OK)
		rc = ask(a, CKA_ALLOWED_MECHANISMS, c->allowed, sizeof(c->allowed), &len, err);
	c->says_allowed = len > 0 && len % sizeof(c->allowed[0]) == 0;
	c->n_allowed = c->says_allowed ? len / sizeof(c->allowed[0]) : 0;
	return rc;
}

static enum family family_of(const struct jwk11_key *key)
{
	if (key->pub == NULL)
		return FAMILY_SECRET;
	if (key->pub->kty == J11_KTY_RSA)
		return FAMILY_RSA;
	if (key->pub->kty == J11_KTY_EC)
		return FAMILY_EC;
	return key->pub->kty == J11_KTY_AKP ? FAMILY_MLDSA : FAMILY_EDWARDS;
}

/* What the token says it can do with keys of this kind. A module that does not know one says so. */
static void look_at_token(const struct jwk11_key *key, struct j11_claims *c)
{
	const struct jwk11_token *token = key->token;
	enum family family = family_of(key);

	for (size_t i = 0; i < J11_COUNT(mechanisms) && c->n_mechanisms < J11_CLAIMED_MECHANISMS; i++) {
		CK_MECHANISM_INFO info = { .flags = 0 };

		if (mechanisms[i].family != family || token->fl->C_GetMechanismInfo(token->slot, mechanisms[i].type, &info) != CKR_OK)
			continue;
		c->mechanisms[c->n_mechanisms++] = (struct j11_claimed_mechanism){ .type = mechanisms[i].type, .min = info.ulMinKeySize,
			.max = info.ulMaxKeySize, .hardware = (info.flags & CKF_HW) != 0 };
	}
	c->firmware[0] = token->raw.firmwareVersion.major;
	c->firmware[1] = token->raw.firmwareVersion.minor;
	c->hardware[0] = token->raw.hardwareVersion.major;
	c->hardware[1] = token->raw.hardwareVersion.minor;
}

/* What the callback works on. */
struct reading {
	struct jwk11_key *key;
	struct j11_claims *claims;
};

static enum jwk11_rc read_all(struct jwk11_token *token, CK_SESSION_HANDLE session, unsigned generation, void *arg, struct jwk11_err *err)
{
	struct reading *r = arg;
	struct asking a = { .token = token, .session = session };
	enum jwk11_rc rc = JWK11_OK;
	bool stale;

	memset(r->claims, 0, sizeof(*r->claims));
	pthread_mutex_lock(&token->lock);
	stale = r->key->generation != generation;
	pthread_mutex_unlock(&token->lock);
	if (stale)
		rc = j11_key_refind(r->key, session, generation, err);
	if (rc != JWK11_OK)
		return rc;
	pthread_mutex_lock(&token->lock);
	a.object = r->key->handle;
	pthread_mutex_unlock(&token->lock);
	rc = ask_flags(&a, r->claims, err);
	if (rc == JWK11_OK)
		rc = ask_mechanisms(&a, r->claims, err);
	if (rc != JWK11_OK)
		return rc;
	r->claims->gives_value = j11_made_gives(token, session, a.object);
	look_at_token(r->key, r->claims);
	return JWK11_OK;
}

enum jwk11_rc j11_claims_read(struct jwk11_key *key, struct j11_claims *ret_claims, struct jwk11_err *err)
{
	struct reading r = { .key = key, .claims = ret_claims };
	enum jwk11_rc rc = j11_p11_check(key->token->ctx, err);

	return rc == JWK11_OK ? j11_sess_read(key->token, read_all, &r, err) : rc;
}
