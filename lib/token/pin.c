/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in, at most once per PIN: one that a token refused is never sent again. */
#include <pthread.h>
#include <signal.h>

#include "base/err.h"
#include "pin_record.h"

static enum jwk11_rc rejected(struct jwk11_token *token, CK_RV rv, struct jwk11_err *err)
{
	token->info.pin = JWK11_PIN_REJECTED;
	if (rv == CKR_OK)
		j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_PIN_REJECTED, "token \"%s\" refused this PIN before; it is not sent again", token->info.label);
	else
		j11_err_set_ckr(err, JWK11_ERR_LOGIN, J11_CODE_PIN_REJECTED, rv, "token \"%s\" refused its PIN; it is not sent again", token->info.label);
	j11_err_hint(err, "%s", token->pin != NULL ? "log in with the right PIN" : "put the right PIN into the PIN file or credential, then reload");
	return JWK11_ERR_LOGIN;
}

/* The states in which no PIN is sent, whichever it is. rv: what C_Login has answered; OK: it was not called. */
static enum jwk11_rc unusable(struct jwk11_token *token, enum jwk11_pin_state state, CK_RV rv, struct jwk11_err *err)
{
	static const struct {
		enum jwk11_pin_state state;
		enum j11_code code;
		const char *text, *hint;
	} rows[] = {
		{ JWK11_PIN_LOCKED, J11_CODE_PIN_LOCKED, "is locked",
			"set a new PIN with the security officer's, put it into the PIN file or credential, then reload" },
		{ JWK11_PIN_FINAL, J11_CODE_PIN_FINAL_TRY, "has one try left; it is not used up here",
			"log in once by hand with the right PIN, which resets the counter: jwk11 list --offline --ask-pin --final-try with --module and --token" },
		{ JWK11_PIN_EXPIRED, J11_CODE_PIN_EXPIRED, "must be changed first",
			"change it with the token's own tool, put the new one into the PIN file or credential, then reload" },
	};

	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		if (rows[i].state != state)
			continue;
		token->info.pin = state;
		if (rv == CKR_OK)
			j11_err_set(err, JWK11_ERR_LOGIN, rows[i].code, "the PIN of token \"%s\" %s", token->info.label, rows[i].text);
		else
			j11_err_set_ckr(err, JWK11_ERR_LOGIN, rows[i].code, rv, "the PIN of token \"%s\" %s", token->info.label, rows[i].text);
		j11_err_hint(err, "%s", rows[i].hint);
		return JWK11_ERR_LOGIN;
	}
	return JWK11_OK;
}

/* Before anything is sent: what the flags say of every PIN, and the records of this one. Which PIN it is matters once one may be sent at all. */
static enum jwk11_rc check_state(struct jwk11_token *token, enum jwk11_pin_state before, struct jwk11_err *err)
{
	enum jwk11_pin_state now = token->info.pin;

	if (before != JWK11_PIN_OK && now != JWK11_PIN_LOCKED && now != JWK11_PIN_EXPIRED)
		now = before;
	if (now == JWK11_PIN_FINAL && token->final_try && !token->opened) /* never for a login that is made good */
		return JWK11_OK;
	return now == JWK11_PIN_REJECTED ? rejected(token, CKR_OK, err) : unusable(token, now, CKR_OK, err);
}

/* What a login is for: the token (on the anchor session), or one operation that a session has begun. */
struct login {
	CK_SESSION_HANDLE session;
	CK_USER_TYPE user;
};

/* Signals wait: a process that ends inside C_Login can leave a file-based token without its token file. */
static CK_RV login_call(struct jwk11_token *token, const struct login *login, const struct j11_secret *pin)
{
	struct jwk11_view v = j11_secret_expose(pin);
	sigset_t all, old;
	CK_RV rv;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rv = token->fl->C_Login(login->session, login->user, (CK_UTF8CHAR_PTR)v.data, v.len);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rv;
}

/* The token was asked and could not answer, as opposed to a refusal. GENERAL_ERROR counts as a refusal when a counter moved. */
static bool is_transport(struct jwk11_token *token, CK_RV rv)
{
	struct jwk11_err ignored = { 0 };

	switch (rv) {
	case CKR_DEVICE_ERROR:
	case CKR_DEVICE_MEMORY:
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_TOKEN_NOT_RECOGNIZED:
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_HOST_MEMORY:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
		return true;
	case CKR_GENERAL_ERROR:
	case CKR_FUNCTION_FAILED:
		return j11_slot_check(token, &ignored) != JWK11_OK || token->info.pin == JWK11_PIN_OK;
	default:
		return false;
	}
}

/* The module has no login for one operation, or none now: no PIN was looked at. */
static bool is_out_of_place(const struct login *login, CK_RV rv)
{
	return login->user == CKU_CONTEXT_SPECIFIC && (rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_USER_TYPE_INVALID ||
		rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_USER_NOT_LOGGED_IN);
}

/* What to say about an answer to C_Login that is not success. */
static enum jwk11_rc login_failed(struct jwk11_token *token, const struct login *login, const unsigned char hash[J11_PIN_HASH_LEN], CK_RV rv,
	struct jwk11_err *err)
{
	struct jwk11_err ignored = { 0 };

	if (rv == CKR_PIN_LOCKED || rv == CKR_PIN_EXPIRED) {
		enum jwk11_pin_state why = rv == CKR_PIN_LOCKED ? JWK11_PIN_LOCKED : JWK11_PIN_EXPIRED;

		j11_pin_record_why(token->ctx, hash, why);
		return unusable(token, why, rv, err);
	}
	if (is_out_of_place(login, rv))
		return j11_err_set_ckr(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, rv, "token \"%s\" takes no PIN for this one operation: C_Login",
			token->info.label);
	if (is_transport(token, rv))
		return j11_token_failed(token, rv, "C_Login", err);
	if (j11_slot_check(token, &ignored) == JWK11_OK && token->info.pin == JWK11_PIN_LOCKED) /* it was the last one */
		return unusable(token, JWK11_PIN_LOCKED, rv, err);
	return rejected(token, rv, err);
}

/* With the turn taken: sends a PIN that was not refused before. */
static enum jwk11_rc send_pin(struct jwk11_token *token, const struct login *login, const struct j11_secret *pin,
	const unsigned char hash[J11_PIN_HASH_LEN], struct jwk11_err *err)
{
	enum jwk11_rc rc = check_state(token, j11_pin_record_find(token->ctx, hash), err);
	CK_RV rv;

	if (rc == JWK11_OK)
		rc = j11_pin_record_add(token->ctx, hash, err);
	if (rc != JWK11_OK)
		return rc;
	rv = login_call(token, login, pin);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || is_transport(token, rv) || is_out_of_place(login, rv))
		j11_pin_record_remove(token->ctx, hash);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return JWK11_OK;
	return login_failed(token, login, hash, rv, err);
}

/* Looks at the token once more when the turn has come: another process may just have failed. */
static enum jwk11_rc login_once(struct jwk11_token *token, const struct login *login, const struct j11_secret *pin, struct jwk11_err *err)
{
	unsigned char hash[J11_PIN_HASH_LEN];
	enum jwk11_rc rc = j11_pin_record_hash(token, pin, hash, err);
	int turn;

	if (rc == JWK11_OK)
		rc = j11_pin_record_turn(token->ctx, hash, &turn, err);
	if (rc != JWK11_OK)
		return rc;
	rc = j11_slot_check(token, err);
	if (rc == JWK11_OK)
		rc = send_pin(token, login, pin, hash, err);
	j11_pin_record_turn_end(turn);
	return rc;
}

/* Reads the PIN, unless the token has one, sends it when the turn comes, wipes what was read. One login at a time in this process, and with
 * a hook in all that share it. */
static enum jwk11_rc log_in(struct jwk11_token *token, const struct login *login, struct jwk11_err *err)
{
	J11_AUTO(j11_secret_free_auto) struct j11_secret *from_file = NULL;
	const struct jwk11_login_hook *hook = &token->ctx->hook;
	enum jwk11_rc rc = token->pin == NULL ? j11_secret_from_file(token->pin_file, &from_file, err) : JWK11_OK;

	if (rc != JWK11_OK) {
		token->info.pin = JWK11_PIN_MISSING;
		return rc;
	}
	pthread_mutex_lock(&token->ctx->login_lock);
	if (hook->begin != NULL && !hook->begin(hook->arg)) {
		rc = j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_BUSY, "token \"%s\": no turn to log in", token->info.label);
	} else {
		rc = login_once(token, login, token->pin != NULL ? token->pin : from_file, err);
		if (hook->end != NULL)
			hook->end(hook->arg);
	}
	pthread_mutex_unlock(&token->ctx->login_lock);
	return rc;
}

static bool has_pin(const struct jwk11_token *token)
{
	return token->pin != NULL || token->pin_file != NULL;
}

static enum jwk11_rc no_pin(struct jwk11_token *token, struct jwk11_err *err)
{
	token->info.pin = JWK11_PIN_MISSING;
	j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_PIN_MISSING, "token \"%s\" needs a PIN and none is configured", token->info.label);
	j11_err_hint(err, "name a PIN file (mode 0400) or a credential");
	return JWK11_ERR_LOGIN;
}

/* Who has not said that somebody is there to type it gets an answer at once. */
static enum jwk11_rc log_in_by_pad(struct jwk11_token *token, struct jwk11_err *err)
{
	enum jwk11_rc rc = unusable(token, token->info.pin, CKR_OK, err);

	if (rc != JWK11_OK)
		return rc;
	if (token->login_mode == JWK11_LOGIN_PROTECTED)
		return j11_pad_login(token, err);
	rc = j11_pad_refuse(token, "nobody is asked to type it there unless that is configured", err);
	j11_err_hint(err, "login = protected in its [token] section waits for somebody to type it when jwk11d starts");
	return rc;
}

enum jwk11_rc j11_pin_login(struct jwk11_token *token, struct jwk11_err *err)
{
	struct login login = { token->anchor, CKU_USER };
	bool needed = token->login_mode == JWK11_LOGIN_ALWAYS || (token->raw.flags & CKF_LOGIN_REQUIRED) != 0;
	bool pad = token->login_mode == JWK11_LOGIN_PROTECTED || (token->raw.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;

	if (token->login_mode == JWK11_LOGIN_NEVER || !needed)
		return JWK11_OK;
	if (pad && (token->login_mode == JWK11_LOGIN_AUTO || token->login_mode == JWK11_LOGIN_PROTECTED))
		return log_in_by_pad(token, err);
	return has_pin(token) ? log_in(token, &login, err) : no_pin(token, err);
}

enum jwk11_rc j11_pin_context(struct jwk11_token *token, CK_SESSION_HANDLE session, struct jwk11_err *err)
{
	struct login login = { session, CKU_CONTEXT_SPECIFIC };

	return has_pin(token) ? log_in(token, &login, err) : no_pin(token, err);
}
