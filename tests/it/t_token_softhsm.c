/* SPDX-License-Identifier: Apache-2.0 */
/* The token layer against a real SoftHSM token of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/alg.h"
#include "token/provision.h"

#ifndef SOFTHSM_MODULE
#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#endif

static char dir[256];

static const struct {
	const char *alg, *label;
} pairs[] = { { "ES256", "es256" }, { "ES384", "es384" }, { "ES512", "es512" }, { "ES256K", "es256k" }, { "RS256", "rs256" }, { "EdDSA", "eddsa" },
	{ "Ed448", "ed448" } };
/* Secret keys, as long as their hash. */
static const struct {
	const char *alg, *label, *algs;
} secrets[] = { { "HS256", "hs256", "HS256" }, { "HS384", "hs384", "HS256 HS384" }, { "HS512", "hs512", "HS256 HS384 HS512" } };

static void path_of(char room[512], const char *name)
{
	snprintf(room, 512, "%s/%s", dir, name);
}

static void write_text(const char *name, const char *text, mode_t mode)
{
	char path[512];
	FILE *f;

	path_of(path, name);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void must(enum jwk11_rc rc, const struct jwk11_err *err)
{
	if (rc != JWK11_OK)
		fail_msg("%s: %s", jwk11_rc_name(rc), err->text);
}

static struct jwk11_context *new_context(void)
{
	struct jwk11_context *ctx = NULL;
	struct jwk11_err err = { 0 };
	char state[512];

	path_of(state, "state");
	must(jwk11_context_new(&ctx, &err), &err);
	must(jwk11_context_load(ctx, SOFTHSM_MODULE, &err), &err);
	must(jwk11_context_set_state_dir(ctx, state, &err), &err);
	return ctx;
}

static enum jwk11_rc open_with(struct jwk11_context *ctx, const char *pin_name, struct jwk11_token **token, struct jwk11_err *err)
{
	char pin[512];
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .pin_file = pin, .n_sessions = 2 };

	path_of(pin, pin_name);
	return jwk11_token_open(ctx, &config, token, err);
}

static int set_up(void **state)
{
	struct jwk11_context *ctx;
	struct jwk11_token *token = NULL;
	struct j11_secret *pin = NULL;
	struct jwk11_err err = { 0 };
	char conf[1024], path[512];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/jwk11-token-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	path_of(path, "tokens");
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(conf, sizeof(conf), "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", path);
	path_of(path, "state");
	assert_int_equal(mkdir(path, 0700), 0);
	write_text("softhsm2.conf", conf, 0600);
	write_text("pin", "1234\n", 0400);
	write_text("wrong", "9999\n", 0400);
	write_text("open", "1234\n", 0644);
	path_of(path, "softhsm2.conf");
	setenv("SOFTHSM2_CONF", path, 1);

	ctx = new_context();
	must(j11_secret_from_bytes("1234", 4, &pin, &err), &err);
	must(j11_provision_token(ctx, SOFTHSM_MODULE, "t1", pin, pin, &err), &err);
	j11_secret_free(pin);
	must(jwk11_context_reload(ctx, &err), &err);
	must(open_with(ctx, "pin", &token, &err), &err);
	for (size_t i = 0; i < J11_COUNT(pairs); i++)
		must(j11_provision_key(token, pairs[i].alg, 0, pairs[i].label, NULL, &err), &err);
	for (size_t i = 0; i < J11_COUNT(secrets); i++)
		must(j11_provision_key(token, secrets[i].alg, 0, secrets[i].label, NULL, &err), &err);
	assert_int_equal(j11_provision_key(token, "ES256", 0, "es256", NULL, &err), JWK11_ERR_AMBIGUOUS);
	assert_int_equal(j11_provision_key(token, "HS256", 0, "hs256", NULL, NULL), JWK11_ERR_AMBIGUOUS);
	assert_int_equal(j11_provision_key(token, "ES257", 0, "none", NULL, NULL), JWK11_ERR_UNSUPPORTED);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return 0;
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

static struct jwk11_key *one_key_of(struct jwk11_token *token, const char *uri, struct jwk11_keys **keys)
{
	struct jwk11_err err = { 0 };

	must(jwk11_token_keys(token, uri, keys, &err), &err);
	assert_int_equal(jwk11_keys_count(*keys), 1);
	return jwk11_keys_get(*keys, 0);
}

static struct jwk11_key *one_key(struct jwk11_token *token, const char *label, struct jwk11_keys **keys)
{
	char uri[128];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	return one_key_of(token, uri, keys);
}

static void lists_keys_with_their_public_halves(void **state)
{
	struct jwk11_context *ctx = new_context();
	struct jwk11_token *token = NULL;
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	must(open_with(ctx, "pin", &token, &err), &err);
	must(jwk11_token_keys(token, NULL, &keys, &err), &err);
	assert_int_equal(jwk11_keys_count(keys), J11_COUNT(pairs));
	assert_int_equal(jwk11_keys_n_skipped(keys), 0);
	assert_string_equal(jwk11_key_label(jwk11_keys_get(keys, 0)), "ed448");
	assert_null(jwk11_keys_get(keys, J11_COUNT(pairs)));
	for (size_t i = 0; i < jwk11_keys_count(keys); i++) /* what we make ourselves has nothing against it */
		if (jwk11_key_health(jwk11_keys_get(keys, i)) != 0)
			fail_msg("%s: health %u", jwk11_key_label(jwk11_keys_get(keys, i)), jwk11_key_health(jwk11_keys_get(keys, i)));
	jwk11_keys_free(keys);
	must(jwk11_token_keys(token, "pkcs11:object=nobody", &keys, &err), &err);
	assert_int_equal(jwk11_keys_count(keys), 0);
	jwk11_keys_free(keys);
	must(jwk11_token_keys(token, "pkcs11:token=other;object=es256", &keys, &err), &err);
	assert_int_equal(jwk11_keys_count(keys), 0);
	jwk11_keys_free(keys);
	assert_int_equal(jwk11_token_keys(token, "pkcs11:object=es256?pin-value=1234", &keys, &err), JWK11_ERR_SYNTAX);
	assert_null(strstr(err.text, "1234"));
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
}

static void signs_with_every_algorithm(void **state)
{
	struct jwk11_context *ctx = new_context();
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_buf sig = J11_BUF(4096);
	size_t n_signed = 0;

	(void)state;
	must(open_with(ctx, "pin", &token, &err), &err);
	for (size_t k = 0; k < J11_COUNT(pairs); k++) {
		struct jwk11_keys *keys = NULL;
		struct jwk11_key *key = one_key(token, pairs[k].label, &keys);

		for (size_t i = 0; j11_alg_at(i) != NULL; i++) {
			const struct j11_alg *alg = j11_alg_at(i);
			unsigned char digest[J11_HASH_MAX];
			struct jwk11_view d = { digest, j11_hash_len(alg->hash) };
			enum jwk11_rc rc;

			jwk11_buf_reset(&sig);
			err = (struct jwk11_err){ 0 };
			rc = jwk11_key_sign(key, alg->name, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &err);
			if (!jwk11_key_can(key, alg->name)) {
				assert_int_equal(rc, JWK11_ERR_MISMATCH);
				assert_int_equal(sig.len, 0);
				continue;
			}
			must(rc, &err);
			must(jwk11_pub_verify(jwk11_key_pub(key), alg->name, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), j11_buf_view(&sig), &err), &err);
			assert_int_equal(jwk11_pub_verify(jwk11_key_pub(key), alg->name, JWK11_INPUT_MESSAGE, J11_VIEW("hellp"), j11_buf_view(&sig), NULL),
				JWK11_ERR_SIGNATURE);
			n_signed++;
			if (!j11_alg_takes_digests(alg)) {
				assert_int_equal(jwk11_key_sign(key, alg->name, JWK11_INPUT_DIGEST, J11_VIEW("x"), &sig, NULL), JWK11_ERR_MISMATCH);
				continue;
			}
			jwk11_buf_reset(&sig);
			must(j11_hash_digest(alg->hash, J11_VIEW("hello"), digest, &err), &err);
			must(jwk11_key_sign(key, alg->name, JWK11_INPUT_DIGEST, d, &sig, &err), &err);
			must(jwk11_pub_verify(jwk11_key_pub(key), alg->name, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), j11_buf_view(&sig), &err), &err);
			d.len--;
			assert_int_equal(jwk11_key_sign(key, alg->name, JWK11_INPUT_DIGEST, d, &sig, NULL), JWK11_ERR_MISMATCH);
		}
		jwk11_keys_free(keys);
	}
	assert_int_equal(n_signed, 4 + 6 + 2 + 2);
	j11_buf_done(&sig);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
}

/* HMAC with keys that SoftHSM made: every algorithm that a key is long enough for, checked on the token; no attribute gives the key away. */
static void makes_and_checks_macs(void **state)
{
	struct jwk11_context *ctx = new_context();
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_buf sig = J11_BUF(64);

	(void)state;
	must(open_with(ctx, "pin", &token, &err), &err);
	for (size_t k = 0; k < J11_COUNT(secrets); k++) {
		struct jwk11_keys *keys = NULL;
		struct jwk11_key *key;
		char uri[128];

		snprintf(uri, sizeof(uri), "pkcs11:object=%s;type=secret-key", secrets[k].label);
		key = one_key_of(token, uri, &keys);
		assert_null(jwk11_key_pub(key));
		assert_int_equal(jwk11_key_bits(key), strtoul(secrets[k].alg + 2, NULL, 10));
		for (size_t i = 0; j11_alg_at(i) != NULL; i++) {
			const char *alg = j11_alg_at(i)->name;
			bool can = strstr(secrets[k].algs, alg) != NULL;

			jwk11_buf_reset(&sig);
			assert_int_equal(jwk11_key_can(key, alg), can);
			assert_int_equal(jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, NULL), can ? JWK11_OK : JWK11_ERR_MISMATCH);
			if (!can)
				continue;
			must(jwk11_key_verify(key, alg, J11_VIEW("hello"), j11_buf_view(&sig), &err), &err);
			assert_int_equal(jwk11_key_verify(key, alg, J11_VIEW("hellp"), j11_buf_view(&sig), NULL), JWK11_ERR_SIGNATURE);
			sig.data[0] ^= 1;
			assert_int_equal(jwk11_key_verify(key, alg, J11_VIEW("hello"), j11_buf_view(&sig), NULL), JWK11_ERR_SIGNATURE);
		}
		jwk11_keys_free(keys);
	}
	j11_buf_done(&sig);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
}

static void sends_a_wrong_pin_once(void **state)
{
	struct jwk11_context *ctx = new_context();
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(open_with(ctx, "wrong", &token, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "PIN_REJECTED");
	assert_true(err.has_ckr);
	err = (struct jwk11_err){ 0 };
	assert_int_equal(open_with(ctx, "wrong", &token, &err), JWK11_ERR_LOGIN);
	assert_false(err.has_ckr);
	jwk11_context_free(ctx);

	ctx = new_context();
	err = (struct jwk11_err){ 0 };
	assert_int_equal(open_with(ctx, "wrong", &token, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "PIN_REJECTED");
	assert_false(err.has_ckr); /* not sent: a new context remembers through the state directory */
	must(open_with(ctx, "pin", &token, &(struct jwk11_err){ 0 }), &err);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
}

static void refuses_what_it_cannot_open(void **state)
{
	struct jwk11_context *ctx = new_context();
	struct jwk11_token_config config = { .uri = "pkcs11:token=absent" };
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(jwk11_token_open(ctx, &config, &token, &err), JWK11_ERR_ABSENT);
	assert_string_equal(err.code, "TOKEN_ABSENT");
	err = (struct jwk11_err){ 0 };
	config.uri = "pkcs11:token=t1";
	assert_int_equal(jwk11_token_open(ctx, &config, &token, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "PIN_MISSING");
	err = (struct jwk11_err){ 0 };
	assert_int_equal(open_with(ctx, "open", &token, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "PIN_FILE");
	assert_null(token);
	assert_int_equal(jwk11_context_load(ctx, "no-such-module", NULL), JWK11_ERR_NOT_FOUND);
	assert_int_equal(jwk11_context_load(ctx, "/nonexistent.so", NULL), JWK11_ERR_NOT_FOUND);
	jwk11_context_free(ctx);
}

struct job {
	struct jwk11_key *key;
	unsigned n_good;
};

static void *sign_many(void *arg)
{
	struct job *job = arg;
	struct jwk11_buf sig = J11_BUF(512);

	for (int i = 0; i < 50; i++) {
		jwk11_buf_reset(&sig);
		if (jwk11_key_sign(job->key, "ES256", JWK11_INPUT_MESSAGE, J11_VIEW("many"), &sig, NULL) == JWK11_OK)
			job->n_good++;
	}
	j11_buf_done(&sig);
	return NULL;
}

static void serves_more_threads_than_sessions(void **state)
{
	struct jwk11_context *ctx = new_context();
	struct jwk11_token *token = NULL;
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	struct job jobs[4] = { { 0 } };
	pthread_t threads[4];

	(void)state;
	must(open_with(ctx, "pin", &token, &err), &err);
	jobs[0].key = one_key(token, "es256", &keys);
	for (int i = 0; i < 4; i++) {
		jobs[i].key = jobs[0].key;
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &jobs[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(jobs[i].n_good, 50);
	}
	jwk11_keys_free(keys);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
}

static void survives_each_failing_allocation(void **state)
{
	struct jwk11_context *ctx = new_context();
	struct jwk11_token *token = NULL;
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_buf jws = J11_BUF(4096);
	unsigned long n = 1;

	(void)state;
	must(open_with(ctx, "pin", &token, &err), &err);
	for (enum jwk11_rc rc = JWK11_ERR_MEMORY; rc != JWK11_OK; n++) {
		keys = NULL;
		j11_mem_fail_at(n, 1);
		err = (struct jwk11_err){ 0 };
		rc = jwk11_token_keys(token, "pkcs11:object=es256", &keys, &err);
		if (rc == JWK11_OK)
			rc = jwk11_key_jws(jwk11_keys_get(keys, 0), "ES256", "k", "{\"typ\":\"t\"}", J11_VIEW("payload"), &jws, &err);
		j11_mem_fail_at(0, 0);
		jwk11_keys_free(keys);
		if (rc != JWK11_OK && rc != JWK11_ERR_MEMORY)
			fail_msg("allocation %lu: %s: %s", n, jwk11_rc_name(rc), err.text);
		j11_buf_done(&jws);
		assert_true(n < 1000);
	}
	assert_true(n > 5);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_keys_with_their_public_halves),
		cmocka_unit_test(signs_with_every_algorithm),
		cmocka_unit_test(makes_and_checks_macs),
		cmocka_unit_test(sends_a_wrong_pin_once),
		cmocka_unit_test(refuses_what_it_cannot_open),
		cmocka_unit_test(serves_more_threads_than_sessions),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
