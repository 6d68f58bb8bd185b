/* SPDX-License-Identifier: Apache-2.0 */
/* One signature: C_SignInit and C_Sign on a leased session, checked with the public half before anybody sees it. */
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "key.h"
#include "mech.h"

enum { MAX_MESSAGE = 1024 * 1024, MAX_SIG = J11_RSA_MAX_BITS / 8 };

/* One try on one session. The buffer is the largest there is: size queries lie (NSS) and leave operations open. */
static CK_RV sign_once(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct j11_mech *m,
	unsigned char sig[MAX_SIG], size_t *ret_len)
{
	CK_ULONG len = MAX_SIG;
	CK_RV rv = token->fl->C_SignInit(session, &m->mechanism, handle);

	if (rv == CKR_OK)
		rv = token->fl->C_Sign(session, (CK_BYTE_PTR)m->data.data, m->data.len, sig, &len);
	*ret_len = len <= MAX_SIG ? len : 0;
	return rv;
}

static enum jwk11_rc current_handle(struct jwk11_key *key, CK_SESSION_HANDLE session, unsigned generation, CK_OBJECT_HANDLE *ret_handle,
	struct jwk11_err *err)
{
	struct jwk11_token *token = key->token;
	enum jwk11_rc rc = JWK11_OK;
	bool stale;

	pthread_mutex_lock(&token->lock);
	stale = key->generation != generation;
	*ret_handle = key->handle;
	pthread_mutex_unlock(&token->lock);
	if (!stale)
		return JWK11_OK;
	rc = j11_key_refind(key, session, generation, err);
	pthread_mutex_lock(&token->lock);
	*ret_handle = key->handle;
	pthread_mutex_unlock(&token->lock);
	return rc;
}

/* A CK_RV that a second try cannot change. */
static enum jwk11_rc permanent(const struct jwk11_key *key, CK_RV rv, struct jwk11_err *err)
{
	return j11_err_set_ckr(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, rv, "token \"%s\" will not sign with key \"%s\"",
		key->token->info.label, key->label);
}

/* Sign, and after a loss once more on a new session with the key found again. Returns the session to the pool unless it is lost. */
static enum jwk11_rc sign_leased(struct jwk11_key *key, CK_SESSION_HANDLE session, unsigned generation, struct j11_mech *m,
	unsigned char sig[MAX_SIG], size_t *ret_len, struct jwk11_err *err)
{
	struct jwk11_token *token = key->token;
	CK_OBJECT_HANDLE handle = 0;
	enum jwk11_rc rc;
	CK_RV rv = CKR_OK;

	for (int again = 0;; again++) {
		rc = current_handle(key, session, generation, &handle, err);
		rv = rc == JWK11_OK ? sign_once(token, session, handle, m, sig, ret_len) : CKR_OK;
		if (rv == CKR_OK) {
			j11_sess_return(token, session);
			return rc;
		}
		rc = j11_sess_recover(token, &session, rv, j11_ckr_is_permanent(rv) || again ? NULL : err);
		if (rc != JWK11_OK && !j11_ckr_is_permanent(rv))
			return again ? j11_token_failed(token, rv, "C_Sign", err) : rc;
		if (j11_ckr_is_permanent(rv) || again > 0)
			break;
		pthread_mutex_lock(&token->lock);
		generation = token->generation;
		pthread_mutex_unlock(&token->lock);
	}
	if (rc == JWK11_OK)
		j11_sess_return(token, session);
	return j11_ckr_is_permanent(rv) ? permanent(key, rv, err) : j11_token_failed(token, rv, "C_Sign", err);
}

/* A signature that does not verify is withheld and the key with it: a fault in an RSA-CRT signature gives the key away. */
static enum jwk11_rc check(struct jwk11_key *key, const struct j11_alg *alg, enum jwk11_input kind, struct jwk11_view input,
	struct jwk11_view sig, struct jwk11_err *err)
{
	struct jwk11_token *token = key->token;
	bool skip;
	enum jwk11_rc rc;

	pthread_mutex_lock(&token->lock);
	skip = token->sign_unverified && key->proven;
	pthread_mutex_unlock(&token->lock);
	if (skip)
		return JWK11_OK;
	rc = jwk11_pub_verify(key->pub, alg->name, kind, input, sig, NULL);
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

	if (rc != JWK11_OK)
		return rc;
	if (alg == NULL) {
		j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "unknown algorithm");
		j11_err_hint(err, "known: %s", j11_alg_names());
		return JWK11_ERR_UNSUPPORTED;
	}
	if (input.len > MAX_MESSAGE)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "input is longer than %d bytes", MAX_MESSAGE);
	pthread_mutex_lock(&key->token->lock);
	quarantined = key->quarantined;
	pthread_mutex_unlock(&key->token->lock);
	if (quarantined)
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_WITHHELD, "key \"%s\" is out of use: its last signature did not verify",
			key->label);
	*ret_alg = alg;
	return j11_pub_fits(key->pub, alg, err);
}

enum jwk11_rc jwk11_key_sign(struct jwk11_key *key, const char *alg_name, enum jwk11_input kind, struct jwk11_view input,
	struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	const struct j11_alg *alg = NULL;
	unsigned char sig[MAX_SIG];
	CK_SESSION_HANDLE session;
	struct j11_mech m;
	unsigned generation;
	size_t len = 0;
	enum jwk11_rc rc = check_request(key, alg_name, &alg, input, err);

	if (rc == JWK11_OK)
		rc = j11_mech_prepare(key->token->mechanisms, alg, kind, input, &m, err);
	if (rc == JWK11_OK)
		rc = j11_sess_lease(key->token, &session, &generation, err);
	if (rc == JWK11_OK)
		rc = sign_leased(key, session, generation, &m, sig, &len, err);
	if (rc == JWK11_OK)
		rc = check(key, alg, kind, input, (struct jwk11_view){ .data = sig, .len = len }, err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(ret_sig, sig, len);
	return j11_buf_check(ret_sig, "signature", err);
}

/* Signs what is in `out` and appends the signature part. */
static enum jwk11_rc finish(struct jwk11_key *key, const char *alg, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(MAX_SIG);
	enum jwk11_rc rc = jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, j11_buf_view(out), &sig, err);

	if (rc == JWK11_OK)
		j11_jws_finish(out, j11_buf_view(&sig));
	return rc;
}

enum jwk11_rc jwk11_key_jws(struct jwk11_key *key, const char *alg_name, const char *kid, const char *protected_json, struct jwk11_view payload,
	struct jwk11_buf *ret_jws, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(J11_JWS_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *extra = NULL;
	const struct j11_alg *alg = NULL;
	enum jwk11_rc rc = check_request(key, alg_name, &alg, (struct jwk11_view){ 0 }, err);

	if (rc == JWK11_OK && protected_json != NULL)
		rc = j11_json_read(j11_view_str(protected_json), NULL, "protected header", &extra, err);
	if (rc == JWK11_OK)
		rc = j11_jws_input(alg, kid, extra ? j11_json_root(extra) : NULL, payload, &out, err);
	if (rc == JWK11_OK)
		rc = finish(key, alg_name, &out, err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(ret_jws, out.data, out.len);
	return j11_buf_check(ret_jws, "JWS", err);
}

enum jwk11_rc jwk11_key_jwt(struct jwk11_key *key, const char *alg_name, const char *kid, struct jwk11_view claims_json, int64_t ttl,
	struct jwk11_buf *ret_jwt, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf claims = J11_BUF(J11_JWT_CLAIMS_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_jwt_rules rules = { .now = time(NULL), .ttl = ttl };
	enum jwk11_rc rc = j11_json_read(claims_json, NULL, "claims", &doc, err);

	if (rc == JWK11_OK)
		rc = j11_jwt_claims(j11_json_root(doc), &rules, &claims, err);
	if (rc != JWK11_OK)
		return rc;
	return jwk11_key_jws(key, alg_name, kid, "{\"typ\":\"JWT\"}", j11_buf_view(&claims), ret_jwt, err);
}
