/* SPDX-License-Identifier: Apache-2.0 */
/* The token layer against a module that fails, lies, loses sessions and counts what it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One token with an honest key k. */
#define HONEST "key k p256 $/k.pem\ntoken t1\npin 1234\nprivate k\npublic k\n"
/* Two keys of the same kind, so that a handle that changed its meaning makes a signature of the wrong key. */
#define TWINS "key k p256 $/k.pem\nkey l p256 $/l.pem\ntoken t1\npin 1234\nhandles %s\nprivate k\nprivate l\npublic k\npublic l\n"

/* What must hold; `missing` names what the library lacks for it today and is to be taken away when it is there. */
static void expect(bool holds, const char *missing)
{
	if (holds && missing != NULL)
		fail_msg("no longer missing: %s", missing);
	if (!holds && missing == NULL)
		fail_msg("does not hold");
}

static enum jwk11_rc sign_form(struct trial *t, int form, const char *alg, struct jwk11_buf *out)
{
	struct jwk11_key *key = trial_key(t, "k");

	if (form == 0)
		return jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), out, &t->err);
	if (form == 1)
		return jwk11_key_jws(key, alg, "kid", NULL, J11_VIEW("hello"), out, &t->err);
	return jwk11_key_jwt(key, alg, "kid", J11_VIEW("{}"), 60, out, &t->err);
}

/* Each scheme on each route a token may leave open: ours with a digest, theirs with the message. As signature, JWS and JWT. */
static void a_steady_signature_is_one_sign_init_and_one_sign(void **state)
{
	static const struct {
		const char *type, *alg, *mechanisms;
	} rows[] = {
		{ "p256", "ES256", "" }, { "p256", "ES256", "mechanisms CKM_ECDSA" }, { "p256", "ES256", "mechanisms CKM_ECDSA_SHA256" },
		{ "p384", "ES384", "mechanisms CKM_ECDSA" }, { "p384", "ES384", "mechanisms CKM_ECDSA_SHA384" },
		{ "p521", "ES512", "mechanisms CKM_ECDSA" }, { "p521", "ES512", "mechanisms CKM_ECDSA_SHA512" },
		{ "secp256k1", "ES256K", "mechanisms CKM_ECDSA" }, { "secp256k1", "ES256K", "mechanisms CKM_ECDSA_SHA256" },
		{ "rsa2048", "RS256", "" }, { "rsa2048", "RS256", "mechanisms CKM_RSA_PKCS" }, { "rsa2048", "RS256", "mechanisms CKM_SHA256_RSA_PKCS" },
		{ "rsa2048", "RS384", "mechanisms CKM_RSA_PKCS" }, { "rsa2048", "RS384", "mechanisms CKM_SHA384_RSA_PKCS" },
		{ "rsa2048", "RS512", "mechanisms CKM_RSA_PKCS" }, { "rsa2048", "RS512", "mechanisms CKM_SHA512_RSA_PKCS" },
		{ "rsa2048", "PS256", "mechanisms CKM_RSA_PKCS_PSS" }, { "rsa2048", "PS256", "mechanisms CKM_SHA256_RSA_PKCS_PSS" },
		{ "rsa2048", "PS384", "mechanisms CKM_RSA_PKCS_PSS" }, { "rsa2048", "PS384", "mechanisms CKM_SHA384_RSA_PKCS_PSS" },
		{ "rsa2048", "PS512", "mechanisms CKM_RSA_PKCS_PSS" }, { "rsa2048", "PS512", "mechanisms CKM_SHA512_RSA_PKCS_PSS" },
		{ "ed25519", "EdDSA", "" }, { "ed448", "EdDSA", "" }, { "ed25519", "Ed25519", "" }, { "ed448", "Ed448", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct trial t;

		trial_script("key k %s $/steady-%s.pem\ntoken t1\npin 1234\n%s\nprivate k\npublic k\n", rows[i].type, rows[i].type, rows[i].mechanisms);
		trial_must(trial_start(&t), &t.err);
		trial_count_reset();
		for (int n = 0; n < 12; n++) {
			struct jwk11_buf out = J11_BUF(8192);

			t.err = (struct jwk11_err){ 0 };
			if (sign_form(&t, n % 3, rows[i].alg, &out) != JWK11_OK)
				fail_msg("%s %s: %s", rows[i].alg, rows[i].mechanisms, t.err.text);
			j11_buf_done(&out);
		}
		assert_int_equal(trial_count("C_SignInit"), 12);
		assert_int_equal(trial_count("C_Sign"), 12);
		assert_int_equal(trial_count("any"), 24);
		trial_end(&t);
	}
}

/* What a failed call may come out as; anything else is a wrong word for it. */
static void check_stated(const struct trial *t, enum jwk11_rc rc, const char *fault)
{
	static const enum jwk11_rc allowed[] = {
		JWK11_OK, JWK11_ERR_DEVICE, JWK11_ERR_ABSENT, JWK11_ERR_LOGIN, JWK11_ERR_UNSUPPORTED, JWK11_ERR_NOT_FOUND, JWK11_ERR_SIGNATURE,
	};

	for (size_t i = 0; i < COUNT(allowed); i++)
		if (allowed[i] == rc && (rc == JWK11_OK || (t->err.text[0] != '\0' && t->err.code[0] != '\0' && t->err.rc == rc)))
			return;
	fail_msg("%s: %s, recorded %s %s: %s", fault, jwk11_rc_name(rc), jwk11_rc_name(t->err.rc), t->err.code, t->err.text);
}

/* Load, open, list, export, sign, twice. What fails ends it. */
static enum jwk11_rc whole_life(struct trial *t)
{
	struct jwk11_buf jwk = J11_BUF(4096);
	enum jwk11_rc rc = trial_start(t);

	if (rc == JWK11_OK && trial_key(t, "k") != NULL) {
		assert_true(trial_is_key(jwk11_key_pub(trial_key(t, "k")), "k.pem"));
		rc = jwk11_pub_jwk(jwk11_key_pub(trial_key(t, "k")), NULL, NULL, &jwk, &t->err);
	}
	for (int i = 0; rc == JWK11_OK && i < 2; i++)
		rc = trial_sign(t, "k");
	j11_buf_done(&jwk);
	return rc;
}

/* One of each sort that the library tells apart; the first few are tried as lasting failures too. */
static const char *const answers[] = {
	"CKR_DEVICE_ERROR", "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_HANDLE_INVALID", "CKR_FUNCTION_NOT_SUPPORTED", "CKR_BUFFER_TOO_SMALL",
	"CKR_GENERAL_ERROR", "CKR_DEVICE_REMOVED", "CKR_USER_NOT_LOGGED_IN", "CKR_KEY_HANDLE_INVALID", "CKR_OBJECT_HANDLE_INVALID",
	"CKR_CRYPTOKI_NOT_INITIALIZED", "CKR_ARGUMENTS_BAD", "CKR_MECHANISM_INVALID", "CKR_PIN_INCORRECT", "CKR_ATTRIBUTE_TYPE_INVALID",
	"0x80000123",
};
enum { N_LASTING = 5 };

/* Every call in turn fails: once, or from there on. */
static void fail_each_call(const char *when, const char *answer)
{
	unsigned long n = 0, calls;

	do {
		char fault[100];
		struct trial t;
		enum jwk11_rc rc;

		snprintf(fault, sizeof(fault), "fault any %s %lu %s", when, ++n, answer);
		trial_script(HONEST "%s\n", fault);
		rc = whole_life(&t);
		check_stated(&t, rc, fault);
		calls = trial_count("any");
		trial_end(&t);
	} while (calls >= n && n < 500);
	assert_in_range(n, 20, 499);
}

static void each_failing_call_is_a_stated_error_or_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++)
		fail_each_call("on", answers[i]);
	for (size_t i = 0; i < N_LASTING; i++)
		fail_each_call("from", answers[i]);
}

/* A single loss costs nothing once the token is open: each C_* call that a signature makes may fail once. */
static void a_call_that_fails_once_costs_no_signature(void **state)
{
	static const char *const transient[] = {
		"CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_HOST_MEMORY", "CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT",
		"CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED", "CKR_USER_NOT_LOGGED_IN", "CKR_KEY_HANDLE_INVALID", "CKR_OBJECT_HANDLE_INVALID",
		"CKR_OPERATION_ACTIVE", "0x80000123",
	};
	static const char *const functions[] = { "C_SignInit", "C_Sign" };

	(void)state;
	for (size_t i = 0; i < COUNT(transient) * COUNT(functions); i++) {
		struct trial t;

		trial_script(HONEST "fault %s on 2 %s\n", functions[i % COUNT(functions)], transient[i / COUNT(functions)]);
		trial_must(trial_start(&t), &t.err);
		for (int n = 0; n < 3; n++)
			trial_must(trial_sign(&t, "k"), &t.err);
		assert_int_equal(trial_count("C_Login"), 1); /* the anchor session lived: nothing to log in for */
		trial_end(&t);
	}
}

/* Nor does it cost the listing: an object that another process deleted between search and reading, a session that died before. */
static void a_listing_that_fails_once_is_made_again(void **state)
{
	static const char *const transient[] = {
		"CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_HANDLE_INVALID", "CKR_USER_NOT_LOGGED_IN",
		"CKR_OBJECT_HANDLE_INVALID", "CKR_CRYPTOKI_NOT_INITIALIZED", "lose t1", "logout t1",
	};
	static const char *const calls[] = { "C_FindObjectsInit on 1", "C_FindObjects on 1", "C_FindObjects on 3", "C_GetAttributeValue on 1" };

	(void)state;
	for (size_t i = 0; i < COUNT(transient) * COUNT(calls); i++) {
		bool lost = i / COUNT(calls) >= COUNT(transient) - 2;
		struct trial t;

		trial_script(HONEST "fault %s %s\n", calls[i % COUNT(calls)], transient[i / COUNT(calls)]);
		trial_must(trial_start(&t), &t.err);
		assert_int_equal(t.err.rc, JWK11_OK);
		assert_int_equal(jwk11_keys_count(t.keys), 1);
		trial_must(trial_sign(&t, "k"), &t.err);
		assert_int_equal(trial_count("C_Login"), lost ? 2 : 1);
		trial_end(&t);
	}
}

/* The session is lost, the login is lost, the token was out for a moment: with each way a token has of giving handles. */
static void a_loss_is_made_good_with_the_right_key(void **state)
{
	static const char *const handles[] = { "stable", "fresh", "shuffled" };
	static const struct {
		const char *faults;
		unsigned long logins;
	} losses[] = {
		{ "fault C_Sign on 2 lose t1\n", 2 },
		{ "fault C_SignInit on 2 lose t1\n", 2 },
		{ "fault C_SignInit on 2 logout t1\n", 2 },
		{ "fault C_Sign on 2 lose t1\nfault C_Sign on 2 CKR_DEVICE_REMOVED\n", 2 },
		{ "fault C_Sign on 2 vanish t1\nfault C_GetTokenInfo from 3 return t1\n", 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(handles) * COUNT(losses); i++) {
		const char *how = handles[i / COUNT(losses)];
		struct trial t;

		trial_script(TWINS "%s", how, losses[i % COUNT(losses)].faults);
		trial_must(trial_start(&t), &t.err);
		assert_int_equal(jwk11_keys_count(t.keys), 2);
		for (int n = 0; n < 4; n++) {
			enum jwk11_rc rc = trial_sign(&t, n % 2 ? "l" : "k");

			if (rc != JWK11_OK)
				fail_msg("handles %s, %s signature %d: %s: %s", how, losses[i % COUNT(losses)].faults, n, jwk11_rc_name(rc), t.err.text);
		}
		assert_int_equal(trial_count("C_Login"), losses[i % COUNT(losses)].logins);
		assert_int_equal(trial_count("pin:t1"), 0);
		trial_end(&t);
	}
}

/* The login goes while the key is looked for after another loss: it is not there to be seen, and no call fails. */
static void a_login_that_goes_in_silence_hides_no_key(void **state)
{
	static const char *const calls[] = { "C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue" };

	(void)state;
	for (size_t i = 0; i < COUNT(calls) * 2; i++) {
		struct trial t;
		unsigned long n;

		trial_script(HONEST);
		trial_must(trial_start(&t), &t.err);
		n = trial_count(calls[i / 2]);
		trial_script(HONEST "fault C_SignInit on 1 CKR_DEVICE_ERROR\nfault %s on %lu logout t1\n", calls[i / 2], n + 1 + i % 2);
		trial_must(trial_start(&t), &t.err);
		for (int k = 0; k < 3; k++) {
			enum jwk11_rc rc = trial_sign(&t, "k");

			if (rc != JWK11_OK && (k > 0 || rc != JWK11_ERR_DEVICE)) /* two losses may be one too many for the first */
				fail_msg("%s: signature %d: %s", calls[i / 2], k, t.err.text);
		}
		trial_must(trial_list(&t, NULL), &t.err);
		assert_int_equal(jwk11_keys_count(t.keys), 1);
		trial_end(&t);
	}
}

static void a_token_that_went_and_came_signs_again(void **state)
{
	const char *away;
	struct trial t;
	FILE *f;

	(void)state;
	trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nabsent-while $/away\nprivate k\npublic k\n");
	trial_must(trial_start(&t), &t.err);
	trial_must(trial_sign(&t, "k"), &t.err);
	away = trial_path("away");
	f = fopen(away, "w");
	assert_non_null(f);
	fclose(f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_ABSENT);
		assert_string_equal(t.err.code, "TOKEN_ABSENT");
	}
	assert_int_equal(unlink(trial_path("away")), 0);
	trial_must(trial_sign(&t, "k"), &t.err);
	trial_end(&t);
}

static void a_wrong_signature_is_withheld_and_its_key_put_away(void **state)
{
	static const char *const types[] = { "p256", "rsa2048", "ed25519" };

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		struct trial t;

		trial_script("key k %s $/steady-%s.pem\nkey l p256 $/l.pem\ntoken t1\npin 1234\nprivate k\npublic k\nprivate l\npublic l\n"
			"fault C_Sign on 2 flip\n", types[i], types[i]);
		trial_must(trial_start(&t), &t.err);
		trial_must(trial_sign(&t, "k"), &t.err);
		assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_SIGNATURE);
		assert_string_equal(t.err.code, "SIGNATURE_WITHHELD");
		trial_count_reset();
		assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_SIGNATURE);
		assert_int_equal(trial_count("any"), 0); /* the token is not asked again */
		trial_must(trial_sign(&t, "l"), &t.err);
		trial_end(&t);
	}
}

/* The error's hint says "until the token is opened again", so finding the key once more is not enough. */
static void a_key_put_away_stays_away_until_the_token_is_opened_again(void **state)
{
	struct trial t;

	(void)state;
	trial_script(HONEST "fault C_Sign on 1 flip\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_SIGNATURE);
	trial_must(trial_list(&t, NULL), &t.err);
	expect(trial_sign(&t, "k") == JWK11_ERR_SIGNATURE, "quarantine is kept per key found, not per token");
	jwk11_keys_free(t.keys);
	t.keys = NULL;
	trial_must(trial_open(&t, "pin", 1), &t.err);
	trial_must(trial_list(&t, NULL), &t.err);
	trial_must(trial_sign(&t, "k"), &t.err);
	trial_end(&t);
}

/* One token seen through two modules: the second is a copy of the mock under another name, reading the same script. */
static void a_token_seen_through_two_modules_is_two_candidates(void **state)
{
	struct trial t;
	char command[1200];
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1" };

	(void)state;
	trial_script(HONEST);
	snprintf(command, sizeof(command), "cp '%s' '%s'", MOCK_MODULE, trial_path("second.so"));
	assert_int_equal(system(command), 0);
	trial_must(trial_load(&t, false), &t.err);
	trial_must(jwk11_context_load(t.ctx, trial_path("second.so"), &t.err), &t.err);
	assert_int_equal(trial_open(&t, "pin", 1), JWK11_ERR_AMBIGUOUS); /* and no PIN was sent to either */
	assert_int_equal(trial_count("C_Login"), 0);
	t.err = (struct jwk11_err){ 0 };
	config.module = MOCK_MODULE;
	config.pin_file = trial_path("pin");
	trial_must(jwk11_token_open(t.ctx, &config, &t.token, &t.err), &t.err);
	trial_must(trial_list(&t, NULL), &t.err);
	trial_must(trial_sign(&t, "k"), &t.err);
	trial_end(&t);
}

/* A public half that belongs to another key: the first signature shows it. */
static void a_key_paired_with_the_wrong_public_key_signs_nothing(void **state)
{
	struct trial t;

	(void)state;
	trial_script("key k p256 $/k.pem\nkey l p256 $/l.pem\ntoken t1\npin 1234\nprivate k\npublic l\nattr CKA_ID text:k\nattr CKA_LABEL text:k\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_SIGNATURE);
	trial_end(&t);
}

/* What C_Sign says about the length, and DER where r and s are due: withheld, whatever the bytes would have been. */
static void a_signature_of_a_wrong_form_is_withheld(void **state)
{
	static const char *const faults[] = {
		"der", "length 0", "length 1", "length 63", "length 65", "length 2048", "length 2049", "length 0xffffffff",
		"length 0xffffffffffffffff", "length 0x7fffffffffffffff",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct trial t;
		enum jwk11_rc rc;

		trial_script(HONEST "fault C_Sign every %s\n", faults[i]);
		trial_must(trial_start(&t), &t.err);
		rc = trial_sign(&t, "k");
		if (rc != JWK11_ERR_SIGNATURE && rc != JWK11_ERR_DEVICE)
			fail_msg("%s: %s: %s", faults[i], jwk11_rc_name(rc), t.err.text);
		check_stated(&t, rc, faults[i]);
		trial_end(&t);
	}
}

static enum jwk11_rc sign_raw(struct trial *t)
{
	struct jwk11_buf sig = J11_BUF(4096);
	enum jwk11_rc rc = jwk11_key_sign(trial_key(t, "k"), "ES256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &t->err);

	assert_int_equal(sig.len, rc == JWK11_OK ? 64 : 0);
	j11_buf_done(&sig);
	return rc;
}

/* Without a check of each signature, a length that is none must not let out what lay behind it. */
static void an_unchecked_signature_has_the_right_length_all_the_same(void **state)
{
	static const char *const faults[] = { "der", "length 0", "length 63", "length 65", "length 2048", "length 0xffffffffffffffff" };

	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .sign_unverified = true };
		struct trial t;

		trial_script(HONEST "fault C_Sign on 3 flip\nfault C_Sign from 4 %s\n", faults[i]);
		trial_must(trial_load(&t, false), &t.err);
		config.pin_file = trial_path("pin");
		trial_must(jwk11_token_open(t.ctx, &config, &t.token, &t.err), &t.err);
		trial_must(trial_list(&t, NULL), &t.err);
		for (int n = 0; n < 2; n++)
			trial_must(trial_sign(&t, "k"), &t.err);
		assert_int_equal(sign_raw(&t), JWK11_OK); /* this is what "first" gives up */
		assert_int_equal(sign_raw(&t), JWK11_ERR_SIGNATURE);
		assert_int_equal(sign_raw(&t), JWK11_ERR_SIGNATURE);
		trial_end(&t);
	}
}

/* Counts and lengths beyond the room that was given, at every call. */
static void lies_about_counts_and_lengths_are_survived(void **state)
{
	static const char *const functions[] = { "C_GetSlotList", "C_FindObjects", "C_GetAttributeValue" };
	static const char *const lengths[] = { "0", "1", "2", "255", "256", "257", "5000", "0xffffffff", "0xfffffffffffffffe", "0xffffffffffffffff" };

	(void)state;
	for (size_t i = 0; i < COUNT(functions) * COUNT(lengths); i++) {
		const char *function = functions[i / COUNT(lengths)];
		unsigned long n = 0, calls;

		do {
			char fault[100];
			struct trial t;

			snprintf(fault, sizeof(fault), "fault %s on %lu length %s", function, ++n, lengths[i % COUNT(lengths)]);
			trial_script(HONEST "%s\n", fault);
			check_stated(&t, whole_life(&t), fault);
			calls = trial_count(function);
			trial_end(&t);
		} while (calls >= n && n < 300);
		assert_in_range(n, 2, 299);
	}
}

static void each_failing_allocation_is_out_of_memory_and_nothing_else(void **state)
{
	(void)state;
	trial_script(HONEST);
	for (unsigned sticky = 0; sticky < 2; sticky++) {
		enum jwk11_rc rc = JWK11_ERR_MEMORY;
		unsigned long n = 0;

		while (rc != JWK11_OK && n < 2000) {
			struct jwk11_buf jws = J11_BUF(4096), jwk = J11_BUF(4096);
			struct trial t;

			j11_mem_fail_at(++n, (int)sticky);
			rc = trial_start(&t);
			if (rc == JWK11_OK)
				rc = jwk11_pub_jwk(jwk11_key_pub(jwk11_keys_get(t.keys, 0)), NULL, NULL, &jwk, &t.err);
			if (rc == JWK11_OK)
				rc = jwk11_key_jws(jwk11_keys_get(t.keys, 0), "ES256", "k", NULL, J11_VIEW("payload"), &jws, &t.err);
			j11_mem_fail_at(0, 0);
			if (rc != JWK11_OK && (rc != JWK11_ERR_MEMORY || t.err.rc != JWK11_ERR_MEMORY))
				fail_msg("allocation %lu: %s: %s", n, jwk11_rc_name(rc), t.err.text);
			j11_buf_done(&jws);
			j11_buf_done(&jwk);
			trial_end(&t);
		}
		assert_in_range(n, 10, 1999);
	}
}

/* After a loss, too: the key is found again with no memory to do it in. */
static void each_failing_allocation_after_a_loss_is_out_of_memory(void **state)
{
	enum jwk11_rc rc = JWK11_ERR_MEMORY;
	unsigned long n = 0;

	(void)state;
	while (rc != JWK11_OK && n < 500) {
		struct jwk11_buf sig = J11_BUF(512);
		struct trial t;

		trial_script(HONEST "fault C_Sign on 1 lose t1\n");
		trial_must(trial_start(&t), &t.err);
		j11_mem_fail_at(++n, 0);
		rc = jwk11_key_sign(trial_key(&t, "k"), "ES256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &t.err);
		j11_mem_fail_at(0, 0);
		if (rc != JWK11_OK && (rc != JWK11_ERR_MEMORY || t.err.rc != JWK11_ERR_MEMORY))
			fail_msg("allocation %lu: %s: %s", n, jwk11_rc_name(rc), t.err.text);
		j11_buf_done(&sig);
		trial_end(&t);
	}
	assert_in_range(n, 3, 499);
}

static void fewer_sessions_than_asked_for_are_enough(void **state)
{
	struct trial t;
	enum jwk11_rc rc;

	(void)state;
	trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nsessions 2\nprivate k\npublic k\n");
	trial_must(trial_load(&t, false), &t.err);
	trial_must(trial_open(&t, "pin", 8), &t.err);
	trial_must(trial_list(&t, NULL), &t.err);
	for (int i = 0; i < 3; i++)
		trial_must(trial_sign(&t, "k"), &t.err);
	trial_end(&t);
	trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nsessions 1\nprivate k\npublic k\n");
	trial_must(trial_load(&t, false), &t.err);
	rc = trial_open(&t, "pin", 1);
	check_stated(&t, rc, "one session only");
	trial_end(&t);
}

/* The script's reader is strict, or a test would test something else than it says. */
static void a_script_with_a_mistake_does_not_start(void **state)
{
	static const char *const bad[] = {
		"frob", "key k p255", "key k", "key k hmac\nkey k hmac", "private k", "token t1\nprivate k", "token t1\nflags NONSENSE",
		"token t1\nhandles odd", "token t1\nattr CKA_ID empty", "key k p256 $/k.pem\ntoken t1\nprivate k\nattr CKA_NAME empty",
		"key k p256 $/k.pem\ntoken t1\nprivate k\nattr CKA_ID hex:0", "key k p256 $/k.pem\ntoken t1\nprivate k\nattr CKA_MODULUS modulus:0",
		"fault C_Nothing every hang", "fault C_Sign sometimes hang", "fault C_Sign on x hang", "fault C_Sign every CKR_NOTHING",
		"fault C_Sign every vanish t1", "counts relative", "token t1 more", "key k p256 /dev/null",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct trial t;

		trial_script("%s\n", bad[i]);
		if (trial_load(&t, false) != JWK11_ERR_DEVICE)
			fail_msg("taken: %s", bad[i]);
		trial_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_with_a_mistake_does_not_start),
		cmocka_unit_test(a_steady_signature_is_one_sign_init_and_one_sign),
		cmocka_unit_test(each_failing_call_is_a_stated_error_or_none),
		cmocka_unit_test(a_call_that_fails_once_costs_no_signature),
		cmocka_unit_test(a_listing_that_fails_once_is_made_again),
		cmocka_unit_test(a_loss_is_made_good_with_the_right_key),
		cmocka_unit_test(a_login_that_goes_in_silence_hides_no_key),
		cmocka_unit_test(a_token_that_went_and_came_signs_again),
		cmocka_unit_test(a_wrong_signature_is_withheld_and_its_key_put_away),
		cmocka_unit_test(a_key_put_away_stays_away_until_the_token_is_opened_again),
		cmocka_unit_test(a_token_seen_through_two_modules_is_two_candidates),
		cmocka_unit_test(a_key_paired_with_the_wrong_public_key_signs_nothing),
		cmocka_unit_test(a_signature_of_a_wrong_form_is_withheld),
		cmocka_unit_test(an_unchecked_signature_has_the_right_length_all_the_same),
		cmocka_unit_test(lies_about_counts_and_lengths_are_survived),
		cmocka_unit_test(each_failing_allocation_is_out_of_memory_and_nothing_else),
		cmocka_unit_test(each_failing_allocation_after_a_loss_is_out_of_memory),
		cmocka_unit_test(fewer_sessions_than_asked_for_are_enough),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
