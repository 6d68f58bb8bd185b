/* SPDX-License-Identifier: Apache-2.0 */
/* A trial with the mock module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mock_trial.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "../mock/counts.h"

static char dir[256];
static struct mock_count *counts;
static struct trial last; /* what a test that failed in the middle has left open */

const char *trial_path(const char *name)
{
	static char rooms[3][512];
	static unsigned turn;
	char *room = rooms[turn++ % 3];

	snprintf(room, sizeof(rooms[0]), "%s/%s", dir, name);
	return room;
}

static void write_file(const char *name, const char *text, size_t len, mode_t mode)
{
	FILE *f;

	unlink(trial_path(name));
	f = fopen(trial_path(name), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(trial_path(name), mode), 0);
}

void trial_write(const char *name, const char *text)
{
	write_file(name, text, strlen(text), 0400);
}

int trial_set_up(void **state)
{
	size_t size = MOCK_N_COUNTS * sizeof(*counts);
	int fd;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/jwk11-mock-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(mkdir(trial_path("state"), 0700), 0);
	write_file("pin", "1234\n", 5, 0400);
	write_file("wrong", "9999\n", 5, 0400);
	setenv("JWK11_MOCK", trial_path("script"), 1);
	fd = open(trial_path("counts"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(counts != MAP_FAILED);
	close(fd);
	return 0;
}

int trial_tear_down(void **state)
{
	char command[300];

	(void)state;
	trial_end(&last);
	munmap(counts, MOCK_N_COUNTS * sizeof(*counts));
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

void trial_count_reset(void)
{
	for (size_t i = 0; i < MOCK_N_COUNTS; i++)
		counts[i].n = 0;
}

unsigned long trial_count(const char *name)
{
	for (size_t i = 0; i < MOCK_N_COUNTS; i++)
		if (strncmp(counts[i].name, name, sizeof(counts[i].name)) == 0)
			return (unsigned long)counts[i].n;
	fail_msg("the mock has no count of %s", name);
	return 0;
}

void trial_script(const char *fmt, ...)
{
	struct jwk11_buf out = J11_BUF(1 << 20);
	static char text[1 << 16];
	va_list args;
	int n;

	trial_end(&last);
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(text));
	j11_buf_add_fmt(&out, "counts %s/counts\n", dir);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '$')
			j11_buf_add_str(&out, dir);
		else
			j11_buf_add_byte(&out, (unsigned char)*p);
	}
	write_file("script", out.data, out.len, 0600);
	j11_buf_done(&out);
	trial_count_reset();
}

void trial_must(enum jwk11_rc rc, const struct jwk11_err *err)
{
	if (rc != JWK11_OK)
		fail_msg("%s: %s", jwk11_rc_name(rc), err->text);
}

enum jwk11_rc trial_load(struct trial *t, bool keep_state)
{
	enum jwk11_rc rc;

	*t = (struct trial){ 0 };
	rc = jwk11_context_new(&t->ctx, &t->err);
	if (rc == JWK11_OK)
		rc = jwk11_context_load(t->ctx, MOCK_MODULE, &t->err);
	if (rc == JWK11_OK && keep_state)
		rc = jwk11_context_set_state_dir(t->ctx, trial_path("state"), &t->err);
	last = *t;
	return rc;
}

enum jwk11_rc trial_open(struct trial *t, const char *pin, unsigned n_sessions)
{
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .pin_file = pin ? trial_path(pin) : NULL, .n_sessions = n_sessions };
	enum jwk11_rc rc;

	jwk11_token_unref(t->token);
	t->token = NULL;
	t->err = (struct jwk11_err){ 0 };
	rc = jwk11_token_open(t->ctx, &config, &t->token, &t->err);
	last = *t;
	return rc;
}

enum jwk11_rc trial_list(struct trial *t, const char *uri)
{
	enum jwk11_rc rc;

	jwk11_keys_free(t->keys);
	t->keys = NULL;
	t->err = (struct jwk11_err){ 0 };
	rc = jwk11_token_keys(t->token, uri, &t->keys, &t->err);
	last = *t;
	return rc;
}

enum jwk11_rc trial_start(struct trial *t)
{
	enum jwk11_rc rc = trial_load(t, false);

	if (rc == JWK11_OK)
		rc = trial_open(t, "pin", 1);
	return rc == JWK11_OK ? trial_list(t, NULL) : rc;
}

struct jwk11_key *trial_key(const struct trial *t, const char *label)
{
	for (size_t i = 0; t->keys != NULL && i < jwk11_keys_count(t->keys); i++)
		if (strcmp(jwk11_key_label(jwk11_keys_get(t->keys, i)), label) == 0)
			return jwk11_keys_get(t->keys, i);
	return NULL;
}

enum jwk11_rc trial_sign(struct trial *t, const char *label)
{
	struct jwk11_key *key = trial_key(t, label);
	struct jwk11_buf sig = J11_BUF(16384);
	struct jwk11_view hello = J11_VIEW("hello");
	const char *alg = key ? jwk11_pub_default_alg(jwk11_key_pub(key)) : "";
	enum jwk11_rc rc;

	t->err = (struct jwk11_err){ 0 };
	if (key == NULL)
		return j11_err_set(&t->err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "not listed: %s", t->keys ? jwk11_keys_skip_reason(t->keys) : "");
	rc = jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, hello, &sig, &t->err);
	if (rc != JWK11_OK)
		assert_int_equal(sig.len, 0);
	else /* with no allocation of ours failing, or this check would */
		assert_int_equal(jwk11_pub_verify(jwk11_key_pub(key), alg, JWK11_INPUT_MESSAGE, hello, j11_buf_view(&sig), NULL), JWK11_OK);
	j11_buf_done(&sig);
	return rc;
}

void trial_end(struct trial *t)
{
	jwk11_keys_free(t->keys);
	jwk11_token_unref(t->token);
	jwk11_context_free(t->ctx);
	*t = last = (struct trial){ 0 };
}

struct jwk11_pub *trial_pub(const char *file)
{
	BIO *in = BIO_new_file(trial_path(file), "r"), *out = BIO_new(BIO_s_mem());
	EVP_PKEY *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
	struct jwk11_pub *pub = NULL;
	char *text = NULL;
	long len;

	assert_non_null(pkey);
	assert_int_equal(PEM_write_bio_PUBKEY(out, pkey), 1);
	len = BIO_get_mem_data(out, &text);
	assert_int_equal(jwk11_pub_from_pem((struct jwk11_view){ text, (size_t)len }, &pub, NULL), JWK11_OK);
	EVP_PKEY_free(pkey);
	BIO_free(in);
	BIO_free(out);
	return pub;
}

bool trial_is_key(const struct jwk11_pub *pub, const char *file)
{
	struct jwk11_buf ours = J11_BUF(8192);
	BIO *in = BIO_new_file(trial_path(file), "r"), *out = BIO_new(BIO_s_mem());
	EVP_PKEY *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
	char *text = NULL;
	bool same;

	assert_non_null(pkey);
	assert_int_equal(PEM_write_bio_PUBKEY(out, pkey), 1);
	assert_int_equal(jwk11_pub_pem(pub, &ours, NULL), JWK11_OK);
	same = BIO_get_mem_data(out, &text) == (long)ours.len && memcmp(text, ours.data, ours.len) == 0;
	EVP_PKEY_free(pkey);
	BIO_free(in);
	BIO_free(out);
	j11_buf_done(&ours);
	return same;
}
