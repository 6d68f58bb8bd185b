/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in, at most once per PIN: a PIN that a token refused is remembered (keyed hash, in the state directory) and never sent again. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "token.h"

static enum jwk11_rc state_failed(const char *path, struct jwk11_err *err)
{
	int why = errno;

	j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_STATE_DIR, "state file %s: %s; no login without a memory for refused PINs", path, strerror(why));
	j11_err_hint(err, "make the state directory writable by the user this runs as");
	return JWK11_ERR_LOGIN;
}

enum jwk11_rc jwk11_context_set_state_dir(struct jwk11_context *ctx, const char *dir, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_p11_check(ctx, err);
	struct stat st;
	char *copy;

	if (rc != JWK11_OK)
		return rc;
	if (stat(dir, &st) != 0)
		return state_failed(dir, err);
	if (!S_ISDIR(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_STATE_DIR, "state directory %s can be written by others", dir);
	copy = j11_mem_dup(dir);
	if (copy == NULL)
		return j11_err_memory(err);
	j11_mem_free(ctx->state_dir);
	ctx->state_dir = copy;
	return JWK11_OK;
}

/* Writes a file of the state directory so that it is there whole or not at all. */
static enum jwk11_rc write_state(const char *path, const void *data, size_t len, struct jwk11_err *err)
{
	char temp[4200];
	enum jwk11_rc rc = JWK11_OK;
	int fd;

	snprintf(temp, sizeof(temp), "%s.%ld.tmp", path, (long)getpid());
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return state_failed(temp, err);
	if (write(fd, data, len) != (ssize_t)len || fsync(fd) != 0)
		rc = state_failed(temp, err);
	close(fd);
	if (rc == JWK11_OK && rename(temp, path) != 0)
		rc = state_failed(path, err);
	if (rc != JWK11_OK)
		unlink(temp);
	return rc;
}

/* Reads exactly len octets: 1, 0 when there is no such file, -1 when it is not readable or has another length. */
static int read_state(const char *path, void *data, size_t len)
{
	unsigned char spare;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), result = -1;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (read(fd, data, len) == (ssize_t)len && read(fd, &spare, 1) == 0)
		result = 1;
	close(fd);
	return result;
}

/* The key of the hashes: random, made at first need, so that a copy of the records does not tell the PIN to who guesses. */
static enum jwk11_rc load_key(struct jwk11_context *ctx, struct jwk11_err *err)
{
	char path[4160];
	enum jwk11_rc rc = JWK11_OK;
	int got = 0;

	if (ctx->have_pin_key)
		return JWK11_OK;
	if (ctx->state_dir != NULL) {
		snprintf(path, sizeof(path), "%s/pin.key", ctx->state_dir);
		got = read_state(path, ctx->pin_key, sizeof(ctx->pin_key));
		if (got < 0)
			return state_failed(path, err);
	}
	if (got == 0 && RAND_bytes(ctx->pin_key, (int)sizeof(ctx->pin_key)) != 1)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random numbers");
	if (got == 0 && ctx->state_dir != NULL)
		rc = write_state(path, ctx->pin_key, sizeof(ctx->pin_key), err);
	ctx->have_pin_key = rc == JWK11_OK;
	return rc;
}

/* HMAC-SHA256 over the token's identity and the PIN. */
static enum jwk11_rc pin_hash(const struct jwk11_token *token, const struct j11_secret *pin, unsigned char ret_hash[J11_PIN_HASH_LEN],
	struct jwk11_err *err)
{
	unsigned char text[32 + 32 + 16 + 16 + J11_SECRET_MAX], *p = text;
	struct jwk11_view v = j11_secret_expose(pin);
	unsigned len = J11_PIN_HASH_LEN;
	bool ok;

	p = mempcpy(p, token->raw.label, 32);
	p = mempcpy(p, token->raw.manufacturerID, 32);
	p = mempcpy(p, token->raw.model, 16);
	p = mempcpy(p, token->raw.serialNumber, 16);
	p = mempcpy(p, v.data, v.len);
	ok = HMAC(EVP_sha256(), token->ctx->pin_key, (int)sizeof(token->ctx->pin_key), text, (size_t)(p - text), ret_hash, &len) != NULL;
	j11_mem_wipe(text, sizeof(text));
	return ok ? JWK11_OK : j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "HMAC-SHA256 failed");
}

/* One file per refused PIN; its name is the hash itself. */
static void record_path(const struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], char path[4160])
{
	int n = snprintf(path, 4096, "%s/refused-", ctx->state_dir);

	for (size_t i = 0; i < J11_PIN_HASH_LEN && n > 0; i++)
		snprintf(path + n + 2 * i, 3, "%02x", hash[i]);
}

/* What a record says, and what the token had said: 8 octets each. */
static const struct {
	enum jwk11_pin_state state;
	char word[9];
} records[] = { { JWK11_PIN_REJECTED, "refused\n" }, { JWK11_PIN_LOCKED, "locked \n" }, { JWK11_PIN_EXPIRED, "expired\n" } };

/* Whatever stands in a record, its PIN is not sent. */
static enum jwk11_pin_state read_record(const char *path)
{
	char word[9] = "";

	if (read_state(path, word, 8) == 1)
		for (size_t i = 0; i < J11_COUNT(records); i++)
			if (j11_text_equal(word, records[i].word))
				return records[i].state;
	return JWK11_PIN_REJECTED;
}

static enum jwk11_rc write_record(const char *path, enum jwk11_pin_state state, struct jwk11_err *err)
{
	size_t i = 0;

	while (i + 1 < J11_COUNT(records) && records[i].state != state)
		i++;
	return write_state(path, records[i].word, 8, err);
}

/* How it was refused; OK: it was not. */
static enum jwk11_pin_state was_refused(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN])
{
	char path[4160];

	for (size_t i = 0; i < ctx->n_refused; i++)
		if (memcmp(ctx->refused[i], hash, J11_PIN_HASH_LEN) == 0)
			return ctx->refused_why[i];
	if (ctx->state_dir == NULL)
		return JWK11_PIN_OK;
	record_path(ctx, hash, path);
	return access(path, F_OK) == 0 || errno != ENOENT ? read_record(path) : JWK11_PIN_OK;
}

/* The record is written before C_Login and taken away after success: whatever kills us in between, a PIN is never sent twice unless it was
 * accepted or the token could not be asked. */
static enum jwk11_rc remember(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], struct jwk11_err *err)
{
	char path[4160];

	if (ctx->n_refused == J11_MAX_REFUSED)
		return j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_LOGIN, "too many refused PINs in one process");
	ctx->refused_why[ctx->n_refused] = JWK11_PIN_REJECTED;
	memcpy(ctx->refused[ctx->n_refused++], hash, J11_PIN_HASH_LEN);
	if (ctx->state_dir == NULL)
		return JWK11_OK;
	record_path(ctx, hash, path);
	return write_record(path, JWK11_PIN_REJECTED, err);
}

/* The record of the login that has just failed says how. A state directory that does not take it has the older word, which is as good a reason. */
static void remember_why(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], enum jwk11_pin_state why)
{
	char path[4160];
	struct jwk11_err ignored = { 0 };

	ctx->refused_why[ctx->n_refused - 1] = why;
	if (ctx->state_dir == NULL)
		return;
	record_path(ctx, hash, path);
	(void)write_record(path, why, &ignored);
}

static void forget(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN])
{
	char path[4160];

	if (ctx->n_refused > 0)
		ctx->n_refused--;
	if (ctx->state_dir == NULL)
		return;
	record_path(ctx, hash, path);
	(void)unlink(path);
}

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

		remember_why(token->ctx, hash, why);
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

/* With the turn taken: look again (another process may just have failed), then send the PIN. */
static enum jwk11_rc login_once(struct jwk11_token *token, const struct login *login, const struct j11_secret *pin, struct jwk11_err *err)
{
	unsigned char hash[J11_PIN_HASH_LEN];
	enum jwk11_rc rc = j11_slot_check(token, err);
	CK_RV rv;

	if (rc == JWK11_OK)
		rc = load_key(token->ctx, err);
	if (rc == JWK11_OK)
		rc = pin_hash(token, pin, hash, err);
	if (rc == JWK11_OK)
		rc = check_state(token, was_refused(token->ctx, hash), err);
	if (rc == JWK11_OK)
		rc = remember(token->ctx, hash, err);
	if (rc != JWK11_OK)
		return rc;
	rv = login_call(token, login, pin);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || is_transport(token, rv) || is_out_of_place(login, rv))
		forget(token->ctx, hash);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return JWK11_OK;
	return login_failed(token, login, hash, rv, err);
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
