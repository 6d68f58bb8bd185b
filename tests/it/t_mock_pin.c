/* SPDX-License-Identifier: Apache-2.0 */
/* When a PIN is sent and when it is not, against a token that counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <string.h>

#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One token with an honest key k. */
#define HONEST "key k p256 $/k.pem\ntoken t1\npin 1234\nprivate k\npublic k\n"
#define LOGIN_ "TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED"

static void pin_flags_decide_whether_a_pin_is_sent(void **state)
{
	static const struct {
		const char *flags, *pin, *code;
		unsigned long logins;
		const char *missing; /* what the library lacks for it today */
	} rows[] = {
		{ LOGIN_, "pin", "", 1, NULL },
		{ LOGIN_, NULL, "PIN_MISSING", 0, NULL },
		{ LOGIN_, "no-such-file", "PIN_FILE", 0, NULL },
		{ LOGIN_ " USER_PIN_COUNT_LOW", "pin", "", 1, NULL },
		{ LOGIN_ " USER_PIN_FINAL_TRY", "pin", "PIN_FINAL_TRY", 0, NULL },
		{ LOGIN_ " USER_PIN_LOCKED", "pin", "PIN_LOCKED", 0, NULL },
		{ LOGIN_ " USER_PIN_TO_BE_CHANGED", "pin", "PIN_EXPIRED", 0, NULL },
		{ LOGIN_ " USER_PIN_COUNT_LOW USER_PIN_FINAL_TRY", "pin", "PIN_FINAL_TRY", 0, NULL },
		{ "TOKEN_INITIALIZED", "pin", "", 0, NULL },
		{ "TOKEN_INITIALIZED", NULL, "", 0, NULL },
		{ "TOKEN_INITIALIZED USER_PIN_LOCKED", "pin", "", 0, NULL },
		{ "LOGIN_REQUIRED", "pin", "TOKEN_ABSENT", 0, NULL }, /* not initialised: hidden */
		/* Somebody must type on the reader: no C_Login, with or without a PIN, unless configured so. */
		{ LOGIN_ " PROTECTED_AUTHENTICATION_PATH", "pin", "PIN_PAD", 0, NULL },
		{ LOGIN_ " PROTECTED_AUTHENTICATION_PATH", NULL, "PIN_PAD", 0, NULL },
		{ LOGIN_ " PROTECTED_AUTHENTICATION_PATH USER_PIN_LOCKED", NULL, "PIN_LOCKED", 0, NULL },
		{ "TOKEN_INITIALIZED PROTECTED_AUTHENTICATION_PATH", NULL, "", 0, NULL }, /* has a pad, wants no login */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct trial t;
		enum jwk11_rc rc;
		bool right;

		trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nflags %s\nprivate k\npublic k\n", rows[i].flags);
		trial_must(trial_load(&t, false), &t.err);
		rc = trial_open(&t, rows[i].pin, 1);
		if (rc == JWK11_OK && (rc = trial_list(&t, NULL)) == JWK11_OK)
			rc = trial_sign(&t, "k");
		right = strcmp(t.err.code, rows[i].code) == 0 && (rc == JWK11_OK) == (rows[i].code[0] == '\0') &&
			trial_count("C_Login") == rows[i].logins;
		if (right != (rows[i].missing == NULL))
			fail_msg("flags %s, PIN %s: %s, %lu C_Login, wanted \"%s\", %lu%s%s", rows[i].flags, rows[i].pin ? rows[i].pin : "none", t.err.code,
				trial_count("C_Login"), rows[i].code, rows[i].logins, right ? "; no longer missing: " : "", right ? rows[i].missing : "");
		trial_end(&t);
	}
}

static void a_wrong_pin_is_sent_once_by_all_contexts(void **state)
{
	struct trial t;

	(void)state;
	trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\ntries 3\nprivate k\npublic k\n");
	for (int start = 0; start < 3; start++) {
		trial_must(trial_load(&t, true), &t.err);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(trial_open(&t, "wrong", 1), JWK11_ERR_LOGIN);
			assert_string_equal(t.err.code, "PIN_REJECTED");
			assert_int_equal(trial_count("C_Login"), 1);
			assert_int_equal(trial_count("pin:t1"), 1);
		}
		trial_end(&t);
	}
	trial_must(trial_load(&t, true), &t.err); /* the right one is another PIN; the flags say low and let it through */
	trial_must(trial_open(&t, "pin", 1), &t.err);
	assert_int_equal(trial_count("pin:t1"), 0);
	trial_end(&t);
}

static void answers_to_a_login_are_told_apart(void **state)
{
	static const struct {
		const char *answer, *code;
		bool again; /* may the same PIN be sent again? */
	} rows[] = {
		{ "CKR_PIN_INCORRECT", "PIN_REJECTED", false }, { "CKR_PIN_INVALID", "PIN_REJECTED", false },
		{ "CKR_PIN_LEN_RANGE", "PIN_REJECTED", false }, { "CKR_PIN_LOCKED", "PIN_LOCKED", false },
		{ "CKR_PIN_EXPIRED", "PIN_EXPIRED", false }, { "CKR_FUNCTION_CANCELED", "PIN_REJECTED", false },
		{ "0x80000001", "PIN_REJECTED", false }, { "CKR_DEVICE_ERROR", "TOKEN_FAILED", true },
		{ "CKR_DEVICE_REMOVED", "TOKEN_ABSENT", true }, { "CKR_TOKEN_NOT_PRESENT", "TOKEN_ABSENT", true },
		{ "CKR_SESSION_HANDLE_INVALID", "TOKEN_FAILED", true }, { "CKR_HOST_MEMORY", "TOKEN_FAILED", true },
		{ "CKR_GENERAL_ERROR", "TOKEN_FAILED", true }, { "CKR_USER_ALREADY_LOGGED_IN", "", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct trial t;
		enum jwk11_rc rc;

		trial_script(HONEST "fault C_Login on 1 %s\n", rows[i].answer);
		trial_must(trial_load(&t, false), &t.err);
		rc = trial_open(&t, "pin", 1);
		if (strcmp(t.err.code, rows[i].code) != 0)
			fail_msg("%s: %s: %s", rows[i].answer, t.err.code, t.err.text);
		rc = trial_open(&t, "pin", 1);
		if ((rc == JWK11_OK) != rows[i].again || trial_count("C_Login") != (rows[i].again ? 2 : 1) ||
			(!rows[i].again && strcmp(t.err.code, rows[i].code) != 0))
			fail_msg("%s, again: %s, %lu C_Login: %s", rows[i].answer, jwk11_rc_name(rc), trial_count("C_Login"), t.err.text);
		trial_end(&t);
	}
}

/* The PIN was changed while we were away: the login after the loss uses up one try, not one per request. */
static void a_pin_refused_after_a_loss_is_not_tried_again(void **state)
{
	struct trial t;

	(void)state;
	trial_script(HONEST "fault C_Sign on 2 lose t1\nfault C_Login from 2 CKR_PIN_INCORRECT\n");
	trial_must(trial_start(&t), &t.err);
	trial_must(trial_sign(&t, "k"), &t.err);
	for (int i = 0; i < 4; i++) {
		enum jwk11_rc rc = trial_sign(&t, "k");

		assert_int_not_equal(rc, JWK11_OK);
		assert_true(t.err.rc == rc && t.err.text[0] != '\0');
		assert_int_equal(trial_count("C_Login"), 2);
	}
	jwk11_keys_free(t.keys);
	t.keys = NULL;
	assert_int_equal(trial_open(&t, "pin", 1), JWK11_ERR_LOGIN);
	assert_int_equal(trial_count("C_Login"), 2);
	trial_end(&t);
}

static enum jwk11_rc open_as(struct trial *t, enum jwk11_login_mode mode, const char *pin, struct jwk11_token **ret_token)
{
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .pin_file = pin ? trial_path(pin) : NULL, .login = mode, .login_timeout_s = 1 };

	t->err = (struct jwk11_err){ 0 };
	return jwk11_token_open(t->ctx, &config, ret_token, &t->err);
}

static void signs(struct jwk11_token *token, enum jwk11_rc wanted)
{
	struct jwk11_buf sig = J11_BUF(512);
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = jwk11_token_keys(token, NULL, &keys, &err);

	if (rc == JWK11_OK && jwk11_keys_count(keys) == 0)
		rc = JWK11_ERR_NOT_FOUND;
	if (rc == JWK11_OK)
		rc = jwk11_key_sign(jwk11_keys_get(keys, 0), "ES256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &err);
	if (rc != wanted)
		fail_msg("%s %s: %s", jwk11_rc_name(rc), err.code, err.text);
	jwk11_keys_free(keys);
	j11_buf_done(&sig);
}

/* What the token says of logins is not always so (login = always, never). */
static void the_login_mode_comes_before_the_tokens_word(void **state)
{
	static const struct {
		const char *flags;
		enum jwk11_login_mode mode;
		const char *pin, *code;
		unsigned long logins;
		enum jwk11_rc sign;
	} rows[] = {
		{ "TOKEN_INITIALIZED", JWK11_LOGIN_AUTO, "pin", "", 0, JWK11_OK },
		{ "TOKEN_INITIALIZED", JWK11_LOGIN_ALWAYS, "pin", "", 1, JWK11_OK },
		{ "TOKEN_INITIALIZED", JWK11_LOGIN_ALWAYS, NULL, "PIN_MISSING", 0, JWK11_OK },
		{ "TOKEN_INITIALIZED", JWK11_LOGIN_ALWAYS, "wrong", "PIN_REJECTED", 1, JWK11_OK },
		{ "TOKEN_INITIALIZED", JWK11_LOGIN_NEVER, NULL, "", 0, JWK11_OK },
		{ LOGIN_, JWK11_LOGIN_NEVER, NULL, "", 0, JWK11_ERR_NOT_FOUND }, /* private objects are not seen */
		{ LOGIN_, JWK11_LOGIN_NEVER, "pin", "", 0, JWK11_ERR_NOT_FOUND },
		{ LOGIN_, JWK11_LOGIN_ALWAYS, "pin", "", 1, JWK11_OK },
		{ LOGIN_ " PROTECTED_AUTHENTICATION_PATH", JWK11_LOGIN_NEVER, NULL, "", 0, JWK11_ERR_NOT_FOUND },
		{ LOGIN_ " PROTECTED_AUTHENTICATION_PATH", JWK11_LOGIN_PROTECTED, NULL, "", 1, JWK11_OK },
		{ LOGIN_ " PROTECTED_AUTHENTICATION_PATH USER_PIN_FINAL_TRY", JWK11_LOGIN_PROTECTED, NULL, "PIN_FINAL_TRY", 0, JWK11_OK },
		{ LOGIN_ " PROTECTED_AUTHENTICATION_PATH USER_PIN_LOCKED", JWK11_LOGIN_PROTECTED, NULL, "PIN_LOCKED", 0, JWK11_OK },
		{ "TOKEN_INITIALIZED PROTECTED_AUTHENTICATION_PATH", JWK11_LOGIN_PROTECTED, NULL, "", 0, JWK11_OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_token *token = NULL;
		struct trial t;
		enum jwk11_rc rc;

		trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nflags %s\nprivate k\npublic k\n", rows[i].flags);
		trial_must(trial_load(&t, false), &t.err);
		rc = open_as(&t, rows[i].mode, rows[i].pin, &token);
		if (strcmp(t.err.code, rows[i].code) != 0 || (rc == JWK11_OK) != (rows[i].code[0] == '\0') || trial_count("C_Login") != rows[i].logins)
			fail_msg("flags %s, mode %d, PIN %s: \"%s\" %s, %lu C_Login", rows[i].flags, (int)rows[i].mode, rows[i].pin ? rows[i].pin : "none",
				t.err.code, t.err.text, trial_count("C_Login"));
		if (rc == JWK11_OK)
			signs(token, rows[i].sign);
		jwk11_token_unref(token);
		trial_end(&t);
	}
}

static void a_pin_may_be_given_instead_of_a_file(void **state)
{
	static char long_pin[1025];
	static const struct {
		const char *flags, *pin;
		bool with_file, final_try;
		const char *code;
		unsigned long logins;
	} rows[] = {
		{ LOGIN_, "1234", false, false, "", 1 },
		{ LOGIN_, "7771", false, false, "PIN_REJECTED", 1 }, /* another one each time: refused PINs outlast a row */
		{ LOGIN_, "", false, false, "PIN_REJECTED", 1 },
		{ LOGIN_, "1234", true, false, "ARGUMENT", 0 },
		{ LOGIN_, NULL, true, true, "ARGUMENT", 0 },
		{ LOGIN_, long_pin, false, false, "LIMIT", 0 },
		{ LOGIN_ " USER_PIN_FINAL_TRY", "1234", false, false, "PIN_FINAL_TRY", 0 },
		{ LOGIN_ " USER_PIN_FINAL_TRY", "1234", false, true, "", 1 },
		{ LOGIN_ " USER_PIN_FINAL_TRY", "7772", false, true, "PIN_REJECTED", 1 },
		{ LOGIN_ " USER_PIN_LOCKED", "1234", false, true, "PIN_LOCKED", 0 },
		{ LOGIN_ " USER_PIN_TO_BE_CHANGED", "1234", false, true, "PIN_EXPIRED", 0 },
		{ "TOKEN_INITIALIZED", "1234", false, false, "", 0 },
	};

	(void)state;
	memset(long_pin, '1', sizeof(long_pin));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .pin_file = rows[i].with_file ? trial_path("pin") : NULL,
			.final_try = rows[i].final_try };
		struct jwk11_token *token = NULL;
		struct trial t;
		enum jwk11_rc rc;

		if (rows[i].pin != NULL)
			config.pin = (struct jwk11_view){ rows[i].pin, rows[i].pin == long_pin ? sizeof(long_pin) : strlen(rows[i].pin) };
		trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nflags %s\nprivate k\npublic k\n", rows[i].flags);
		trial_must(trial_load(&t, true), &t.err);
		for (int round = 0; round < 2; round++) { /* what was refused is not sent again; who is logged in is asked nothing */
			jwk11_token_unref(token);
			token = NULL;
			t.err = (struct jwk11_err){ 0 };
			rc = jwk11_token_open(t.ctx, &config, &token, &t.err);
			if (strcmp(t.err.code, rows[i].code) != 0 || (rc == JWK11_OK) != (rows[i].code[0] == '\0') ||
				(round == 0 || rc != JWK11_OK ? trial_count("C_Login") != rows[i].logins : false))
				fail_msg("row %zu, round %d: \"%s\" %s, %lu C_Login", i, round, t.err.code, t.err.text, trial_count("C_Login"));
		}
		if (rc == JWK11_OK)
			signs(token, JWK11_OK);
		jwk11_token_unref(token);
		trial_end(&t);
	}
}

/* A login that is lost is made good with the PIN that was given, but not with the last try: that was for the person who was there. */
static void a_given_pin_makes_good_a_loss_but_not_with_the_last_try(void **state)
{
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .pin = { "1234", 4 } };

	(void)state;
	for (int final = 0; final < 2; final++) {
		struct jwk11_token *token = NULL;
		struct trial t;

		config.final_try = final;
		trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nflags " LOGIN_ "%s\nprivate k\npublic k\nfault C_Sign on 2 lose t1\n",
			final ? " USER_PIN_FINAL_TRY" : "");
		trial_must(trial_load(&t, true), &t.err);
		trial_must(jwk11_token_open(t.ctx, &config, &token, &t.err), &t.err);
		signs(token, JWK11_OK);
		signs(token, final ? JWK11_ERR_LOGIN : JWK11_OK);
		assert_int_equal(trial_count("C_Login"), final ? 1 : 2);
		jwk11_token_unref(token);
		trial_end(&t);
	}
}

#define PAD "key k p256 $/k.pem\ntoken t1\nflags " LOGIN_ " PROTECTED_AUTHENTICATION_PATH\nprivate k\npublic k\n"

static void nobody_is_asked_twice_for_nothing(void **state)
{
	static const char *const answers[] = { "CKR_PIN_INCORRECT", "CKR_FUNCTION_CANCELED", "CKR_DEVICE_ERROR", "CKR_TOKEN_NOT_PRESENT", "0x80000001" };

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct jwk11_token *token = NULL, *again = NULL;
		struct trial t;

		trial_script(PAD "fault C_Login on 1 %s\n", answers[i]);
		trial_must(trial_load(&t, true), &t.err);
		for (int round = 0; round < 3; round++) {
			assert_int_equal(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), JWK11_ERR_LOGIN);
			assert_string_equal(t.err.code, "PIN_PAD");
			assert_int_equal(t.err.has_ckr, round == 0);
			assert_int_equal(trial_count("C_Login"), 1);
		}
		jwk11_context_ask_again(t.ctx);
		trial_must(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), &t.err);
		assert_int_equal(trial_count("C_Login"), 2);
		signs(token, JWK11_OK);
		trial_must(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &again), &t.err); /* who is logged in is not asked */
		assert_int_equal(trial_count("C_Login"), 2);
		jwk11_token_unref(again);
		jwk11_token_unref(token);
		trial_end(&t);
	}
}

/* A login that is gone is not asked for by whoever comes along with a request. */
static void no_request_waits_for_a_person(void **state)
{
	struct jwk11_token *token = NULL;
	struct trial t;

	(void)state;
	trial_script(PAD "fault C_Sign on 2 lose t1\n");
	trial_must(trial_load(&t, false), &t.err);
	trial_must(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), &t.err);
	signs(token, JWK11_OK);
	signs(token, JWK11_ERR_LOGIN);
	signs(token, JWK11_ERR_LOGIN);
	assert_int_equal(trial_count("C_Login"), 1);
	jwk11_token_unref(token);
	trial_must(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), &t.err);
	assert_int_equal(trial_count("C_Login"), 2);
	signs(token, JWK11_OK);
	jwk11_token_unref(token);
	trial_end(&t);
}

/* The call that nobody waits for any more comes back, in the end, and nothing of it is left. */
static void the_deadline_is_ours(void **state)
{
	struct jwk11_token *token = NULL;
	enum jwk11_rc rc;
	struct trial t;

	(void)state;
	trial_script(PAD "fault C_Login on 1 delay 1500\nfault C_Login on 3 delay 1500\n");
	trial_must(trial_load(&t, false), &t.err);
	assert_int_equal(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), JWK11_ERR_LOGIN);
	assert_string_equal(t.err.code, "PIN_PAD");
	assert_non_null(strstr(t.err.text, "1 seconds"));
	assert_int_equal(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), JWK11_ERR_LOGIN);
	while ((rc = jwk11_context_reload(t.ctx, NULL)) == JWK11_ERR_BUSY)
		sched_yield();
	trial_must(rc, &t.err);
	assert_int_equal(trial_count("C_Login"), 1);
	jwk11_context_ask_again(t.ctx);
	trial_must(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), &t.err);
	signs(token, JWK11_OK);
	jwk11_token_unref(token);
	assert_int_equal(open_as(&t, JWK11_LOGIN_PROTECTED, NULL, &token), JWK11_ERR_LOGIN); /* the third, late again */
	trial_count_reset();
	trial_end(&t); /* with the call still under way */
	while (trial_count("C_Finalize") == 0)
		sched_yield();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pin_flags_decide_whether_a_pin_is_sent),
		cmocka_unit_test(a_wrong_pin_is_sent_once_by_all_contexts),
		cmocka_unit_test(answers_to_a_login_are_told_apart),
		cmocka_unit_test(a_pin_refused_after_a_loss_is_not_tried_again),
		cmocka_unit_test(the_login_mode_comes_before_the_tokens_word),
		cmocka_unit_test(a_pin_may_be_given_instead_of_a_file),
		cmocka_unit_test(a_given_pin_makes_good_a_loss_but_not_with_the_last_try),
		cmocka_unit_test(nobody_is_asked_twice_for_nothing),
		cmocka_unit_test(no_request_waits_for_a_person),
		cmocka_unit_test(the_deadline_is_ours),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
