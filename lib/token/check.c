/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a signature by a key of a token: with its public half here, or, for a secret key, on the token. */
#include "base/err.h"
#include "key.h"
#include "run.h"

struct checking {
	struct j11_mech m;
	const struct j11_mac *mac;
	struct jwk11_view sig;
	bool differs;
};

static CK_RV check_once(struct j11_try *t, void *arg)
{
	struct checking *c = arg;

	return j11_mac_check(t->token, t->session, t->handle, &c->m, c->mac, c->sig, &c->differs);
}

/* What can be said about a MAC before the token is asked. */
static enum jwk11_rc prepare(struct jwk11_key *key, const char *alg_name, struct jwk11_view input, struct checking *c, struct jwk11_err *err)
{
	const struct j11_alg *alg = j11_alg_find_str(alg_name);
	enum jwk11_rc rc = alg ? j11_mac_fits(&key->mac, alg, err) : j11_alg_unknown("verify: ", err);

	if (rc == JWK11_OK)
		rc = jwk11_key_check(key, err);
	if (rc != JWK11_OK)
		return rc;
	if (!key->mac.may_verify)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "the token does not let key \"%s\" verify (CKA_VERIFY)", key->label);
	if (input.len > J11_MESSAGE_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "input is longer than %u bytes", J11_MESSAGE_MAX);
	if (c->sig.len != j11_hash_len(alg->hash))
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature has %zu octets; %s has %zu", c->sig.len, alg->name,
			j11_hash_len(alg->hash));
	return j11_mech_prepare(key->mechanisms, alg, NULL, JWK11_INPUT_MESSAGE, input, &c->m, err);
}

enum jwk11_rc jwk11_key_verify(struct jwk11_key *key, const char *alg, struct jwk11_view input, struct jwk11_view sig, struct jwk11_err *err)
{
	struct checking c = { .sig = sig, .mac = key ? &key->mac : NULL };
	struct j11_run run = { check_once, &c, "C_Verify", "verify with" };
	enum jwk11_rc rc;

	if (key == NULL || alg == NULL || (input.data == NULL && input.len > 0) || (sig.data == NULL && sig.len > 0))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "verify: key, algorithm or bytes are missing");
	rc = j11_p11_check(key->token->ctx, err);
	if (rc == JWK11_OK && key->use == JWK11_USE_ENC)
		rc = j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" is for decryption", key->label);
	if (rc == JWK11_OK && key->pub != NULL)
		return jwk11_pub_verify(key->pub, alg, JWK11_INPUT_MESSAGE, input, sig, err);
	if (rc == JWK11_OK)
		rc = prepare(key, alg, input, &c, err);
	if (rc == JWK11_OK)
		rc = j11_run_key(key, &run, err);
	if (rc == JWK11_OK && c.differs)
		rc = j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature does not verify");
	return rc;
}
