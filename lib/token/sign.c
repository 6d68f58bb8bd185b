/* SPDX-License-Identifier: Apache-2.0 */
/* One signature: C_SignInit and C_Sign on a leased session, checked with the public half before anybody sees it. */
#include <string.h>

#include "base/err.h"
#include "mech.h"
#include "run.h"

/* What one try needs and gives. */
struct signing {
	struct j11_mech m;
	unsigned char sig[J11_SIG_MAX];
	size_t len;
	const struct j11_mac *mac; /* of a secret key whose MAC is to be checked, on the token, where alone it can be */
	bool differs;              /* it was checked and is wrong */
};

/* One try on one session. The buffer is the largest there is: size queries lie (NSS) and leave operations open. */
static CK_RV sign_once(struct j11_try *t, void *arg)
{
	CK_FUNCTION_LIST *fl = t->token->fl;
	struct signing *s = arg;
	CK_ULONG len = J11_SIG_MAX;
	CK_RV rv = fl->C_SignInit(t->session, &s->m.mechanism, t->handle);

	if (rv == CKR_OK)
		rv = j11_run_login(t);
	if (rv == CKR_OK)
		rv = fl->C_Sign(t->session, (CK_BYTE_PTR)s->m.data.data, s->m.data.len, s->sig, &len);
	s->len = len <= J11_SIG_MAX ? len : 0;
	if (rv == CKR_OK && s->mac != NULL)
		rv = j11_mac_check(t->token, t->session, t->handle, &s->m, s->mac, (struct jwk11_view){ s->sig, s->len }, &s->differs);
	return rv;
}

/* verify = first, and a signature of this key has verified. */
static bool is_trusted(struct jwk11_key *key)
{
	bool trusted;

	pthread_mutex_lock(&key->token->lock);
	trusted = key->token->sign_unverified && key->proven;
	pthread_mutex_unlock(&key->token->lock);
	return trusted;
}

/* A signature that does not verify is withheld and the key with it: a fault in an RSA-CRT signature gives the key away. `trusted`: only its
 * length is looked at. */
static enum jwk11_rc check(struct jwk11_key *key, const struct j11_alg *alg, enum jwk11_input kind, struct jwk11_view input,
	const struct signing *s, bool trusted, struct jwk11_err *err)
{
	struct jwk11_token *token = key->token;
	bool whole = s->len == (key->pub ? j11_pub_sig_len(key->pub) : j11_hash_len(alg->hash));
	enum jwk11_rc rc;

	if (trusted && whole)
		return JWK11_OK;
	if (key->pub != NULL)
		rc = jwk11_pub_verify(key->pub, alg->name, kind, input, (struct jwk11_view){ s->sig, s->len }, NULL);
	else
		rc = whole && !s->differs ? JWK11_OK : JWK11_ERR_SIGNATURE;
	pthread_mutex_lock(&token->lock);
	key->proven = rc == JWK11_OK;
	key->quarantined = rc == JWK11_ERR_SIGNATURE;
	pthread_mutex_unlock(&token->lock);
	if (rc == JWK11_OK)
		return rc;
	if (rc == JWK11_ERR_MEMORY)
		return j11_err_memory(err);
	if (rc != JWK11_ERR_SIGNATURE)
		return j11_err_set(err, rc, J11_CODE_INTERNAL, "the signature could not be checked");
	j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_WITHHELD, "token \"%s\": a signature by key \"%s\" does not verify; it is withheld",
		token->info.label, key->label);
	j11_err_hint(err, "the key is out of use until the token is opened again; check the token");
	return JWK11_ERR_SIGNATURE;
}

static enum jwk11_rc check_request(struct jwk11_key *key, const char *name, const struct j11_alg **ret_alg, struct jwk11_view input,
	struct jwk11_err *err)
{
	const struct j11_alg *alg = j11_alg_find_str(name);
	enum jwk11_rc rc = j11_p11_check(key->token->ctx, err);
	bool quarantined;

	if (rc == JWK11_OK)
		rc = jwk11_key_check(key, err);
	if (rc != JWK11_OK)
		return rc;
	if (key->use == JWK11_USE_ENC)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" is for decryption", key->label);
	if (alg == NULL)
		return j11_alg_unknown("", err);
	if (input.len > J11_MESSAGE_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "input is longer than %u bytes", J11_MESSAGE_MAX);
	pthread_mutex_lock(&key->token->lock);
	quarantined = key->quarantined;
	pthread_mutex_unlock(&key->token->lock);
	if (quarantined)
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_WITHHELD, "key \"%s\" is out of use: its last signature did not verify",
			key->label);
	if (key->pub == NULL && !key->mac.may_sign)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "the token does not let key \"%s\" sign (CKA_SIGN)", key->label);
	*ret_alg = alg;
	return key->pub ? j11_pub_fits(key->pub, alg, err) : j11_mac_fits(&key->mac, alg, err);
}

enum jwk11_rc jwk11_key_sign(struct jwk11_key *key, const char *alg_name, enum jwk11_input kind, struct jwk11_view input,
	struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	const struct j11_alg *alg = NULL;
	struct signing s = { .len = 0 }; /* zeros: a module may say a length and write nothing */
	struct j11_run run = { sign_once, &s, "C_Sign", "sign with" };
	enum jwk11_rc rc = check_request(key, alg_name, &alg, input, err);
	bool trusted = rc == JWK11_OK && is_trusted(key);

	if (rc == JWK11_OK && j11_mech_can(key->token->mechanisms, alg) && !j11_mech_can(key->mechanisms, alg))
		rc = j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "key \"%s\" does not allow %s (CKA_ALLOWED_MECHANISMS)", key->label, alg->name);
	if (rc == JWK11_OK)
		rc = j11_mech_prepare(key->mechanisms, alg, key->pub ? key->pub->curve : NULL, kind, input, &s.m, err);
	s.mac = key->pub == NULL && !trusted ? &key->mac : NULL;
	if (rc == JWK11_OK)
		rc = j11_run_key(key, &run, err);
	if (rc == JWK11_OK)
		rc = check(key, alg, kind, input, &s, trusted, err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(ret_sig, s.sig, s.len);
	return j11_buf_check(ret_sig, "signature", err);
}
