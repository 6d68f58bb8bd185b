/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in where the PIN is typed on the token's own pad (CKF_PROTECTED_AUTHENTICATION_PATH): C_Login without a PIN, which waits for a person.
 * It runs in a thread of its own, because nothing ends it, and is left behind at the deadline; what it uses stays until it comes back. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "token.h"

enum { DEFAULT_SECONDS = 60 };

/* Shared by who waits and the thread; the last one frees it. */
struct pad {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t done;
	bool is_done;
	CK_RV rv;
	unsigned refs;

	struct jwk11_token *token; /* a reference of the thread's */
};

static void pad_unref(struct pad *pad)
{
	bool last;

	pthread_mutex_lock(&pad->lock);
	last = --pad->refs == 0;
	pthread_mutex_unlock(&pad->lock);
	if (!last)
		return;
	pthread_cond_destroy(&pad->done);
	pthread_mutex_destroy(&pad->lock);
	j11_mem_free(pad);
}

static struct pad *pad_new(struct jwk11_token *token)
{
	struct pad *pad = j11_mem_new(sizeof(*pad));
	pthread_condattr_t attr;

	if (pad == NULL)
		return NULL;
	pthread_mutex_init(&pad->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pad->done, &attr);
	pthread_condattr_destroy(&attr);
	pad->refs = 2;
	pad->token = token;
	return pad;
}

/* PKCS#11 5.6: no PIN is a null pointer; an empty string would be one. The token is let go before anybody hears of it: who hears may want to be
 * rid of it. */
static void *ask(void *arg)
{
	struct pad *pad = arg;
	CK_RV rv = pad->token->fl->C_Login(pad->token->anchor, CKU_USER, NULL, 0);

	jwk11_token_unref(pad->token);
	pthread_mutex_lock(&pad->lock);
	pad->rv = rv;
	pad->is_done = true;
	pthread_cond_signal(&pad->done);
	pthread_mutex_unlock(&pad->lock);
	pad_unref(pad);
	return NULL;
}

/* Signals stay with the threads that expect them. */
static bool start(struct pad *pad)
{
	pthread_t thread;
	sigset_t all, old;
	bool ok;

	jwk11_token_ref(pad->token);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	ok = pthread_create(&thread, NULL, ask, pad) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ok) {
		pthread_detach(thread);
		return true;
	}
	jwk11_token_unref(pad->token);
	pad_unref(pad);
	return false;
}

static bool wait_for(struct pad *pad, unsigned seconds, CK_RV *ret_rv)
{
	struct timespec until;
	bool done;
	int late = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&pad->lock);
	while (!pad->is_done && late == 0)
		late = pthread_cond_timedwait(&pad->done, &pad->lock, &until);
	done = pad->is_done;
	*ret_rv = pad->rv;
	pthread_mutex_unlock(&pad->lock);
	return done;
}

/* ---- who is not asked again ---- */

static bool same_token(const CK_TOKEN_INFO *a, const CK_TOKEN_INFO *b)
{
	return memcmp(a->label, b->label, sizeof(a->label)) == 0 && memcmp(a->manufacturerID, b->manufacturerID, sizeof(a->manufacturerID)) == 0 &&
		memcmp(a->model, b->model, sizeof(a->model)) == 0 && memcmp(a->serialNumber, b->serialNumber, sizeof(a->serialNumber)) == 0;
}

static bool was_asked(struct jwk11_token *token)
{
	struct jwk11_context *ctx = token->ctx;
	bool found = false;

	pthread_mutex_lock(&ctx->lock);
	for (size_t i = 0; i < ctx->n_asked; i++)
		found = found || same_token(&ctx->asked[i], &token->raw);
	pthread_mutex_unlock(&ctx->lock);
	return found;
}

/* With the list full nobody new is asked: a person who is called for ever gives any answer. */
static bool remember(struct jwk11_token *token)
{
	struct jwk11_context *ctx = token->ctx;
	bool room;

	pthread_mutex_lock(&ctx->lock);
	room = ctx->n_asked < J11_MAX_ASKED;
	if (room)
		ctx->asked[ctx->n_asked++] = token->raw;
	pthread_mutex_unlock(&ctx->lock);
	return room;
}

static void forget(struct jwk11_token *token)
{
	struct jwk11_context *ctx = token->ctx;

	pthread_mutex_lock(&ctx->lock);
	for (size_t i = ctx->n_asked; i > 0; i--)
		if (same_token(&ctx->asked[i - 1], &token->raw))
			ctx->asked[i - 1] = ctx->asked[--ctx->n_asked];
	pthread_mutex_unlock(&ctx->lock);
}

void jwk11_context_ask_again(struct jwk11_context *ctx)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->n_asked = 0;
	pthread_mutex_unlock(&ctx->lock);
}

/* ---- the login ---- */

enum jwk11_rc j11_pad_refuse(struct jwk11_token *token, const char *why, struct jwk11_err *err)
{
	token->info.pin = JWK11_PIN_PAD;
	j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_PIN_PAD, "token \"%s\" takes its PIN on a pad of its own; %s", token->info.label, why);
	return JWK11_ERR_LOGIN;
}

static enum jwk11_rc failed(struct jwk11_token *token, CK_RV rv, struct jwk11_err *err)
{
	token->info.pin = rv == CKR_PIN_LOCKED ? JWK11_PIN_LOCKED : JWK11_PIN_PAD;
	if (rv == CKR_PIN_LOCKED)
		return j11_err_set_ckr(err, JWK11_ERR_LOGIN, J11_CODE_PIN_LOCKED, rv, "the PIN of token \"%s\" is locked", token->info.label);
	j11_err_set_ckr(err, JWK11_ERR_LOGIN, J11_CODE_PIN_PAD, rv, "token \"%s\" was not given the right PIN on its pad", token->info.label);
	j11_err_hint(err, "reload to be asked again");
	return JWK11_ERR_LOGIN;
}

static enum jwk11_rc ask_once(struct jwk11_token *token, struct jwk11_err *err)
{
	unsigned seconds = token->login_seconds ? token->login_seconds : DEFAULT_SECONDS;
	struct pad *pad = pad_new(token);
	bool done;
	CK_RV rv = CKR_OK;

	if (pad == NULL)
		return j11_err_memory(err);
	if (!start(pad)) {
		pad_unref(pad);
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no thread to wait for a PIN pad");
	}
	done = wait_for(pad, seconds, &rv);
	pad_unref(pad);
	if (!done) {
		token->left_behind = true;
		token->info.pin = JWK11_PIN_PAD;
		j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_PIN_PAD, "nobody typed the PIN of token \"%s\" on its pad in %u seconds", token->info.label, seconds);
		j11_err_hint(err, "reload to be asked again");
		return JWK11_ERR_LOGIN;
	}
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return failed(token, rv, err);
	token->info.pin = JWK11_PIN_OK;
	forget(token);
	return JWK11_OK;
}

static bool is_logged_in(struct jwk11_token *token)
{
	CK_SESSION_INFO info;

	return token->fl->C_GetSessionInfo(token->anchor, &info) == CKR_OK &&
		(info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

enum jwk11_rc j11_pad_login(struct jwk11_token *token, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (is_logged_in(token)) {
		token->info.pin = JWK11_PIN_OK;
		return JWK11_OK;
	}
	if (token->opened) {
		rc = j11_pad_refuse(token, "its login was lost, and no request waits for a person", err);
		j11_err_hint(err, "it is asked for when the token is opened again");
		return rc;
	}
	if (was_asked(token) || !remember(token)) {
		rc = j11_pad_refuse(token, "it was asked for before, without success", err);
		j11_err_hint(err, "reload to be asked again");
		return rc;
	}
	return ask_once(token, err);
}
