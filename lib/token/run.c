/* SPDX-License-Identifier: Apache-2.0 */
/* Lease, try, recover, try once more, return. */
#include "run.h"

#include "base/err.h"

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
static enum jwk11_rc permanent(const struct jwk11_key *key, const struct j11_run *run, CK_RV rv, struct jwk11_err *err)
{
	return j11_err_set_ckr(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, rv, "token \"%s\" will not %s key \"%s\"", key->token->info.label,
		run->verb, key->label);
}

CK_RV j11_run_login(struct j11_try *t)
{
	if (!t->key->wants_pin)
		return CKR_OK;
	t->refused = j11_pin_context(t->token, t->session, t->err);
	return t->refused == JWK11_OK ? CKR_OK : CKR_PIN_INCORRECT;
}

/* A login may end the operations of other sessions (PKCS#11 5.6): one key that wants its PIN is at work at a time, and no recovery. */
static CK_RV try_once(struct j11_try *t, const struct j11_run *run)
{
	CK_RV rv;

	if (t->key->wants_pin)
		pthread_mutex_lock(&t->token->login_lock);
	rv = run->fn(t, run->arg);
	if (t->key->wants_pin)
		pthread_mutex_unlock(&t->token->login_lock);
	return rv;
}

/* Finds the key's handle and does the work. A session on which the key cannot even be searched, or not be seen for want of a login, is lost
 * as well: *ret_rv then says so and err why. */
static enum jwk11_rc run_once(struct j11_try *t, const struct j11_run *run, unsigned generation, CK_RV *ret_rv)
{
	unsigned login = j11_sess_login(t->token);
	enum jwk11_rc rc = current_handle(t->key, t->session, generation, &t->handle, t->err);

	if (rc == JWK11_OK)
		*ret_rv = try_once(t, run);
	else if (rc == JWK11_ERR_NOT_FOUND)
		*ret_rv = j11_sess_login_held(t->token, login) ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
	else
		*ret_rv = rc == JWK11_ERR_DEVICE || rc == JWK11_ERR_ABSENT ? CKR_SESSION_HANDLE_INVALID : CKR_OK;
	return rc;
}

/* The session still has the operation that the PIN was for: it is exchanged for another one. */
static enum jwk11_rc refused(struct j11_try *t)
{
	if (j11_sess_recover(t->token, &t->session, CKR_ARGUMENTS_BAD, NULL) == JWK11_OK)
		j11_sess_return(t->token, t->session);
	return t->refused;
}

/* Has another thread made a loss good while this one was at work? Then the handle may have been another key's. */
static bool has_moved_on(struct jwk11_token *token, unsigned *generation)
{
	bool moved;

	pthread_mutex_lock(&token->lock);
	moved = token->generation != *generation;
	*generation = token->generation;
	pthread_mutex_unlock(&token->lock);
	return moved;
}

/* How often an answer is not taken because handles changed their meaning meanwhile, before the token is said to fail. */
enum { MAX_MOVES = 4 };

/* After a loss once more on a new session with the key found again; and again when the handles changed their meaning under it, but for a
 * key that wants its PIN each time: what came of it then may be another key's, and would be held against this one. Returns the session to
 * the pool unless it is lost. */
static enum jwk11_rc run_leased(struct j11_try *t, const struct j11_run *run, unsigned generation)
{
	struct jwk11_token *token = t->token;
	enum jwk11_rc found, rc;
	CK_RV rv = CKR_OK;

	for (int again = 0, moved = 0;;) {
		bool last;

		found = run_once(t, run, generation, &rv);
		if (t->refused != JWK11_OK)
			return refused(t);
		if (found == JWK11_OK && (rv == CKR_OK || j11_ckr_is_permanent(rv)) && !t->key->wants_pin && has_moved_on(token, &generation)) {
			if (moved++ < MAX_MOVES)
				continue;
			j11_sess_return(token, t->session);
			return j11_token_failed(token, CKR_KEY_HANDLE_INVALID, run->call, t->err);
		}
		if (rv == CKR_OK) {
			j11_sess_return(token, t->session);
			return found;
		}
		last = again > (found == JWK11_ERR_NOT_FOUND ? 1 : 0) || j11_ckr_is_permanent(rv); /* that a key is gone wants to be certain */
		if (!last)
			j11_err_clear(t->err);
		rc = j11_sess_recover(token, &t->session, rv, last ? NULL : t->err);
		if (last)
			break;
		if (rc != JWK11_OK)
			return rc;
		has_moved_on(token, &generation);
		again++;
	}
	if (rc == JWK11_OK)
		j11_sess_return(token, t->session);
	if (found == JWK11_ERR_NOT_FOUND) { /* each time without a login that held: nobody knows whether the key is there */
		j11_err_clear(t->err);
		return j11_token_failed(token, rv, "C_FindObjects", t->err);
	}
	if (found != JWK11_OK)
		return found;
	return j11_ckr_is_permanent(rv) ? permanent(t->key, run, rv, t->err) : j11_token_failed(token, rv, run->call, t->err);
}

enum jwk11_rc j11_run_key(struct jwk11_key *key, const struct j11_run *run, struct jwk11_err *err)
{
	struct j11_try t = { .key = key, .token = key->token, .err = err };
	unsigned generation;
	enum jwk11_rc rc = j11_sess_lease(key->token, &t.session, &generation, err);

	return rc == JWK11_OK ? run_leased(&t, run, generation) : rc;
}
