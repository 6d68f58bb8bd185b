/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a token, its session pool, and getting back what was lost. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "mech.h"
#include "token.h"
#include "use.h"

enum { MAX_SESSIONS = 256, LEASE_SECONDS = 10 };

bool j11_ckr_is_permanent(CK_RV rv)
{
	switch (rv) {
	case CKR_ARGUMENTS_BAD:
	case CKR_DATA_INVALID:
	case CKR_DATA_LEN_RANGE:
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
	case CKR_KEY_SIZE_RANGE:
	case CKR_KEY_TYPE_INCONSISTENT:
	case CKR_MECHANISM_INVALID:
	case CKR_MECHANISM_PARAM_INVALID:
		return true;
	default:
		return false;
	}
}

static bool is_absence(CK_RV rv)
{
	return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_DEVICE_REMOVED || rv == CKR_SLOT_ID_INVALID || rv == CKR_TOKEN_NOT_RECOGNIZED;
}

enum jwk11_rc j11_token_failed(const struct jwk11_token *token, CK_RV rv, const char *call, struct jwk11_err *err)
{
	if (is_absence(rv))
		return j11_err_set_ckr(err, JWK11_ERR_ABSENT, J11_CODE_TOKEN_ABSENT, rv, "token \"%s\" is not present: %s", token->info.label, call);
	return j11_err_set_ckr(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, rv, "token \"%s\" failed: %s", token->info.label, call);
}

/* Read-only; some modules want read/write sessions only and say so by refusing. */
static CK_RV open_session(struct jwk11_token *token, CK_SESSION_HANDLE *ret_session)
{
	CK_RV rv = token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, ret_session);

	if (rv == CKR_SESSION_READ_ONLY || rv == CKR_FUNCTION_NOT_SUPPORTED)
		rv = token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret_session);
	return rv;
}

/* Anchor session and login. The anchor comes first and goes last: the login ends with the last session. */
static enum jwk11_rc open_anchor(struct jwk11_token *token, struct jwk11_err *err)
{
	enum jwk11_rc rc;
	CK_RV rv = open_session(token, &token->anchor);

	if (rv != CKR_OK)
		return j11_token_failed(token, rv, "C_OpenSession", err);
	token->anchor_open = true;
	rc = j11_pin_login(token, err);
	if (rc != JWK11_OK && !token->left_behind) {
		token->fl->C_CloseSession(token->anchor);
		token->anchor_open = false;
	}
	return rc;
}

/* A token that allows fewer sessions than asked for serves with what it gives. */
static enum jwk11_rc open_pool(struct jwk11_token *token, unsigned wanted, struct jwk11_err *err)
{
	CK_RV rv = CKR_OK;

	token->idle = j11_mem_new_array(wanted, sizeof(*token->idle));
	if (token->idle == NULL)
		return j11_err_memory(err);
	while (token->n_sessions < wanted) {
		rv = open_session(token, &token->idle[token->n_idle]);
		if (rv != CKR_OK)
			break;
		token->n_idle++;
		token->n_sessions++;
	}
	return token->n_sessions > 0 ? JWK11_OK : j11_token_failed(token, rv, "C_OpenSession", err);
}

static struct jwk11_token *token_new(struct jwk11_context *ctx, const struct jwk11_token_config *config)
{
	struct jwk11_token *token = j11_mem_new(sizeof(*token));
	pthread_condattr_t attr;

	if (token == NULL)
		return NULL;
	if (config->pin_file != NULL && (token->pin_file = j11_mem_dup(config->pin_file)) == NULL) {
		j11_mem_free(token);
		return NULL;
	}
	atomic_init(&token->refs, 1);
	token->ctx = ctx;
	token->login_mode = config->login;
	token->final_try = config->final_try;
	token->login_seconds = config->login_timeout_s;
	token->sign_unverified = config->sign_unverified;
	token->strict = config->strict;
	pthread_mutex_init(&token->login_lock, NULL);
	pthread_mutex_init(&token->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&token->returned, &attr);
	pthread_condattr_destroy(&attr);
	j11_p11_hold(ctx);
	return token;
}

static enum jwk11_rc check_config(const struct jwk11_token_config *config, struct jwk11_err *err)
{
	if (config->n_sessions > MAX_SESSIONS)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d sessions", MAX_SESSIONS);
	if (config->pin.data != NULL && config->pin_file != NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a PIN and a PIN file exclude each other");
	if (config->final_try && config->pin.data == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "the last try is for a PIN that somebody has given, not for a PIN file");
	return JWK11_OK;
}

enum jwk11_rc jwk11_token_open(struct jwk11_context *ctx, const struct jwk11_token_config *config, struct jwk11_token **ret_token,
	struct jwk11_err *err)
{
	struct jwk11_token *token;
	unsigned wanted = config->n_sessions ? config->n_sessions : 1;
	enum jwk11_rc rc = j11_p11_check(ctx, err);

	if (rc == JWK11_OK)
		rc = check_config(config, err);
	if (rc != JWK11_OK)
		return rc;
	token = token_new(ctx, config);
	if (token == NULL)
		return j11_err_memory(err);
	if (config->pin.data != NULL)
		rc = j11_secret_from_bytes(config->pin.data, config->pin.len, &token->pin, err);
	if (rc == JWK11_OK)
		rc = j11_slot_find(token, config->uri, config->module, err);
	if (rc == JWK11_OK)
		rc = open_anchor(token, err);
	if (rc == JWK11_OK)
		rc = open_pool(token, wanted, err);
	if (rc != JWK11_OK) {
		jwk11_token_unref(token);
		return rc;
	}
	token->mechanisms = j11_mech_probe(token->fl, token->slot);
	token->enc_mechanisms = j11_use_probe(token->fl, token->slot);
	token->opened = true;
	*ret_token = token;
	return JWK11_OK;
}

struct jwk11_token *jwk11_token_ref(struct jwk11_token *token)
{
	atomic_fetch_add_explicit(&token->refs, 1, memory_order_relaxed);
	return token;
}

void jwk11_token_unref(struct jwk11_token *token)
{
	struct jwk11_context *ctx;

	if (token == NULL || atomic_fetch_sub_explicit(&token->refs, 1, memory_order_acq_rel) != 1)
		return;
	ctx = token->ctx;
	if (j11_p11_check(ctx, NULL) == JWK11_OK) {
		for (unsigned i = 0; i < token->n_idle; i++)
			if (token->idle[i] != CK_INVALID_HANDLE)
				token->fl->C_CloseSession(token->idle[i]);
		if (token->anchor_open)
			token->fl->C_CloseSession(token->anchor);
	}
	pthread_cond_destroy(&token->returned);
	pthread_mutex_destroy(&token->lock);
	pthread_mutex_destroy(&token->login_lock);
	j11_mem_free(token->idle);
	j11_mem_free(token->pin_file);
	j11_secret_free(token->pin);
	j11_mem_free(token);
	j11_p11_drop(ctx);
}

const struct jwk11_token_info *jwk11_token_get_info(const struct jwk11_token *token)
{
	return &token->info;
}

enum jwk11_rc jwk11_token_check(struct jwk11_token *token, struct jwk11_err *err)
{
	CK_SESSION_INFO info;
	enum jwk11_rc rc = j11_p11_check(token->ctx, err);
	CK_RV rv;

	if (rc != JWK11_OK)
		return rc;
	pthread_mutex_lock(&token->login_lock);
	rc = j11_slot_check(token, err);
	rv = rc == JWK11_OK && token->anchor_open ? token->fl->C_GetSessionInfo(token->anchor, &info) : CKR_SESSION_CLOSED;
	if (rc == JWK11_OK && rv != CKR_OK)
		rc = j11_token_failed(token, rv, "C_GetSessionInfo", err);
	pthread_mutex_unlock(&token->login_lock);
	return rc;
}

/* A place in the pool whose session was lost and could not be replaced then. */
static enum jwk11_rc revive(struct jwk11_token *token, CK_SESSION_HANDLE *session, unsigned *generation, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_sess_recover(token, session, CKR_SESSION_HANDLE_INVALID, err);

	pthread_mutex_lock(&token->lock);
	*generation = token->generation;
	pthread_mutex_unlock(&token->lock);
	return rc;
}

enum jwk11_rc j11_sess_lease(struct jwk11_token *token, CK_SESSION_HANDLE *ret_session, unsigned *ret_generation, struct jwk11_err *err)
{
	struct timespec until;
	int late = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LEASE_SECONDS;
	pthread_mutex_lock(&token->lock);
	if (token->n_idle == 0 || token->n_waiting > 0) {
		token->n_waiting++;
		do
			late = pthread_cond_timedwait(&token->returned, &token->lock, &until);
		while (token->n_idle == 0 && late == 0);
		token->n_waiting--;
	}
	if (token->n_idle > 0) {
		*ret_session = token->idle[--token->n_idle];
		if (token->n_idle > 0 && token->n_waiting > 0)
			pthread_cond_signal(&token->returned); /* whoever stood behind us */
		*ret_generation = token->generation;
		pthread_mutex_unlock(&token->lock);
		return *ret_session != CK_INVALID_HANDLE ? JWK11_OK : revive(token, ret_session, ret_generation, err);
	}
	pthread_mutex_unlock(&token->lock);
	return j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_BUSY, "token \"%s\": every session is busy", token->info.label);
}

void j11_sess_return(struct jwk11_token *token, CK_SESSION_HANDLE session)
{
	pthread_mutex_lock(&token->lock);
	token->idle[token->n_idle++] = session;
	pthread_cond_signal(&token->returned);
	pthread_mutex_unlock(&token->lock);
}

/* The login is gone with the anchor: open both again. All handles from before are dead. */
static enum jwk11_rc restore_login(struct jwk11_token *token, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (token->anchor_open)
		token->fl->C_CloseSession(token->anchor);
	token->anchor_open = false;
	rc = j11_slot_check(token, err);
	if (rc == JWK11_OK)
		rc = open_anchor(token, err);
	return rc;
}

static bool login_lives(struct jwk11_token *token)
{
	CK_SESSION_INFO info;

	if (!token->anchor_open || token->fl->C_GetSessionInfo(token->anchor, &info) != CKR_OK)
		return false;
	return token->login_mode == JWK11_LOGIN_NEVER || (token->raw.flags & CKF_LOGIN_REQUIRED) == 0 || info.state == CKS_RO_USER_FUNCTIONS ||
		info.state == CKS_RW_USER_FUNCTIONS;
}

unsigned j11_sess_login(struct jwk11_token *token)
{
	unsigned n;

	pthread_mutex_lock(&token->lock);
	n = token->n_restored;
	pthread_mutex_unlock(&token->lock);
	return n;
}

bool j11_sess_login_held(struct jwk11_token *token, unsigned since)
{
	bool lives;

	pthread_mutex_lock(&token->login_lock);
	lives = login_lives(token);
	pthread_mutex_unlock(&token->login_lock);
	return lives && j11_sess_login(token) == since;
}

enum jwk11_rc j11_sess_recover(struct jwk11_token *token, CK_SESSION_HANDLE *session, CK_RV rv, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;
	bool lost;

	pthread_mutex_lock(&token->login_lock);
	if (*session != CK_INVALID_HANDLE)
		token->fl->C_CloseSession(*session);
	lost = !j11_ckr_is_permanent(rv) && !login_lives(token);
	if (lost) {
		pthread_mutex_lock(&token->lock);
		token->generation++; /* before handles can mean something else: who is at work with one now does not trust what came of it */
		pthread_mutex_unlock(&token->lock);
		rc = restore_login(token, err);
	}
	if (rc == JWK11_OK) {
		rv = open_session(token, session);
		if (rv != CKR_OK)
			rc = j11_token_failed(token, rv, "C_OpenSession", err);
	}
	pthread_mutex_lock(&token->lock);
	token->generation++;
	token->n_restored += lost;
	if (rc != JWK11_OK)
		token->idle[token->n_idle++] = *session = CK_INVALID_HANDLE;
	pthread_cond_broadcast(&token->returned);
	pthread_mutex_unlock(&token->lock);
	pthread_mutex_unlock(&token->login_lock);
	return rc;
}

enum jwk11_rc j11_sess_read(struct jwk11_token *token, j11_read_fn read, void *arg, struct jwk11_err *err)
{
	CK_SESSION_HANDLE session;
	unsigned generation;
	enum jwk11_rc rc = j11_sess_lease(token, &session, &generation, err);

	if (rc != JWK11_OK)
		return rc;
	rc = read(token, session, generation, arg, err);
	for (int again = 0; again < 2 && (rc == JWK11_ERR_DEVICE || rc == JWK11_ERR_ABSENT); again++) {
		if (j11_sess_recover(token, &session, CKR_SESSION_HANDLE_INVALID, NULL) != JWK11_OK)
			return rc;
		if (again > 0)
			break;
		pthread_mutex_lock(&token->lock);
		generation = token->generation;
		pthread_mutex_unlock(&token->lock);
		j11_err_clear(err);
		rc = read(token, session, generation, arg, err);
	}
	j11_sess_return(token, session);
	return rc;
}
