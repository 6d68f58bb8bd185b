/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that want their PIN for each operation (CKA_ALWAYS_AUTHENTICATE): refused unless somebody says otherwise, and then given it once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Key k wants its PIN, key l does not. */
#define OBJECTS "private k\nattr CKA_ALWAYS_AUTHENTICATE true\npublic k\nprivate l\npublic l\n"
#define TOKEN "key k p256 $/k.pem\nkey l p256 $/l.pem\ntoken t1\npin 1234\ntries 3\n"

static void start(struct trial *t, bool keep_state, bool allowed)
{
	trial_must(trial_load(t, keep_state), &t->err);
	trial_must(trial_open(t, "pin", 1), &t->err);
	trial_must(trial_list(t, NULL), &t->err);
	jwk11_key_set_context_pin(trial_key(t, "k"), allowed);
}

static void refuses(struct trial *t, const char *code)
{
	enum jwk11_rc rc = trial_sign(t, "k");

	if (rc == JWK11_OK || strcmp(t->err.code, code) != 0)
		fail_msg("wanted %s, got %s: %s", code, t->err.code, t->err.text);
}

static void such_a_key_is_refused_by_default(void **state)
{
	struct trial t;

	(void)state;
	trial_script(TOKEN OBJECTS);
	start(&t, false, false);
	assert_true(jwk11_key_wants_pin(trial_key(&t, "k")));
	assert_false(jwk11_key_wants_pin(trial_key(&t, "l")));
	assert_int_equal(jwk11_key_check(trial_key(&t, "l"), NULL), JWK11_OK);
	t.err = (struct jwk11_err){ 0 };
	assert_int_equal(jwk11_key_check(trial_key(&t, "k"), &t.err), JWK11_ERR_LOGIN);
	assert_string_equal(t.err.code, "KEY_WANTS_PIN");
	assert_non_null(strstr(t.err.hint, "context-pin = yes"));
	trial_count_reset();
	refuses(&t, "KEY_WANTS_PIN");
	assert_int_equal(trial_count("any"), 0);
	trial_must(trial_sign(&t, "l"), &t.err);
	jwk11_key_set_context_pin(trial_key(&t, "k"), true);
	trial_must(trial_sign(&t, "k"), &t.err);
	jwk11_key_set_context_pin(trial_key(&t, "k"), false);
	refuses(&t, "KEY_WANTS_PIN");
	trial_end(&t);
}

static void it_gets_its_pin_once_for_each_signature(void **state)
{
	struct trial t;

	(void)state;
	trial_script(TOKEN OBJECTS);
	start(&t, true, true);
	for (int i = 0; i < 3; i++) {
		trial_count_reset();
		trial_must(trial_sign(&t, "k"), &t.err);
		assert_int_equal(trial_count("C_SignInit"), 1);
		assert_int_equal(trial_count("C_GetTokenInfo"), 1); /* the flags of the PIN */
		assert_int_equal(trial_count("C_Login"), 1);
		assert_int_equal(trial_count("C_Sign"), 1);
		assert_int_equal(trial_count("any"), 4);
		trial_count_reset();
		trial_must(trial_sign(&t, "l"), &t.err);
		assert_int_equal(trial_count("any"), 2);
	}
	trial_end(&t);
}

/* The PIN was changed after we logged in. The memory is that of the token's login: no context, no later start sends it again. */
static void a_refused_pin_is_never_sent_again(void **state)
{
	struct trial t;

	(void)state;
	trial_script(TOKEN OBJECTS);
	start(&t, true, true);
	trial_write("pin", "9876\n");
	for (int i = 0; i < 3; i++) {
		refuses(&t, "PIN_REJECTED");
		assert_int_equal(t.err.has_ckr, i == 0);
		assert_int_equal(trial_count("pin:t1"), 1);
	}
	trial_must(trial_sign(&t, "l"), &t.err);
	trial_end(&t);
	trial_must(trial_load(&t, true), &t.err);
	assert_int_equal(trial_open(&t, "pin", 1), JWK11_ERR_LOGIN);
	assert_string_equal(t.err.code, "PIN_REJECTED");
	assert_int_equal(trial_count("pin:t1"), 1);
	trial_end(&t);
	trial_write("pin", "1234\n");
	start(&t, true, true);
	trial_must(trial_sign(&t, "k"), &t.err);
	assert_int_equal(trial_count("pin:t1"), 0);
	trial_end(&t);
}

static void the_last_try_is_left_alone(void **state)
{
	unsigned long logins;
	struct trial t;

	(void)state;
	trial_script(TOKEN OBJECTS);
	start(&t, false, true);
	trial_write("pin", "9876\n");
	refuses(&t, "PIN_REJECTED");
	trial_write("pin", "9875\n");
	refuses(&t, "PIN_REJECTED");
	assert_int_equal(trial_count("pin:t1"), 2);
	logins = trial_count("C_Login");
	trial_write("pin", "1234\n");
	refuses(&t, "PIN_FINAL_TRY");
	assert_int_equal(trial_count("C_Login"), logins);
	trial_must(trial_sign(&t, "l"), &t.err);
	trial_end(&t);
}

/* Whatever C_Login says, there is one call of it in a request; what was no refusal may be tried in the next. */
static void answers_to_such_a_login_are_told_apart(void **state)
{
	static const struct {
		const char *answer, *code;
		bool again;
	} rows[] = {
		{ "CKR_PIN_INCORRECT", "PIN_REJECTED", false }, { "CKR_PIN_INVALID", "PIN_REJECTED", false }, { "CKR_PIN_LEN_RANGE", "PIN_REJECTED", false },
		{ "CKR_PIN_LOCKED", "PIN_LOCKED", false }, { "CKR_PIN_EXPIRED", "PIN_EXPIRED", false }, { "0x80000001", "PIN_REJECTED", false },
		{ "CKR_DEVICE_ERROR", "TOKEN_FAILED", true }, { "CKR_TOKEN_NOT_PRESENT", "TOKEN_ABSENT", true },
		{ "CKR_SESSION_HANDLE_INVALID", "TOKEN_FAILED", true }, { "CKR_OPERATION_NOT_INITIALIZED", "UNSUPPORTED", true },
		{ "CKR_USER_TYPE_INVALID", "UNSUPPORTED", true }, { "CKR_FUNCTION_NOT_SUPPORTED", "UNSUPPORTED", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum jwk11_rc rc;
		struct trial t;

		trial_script(TOKEN OBJECTS "fault C_Login on 2 %s\n", rows[i].answer);
		start(&t, false, true);
		refuses(&t, rows[i].code);
		assert_int_equal(trial_count("C_Login"), 2);
		assert_int_equal(trial_count("C_Sign"), 0);
		trial_must(trial_sign(&t, "l"), &t.err); /* the session has no operation left in it */
		rc = trial_sign(&t, "k");
		if ((rc == JWK11_OK) != rows[i].again || trial_count("C_Login") != (rows[i].again ? 3 : 2))
			fail_msg("%s, again: %s, %lu C_Login: %s", rows[i].answer, jwk11_rc_name(rc), trial_count("C_Login"), t.err.text);
		trial_end(&t);
	}
}

/* The token's own word after a PIN that it took is not a refusal: once more, with the PIN it took. */
static void losses_are_made_good(void **state)
{
	static const struct {
		const char *fault;
		unsigned long logins; /* with the first one */
	} rows[] = {
		{ "C_SignInit on 1 CKR_SESSION_HANDLE_INVALID", 2 }, /* before the PIN was sent */
		{ "C_Sign on 1 CKR_DEVICE_REMOVED", 3 },
		{ "C_Sign on 1 CKR_USER_NOT_LOGGED_IN", 3 },
		{ "C_SignInit on 1 lose t1", 3 },
		{ "C_Sign on 1 lose t1", 4 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct trial t;

		trial_script(TOKEN OBJECTS "fault %s\n", rows[i].fault);
		start(&t, true, true);
		trial_must(trial_sign(&t, "k"), &t.err);
		if (trial_count("C_Login") != rows[i].logins)
			fail_msg("%s: %lu C_Login", rows[i].fault, trial_count("C_Login"));
		trial_must(trial_sign(&t, "l"), &t.err);
		trial_end(&t);
	}
}

static void without_its_file_there_is_no_pin(void **state)
{
	struct trial t;

	(void)state;
	trial_script(TOKEN OBJECTS);
	start(&t, false, true);
	assert_int_equal(unlink(trial_path("pin")), 0);
	refuses(&t, "PIN_FILE");
	assert_int_equal(trial_count("C_Login"), 1);
	trial_must(trial_sign(&t, "l"), &t.err);
	trial_write("pin", "1234\n");
	trial_must(trial_sign(&t, "k"), &t.err);
	trial_end(&t);
	trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nflags TOKEN_INITIALIZED\nprivate k\nattr CKA_ALWAYS_AUTHENTICATE true\npublic k\n");
	trial_must(trial_load(&t, false), &t.err);
	trial_must(trial_open(&t, NULL, 1), &t.err); /* a token that wants no login has a key that wants a PIN */
	trial_must(trial_list(&t, NULL), &t.err);
	jwk11_key_set_context_pin(trial_key(&t, "k"), true);
	refuses(&t, "PIN_MISSING");
	assert_int_equal(trial_count("C_Login"), 0);
	trial_end(&t);
}

struct turns {
	unsigned begun, ended;
	bool refuse;
};

static bool begin(void *arg)
{
	struct turns *turns = arg;

	turns->begun++;
	return !turns->refuse;
}

static void end(void *arg)
{
	((struct turns *)arg)->ended++;
}

static void it_takes_its_turn_to_log_in(void **state)
{
	struct turns turns = { .begun = 0 };
	struct jwk11_login_hook hook = { begin, end, &turns };
	struct trial t;

	(void)state;
	trial_script(TOKEN OBJECTS);
	start(&t, false, true);
	jwk11_context_set_login_hook(t.ctx, &hook);
	trial_must(trial_sign(&t, "k"), &t.err);
	assert_true(turns.begun == 1 && turns.ended == 1);
	turns.refuse = true;
	refuses(&t, "BUSY");
	assert_true(turns.begun == 2 && turns.ended == 1);
	turns.refuse = false;
	trial_must(trial_sign(&t, "k"), &t.err);
	assert_true(turns.begun == 3 && turns.ended == 2);
	trial_end(&t);
}

/* A JWE to the public half, and back through the token. */
static enum jwk11_rc decrypt(struct trial *t, const char *uri, bool allowed)
{
	struct jwk11_buf jwe = J11_BUF(8192), plain = J11_BUF(8192);
	struct jwk11_keys *keys = NULL;
	struct jwk11_key *key;
	enum jwk11_rc rc;

	t->err = (struct jwk11_err){ 0 };
	trial_must(jwk11_token_keys_for(t->token, uri, JWK11_USE_ENC, &keys, &t->err), &t->err);
	assert_int_equal(jwk11_keys_count(keys), 1);
	key = jwk11_keys_get(keys, 0);
	jwk11_key_set_context_pin(key, allowed);
	trial_must(jwk11_pub_encrypt(jwk11_key_pub(key), NULL, NULL, NULL, NULL, J11_VIEW("secret"), &jwe, &t->err), &t->err);
	trial_count_reset();
	rc = jwk11_key_decrypt(key, NULL, NULL, j11_buf_view(&jwe), &plain, &t->err);
	if (rc == JWK11_OK)
		assert_string_equal(jwk11_buf_data(&plain), "secret");
	else
		assert_int_equal(plain.len, 0);
	j11_buf_done(&jwe);
	j11_buf_done(&plain);
	jwk11_keys_free(keys);
	return rc;
}

#define FOR_RSA "attr CKA_SIGN false\nattr CKA_DECRYPT true\n"
#define FOR_EC "attr CKA_SIGN false\nattr CKA_DERIVE true\n"

static void decryption_asks_for_it_too(void **state)
{
	static const struct {
		const char *key, *attrs, *token;
		bool allowed;
		const char *code;
		unsigned long logins;
	} rows[] = {
		{ "rsa2048", FOR_RSA, "", true, "", 0 },
		{ "rsa2048", FOR_RSA "attr CKA_ALWAYS_AUTHENTICATE true\n", "", false, "KEY_WANTS_PIN", 0 },
		{ "rsa2048", FOR_RSA "attr CKA_ALWAYS_AUTHENTICATE true\n", "", true, "", 1 },
		{ "p256", FOR_EC, "", true, "", 0 },
		{ "p256", FOR_EC "attr CKA_ALWAYS_AUTHENTICATE true\n", "context early\n", false, "KEY_WANTS_PIN", 0 },
		{ "p256", FOR_EC "attr CKA_ALWAYS_AUTHENTICATE true\n", "context early\n", true, "", 1 },
		{ "p256", FOR_EC "attr CKA_ALWAYS_AUTHENTICATE true\n", "", true, "UNSUPPORTED", 1 }, /* no PIN without an operation to give it to */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum jwk11_rc rc;
		struct trial t;

		trial_script("key k %s $/%s-k.pem\ntoken t1\npin 1234\n%sprivate k\n%spublic k\n", rows[i].key, rows[i].key, rows[i].token, rows[i].attrs);
		trial_must(trial_load(&t, false), &t.err);
		trial_must(trial_open(&t, "pin", 1), &t.err);
		for (int again = 0; again < 2; again++) {
			rc = decrypt(&t, "pkcs11:object=k", rows[i].allowed);
			if (strcmp(t.err.code, rows[i].code) != 0 || (rc == JWK11_OK) != (rows[i].code[0] == '\0') || trial_count("C_Login") != rows[i].logins)
				fail_msg("%s %s%s: %s %s, %lu C_Login", rows[i].key, rows[i].token, rows[i].attrs, t.err.code, t.err.text, trial_count("C_Login"));
			assert_int_equal(trial_count("pin:t1"), 0);
		}
		trial_end(&t);
	}
}

struct job {
	struct trial *t;
	const char *label;
	unsigned n_good;
};

static void *sign_many(void *arg)
{
	struct job *job = arg;
	struct jwk11_buf sig = J11_BUF(512);

	for (int i = 0; i < 50; i++) {
		jwk11_buf_reset(&sig);
		if (jwk11_key_sign(trial_key(job->t, job->label), "ES256", JWK11_INPUT_MESSAGE, J11_VIEW("many"), &sig, NULL) == JWK11_OK)
			job->n_good++;
	}
	j11_buf_done(&sig);
	return NULL;
}

static void threads_do_not_get_in_each_others_way(void **state)
{
	struct trial t;
	struct job jobs[] = { { &t, "k", 0 }, { &t, "l", 0 }, { &t, "k", 0 }, { &t, "l", 0 } };
	pthread_t threads[COUNT(jobs)];

	(void)state;
	trial_script(TOKEN OBJECTS);
	trial_must(trial_load(&t, true), &t.err);
	trial_must(trial_open(&t, "pin", 3), &t.err);
	trial_must(trial_list(&t, NULL), &t.err);
	jwk11_key_set_context_pin(trial_key(&t, "k"), true);
	for (size_t i = 0; i < COUNT(jobs); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &jobs[i]), 0);
	for (size_t i = 0; i < COUNT(jobs); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(jobs[i].n_good, 50);
	}
	assert_int_equal(trial_count("C_Login"), 1 + 2 * 50);
	assert_int_equal(trial_count("pin:t1"), 0);
	trial_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(such_a_key_is_refused_by_default),
		cmocka_unit_test(it_gets_its_pin_once_for_each_signature),
		cmocka_unit_test(a_refused_pin_is_never_sent_again),
		cmocka_unit_test(the_last_try_is_left_alone),
		cmocka_unit_test(answers_to_such_a_login_are_told_apart),
		cmocka_unit_test(losses_are_made_good),
		cmocka_unit_test(without_its_file_there_is_no_pin),
		cmocka_unit_test(it_takes_its_turn_to_log_in),
		cmocka_unit_test(decryption_asks_for_it_too),
		cmocka_unit_test(threads_do_not_get_in_each_others_way),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
