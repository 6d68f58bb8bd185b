/* SPDX-License-Identifier: Apache-2.0 */
/* The record is written before C_Login and taken away after success: whatever kills us in between, a PIN is never sent twice unless it was accepted
 * or the token could not be asked. */
#include "pin_record.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

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

/* What root writes stays readable for the user whose directory it is. */
static bool give(int fd, const char *path)
{
	char dir[4200];
	struct stat st;
	char *slash;

	if (geteuid() != 0)
		return true;
	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	return stat(dir, &st) == 0 && (st.st_uid == 0 || fchown(fd, st.st_uid, st.st_gid) == 0);
}

/* Writes a file of the state directory so that it is there whole or not at all. fresh: one that is there stays. */
static enum jwk11_rc write_state(const char *path, const void *data, size_t len, bool fresh, struct jwk11_err *err)
{
	char temp[4200];
	enum jwk11_rc rc = JWK11_OK;
	int fd;

	snprintf(temp, sizeof(temp), "%s.%ld.tmp", path, (long)getpid());
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return state_failed(temp, err);
	if (write(fd, data, len) != (ssize_t)len || !give(fd, path) || fsync(fd) != 0)
		rc = state_failed(temp, err);
	close(fd);
	if (rc == JWK11_OK && (fresh ? link(temp, path) != 0 && errno != EEXIST : rename(temp, path) != 0))
		rc = state_failed(path, err);
	if (rc != JWK11_OK || fresh)
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

/* The key of the hashes: random, made at first need, so that a copy of the records does not tell the PIN to who guesses. Of two processes that make
 * one at the same time, both take the first. */
static enum jwk11_rc load_key(struct jwk11_context *ctx, struct jwk11_err *err)
{
	char path[4160];
	int got = 0;

	if (ctx->have_pin_key)
		return JWK11_OK;
	if (ctx->state_dir != NULL) {
		snprintf(path, sizeof(path), "%s/pin.key", ctx->state_dir);
		got = read_state(path, ctx->pin_key, sizeof(ctx->pin_key));
	}
	if (got == 0) {
		enum jwk11_rc rc;

		if (RAND_bytes(ctx->pin_key, (int)sizeof(ctx->pin_key)) != 1)
			return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random numbers");
		if (ctx->state_dir != NULL) {
			rc = write_state(path, ctx->pin_key, sizeof(ctx->pin_key), true, err);
			if (rc != JWK11_OK)
				return rc;
			got = read_state(path, ctx->pin_key, sizeof(ctx->pin_key));
		}
	}
	if (got != 1 && ctx->state_dir != NULL)
		return state_failed(path, err);
	ctx->have_pin_key = true;
	return JWK11_OK;
}

enum jwk11_rc j11_pin_record_hash(const struct jwk11_token *token, const struct j11_secret *pin, unsigned char ret_hash[J11_PIN_HASH_LEN],
	struct jwk11_err *err)
{
	unsigned char text[32 + 32 + 16 + 16 + J11_SECRET_MAX], *p = text;
	struct jwk11_view v = j11_secret_expose(pin);
	unsigned len = J11_PIN_HASH_LEN;
	enum jwk11_rc rc = load_key(token->ctx, err);
	bool ok;

	if (rc != JWK11_OK)
		return rc;
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
	return write_state(path, records[i].word, 8, false, err);
}

enum jwk11_rc j11_pin_record_turn(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], int *ret_fd, struct jwk11_err *err)
{
	/* One octet of the file for each PIN, as many as there are: no token waits for another one that does not answer. */
	struct flock octet = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	enum jwk11_rc rc = JWK11_OK;
	char path[4160];
	int fd;

	*ret_fd = -1;
	if (ctx->state_dir == NULL)
		return JWK11_OK;
	snprintf(path, sizeof(path), "%s/login.lock", ctx->state_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return state_failed(path, err);
	for (size_t i = 0; i < 7; i++)
		octet.l_start = octet.l_start << 8 | hash[i];
	if (!give(fd, path))
		rc = state_failed(path, err);
	while (rc == JWK11_OK && fcntl(fd, F_OFD_SETLKW, &octet) != 0)
		if (errno != EINTR)
			rc = state_failed(path, err);
	if (rc == JWK11_OK)
		*ret_fd = fd;
	else
		close(fd);
	return rc;
}

void j11_pin_record_turn_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

enum jwk11_pin_state j11_pin_record_find(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN])
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

enum jwk11_rc j11_pin_record_add(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], struct jwk11_err *err)
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

/* A state directory that does not take it has the older word, which is as good a reason. */
void j11_pin_record_why(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], enum jwk11_pin_state why)
{
	char path[4160];
	struct jwk11_err ignored = { 0 };

	ctx->refused_why[ctx->n_refused - 1] = why;
	if (ctx->state_dir == NULL)
		return;
	record_path(ctx, hash, path);
	(void)write_record(path, why, &ignored);
}

void j11_pin_record_remove(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN])
{
	char path[4160];

	if (ctx->n_refused > 0)
		ctx->n_refused--;
	if (ctx->state_dir == NULL)
		return;
	record_path(ctx, hash, path);
	(void)unlink(path);
}
