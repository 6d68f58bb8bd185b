/* SPDX-License-Identifier: Apache-2.0 */
/* What a token's attributes and a key's numbers say against a key, and which mechanisms a key allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/health.h"
#include "flawed.h"
#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void attributes_are_held_against_a_key(void **state)
{
	static const struct {
		const char *attrs, *health;
	} rows[] = {
		{ "", "" },
		{ "attr CKA_EXTRACTABLE true\n", "extractable" },
		{ "attr CKA_EXTRACTABLE true\nattr CKA_NEVER_EXTRACTABLE false\n", "extractable, was-extractable" },
		{ "attr CKA_NEVER_EXTRACTABLE false\n", "was-extractable" },
		{ "attr CKA_SENSITIVE false\n", "" }, /* what cannot leave is not told either (PKCS#11 4.9) */
		{ "attr CKA_EXTRACTABLE absent\n", "" },
		{ "attr CKA_EXTRACTABLE absent\nattr CKA_SENSITIVE false\n", "extractable" },
		{ "attr CKA_EXTRACTABLE hex:0101\nattr CKA_SENSITIVE false\n", "extractable" }, /* not said */
		{ "attr CKA_NEVER_EXTRACTABLE absent\n", "" },
		{ "attr CKA_UNWRAP true\n", "wraps" },
		{ "attr CKA_WRAP true\n", "wraps" },
		{ "attr CKA_WRAP true\nattr CKA_UNWRAP true\n", "wraps" },
		{ "attr CKA_DECRYPT true\n", "two-uses" },
		{ "attr CKA_DERIVE true\n", "two-uses" },
		{ "attr CKA_DERIVE hex:02\n", "two-uses" }, /* any octet but zero */
		{ "attr CKA_DERIVE absent\nattr CKA_DECRYPT sensitive\nattr CKA_WRAP no-info\nattr CKA_UNWRAP empty\n", "" },
		{ "attr CKA_EXTRACTABLE true\nattr CKA_UNWRAP true\nattr CKA_DERIVE true\n", "extractable, wraps, two-uses" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_buf names = J11_BUF(256);
		struct trial t;

		trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nprivate k\n%spublic k\n", rows[i].attrs);
		trial_must(trial_start(&t), &t.err);
		assert_int_equal(jwk11_keys_count(t.keys), 1);
		j11_health_names(jwk11_key_health(jwk11_keys_get(t.keys, 0)), &names);
		if (strcmp(jwk11_buf_data(&names), rows[i].health) != 0)
			fail_msg("%s: \"%s\", wanted \"%s\"", rows[i].attrs, jwk11_buf_data(&names), rows[i].health);
		trial_must(trial_sign(&t, "k"), &t.err); /* it is told, not refused */
		j11_buf_done(&names);
		trial_end(&t);
	}
}

static void write_flawed_key(const char *name)
{
	EVP_PKEY *key = flawed_key();
	FILE *f = fopen(trial_path(name), "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(key);
}

static void a_modulus_of_the_flawed_generator_is_known(void **state)
{
	struct trial t;

	(void)state;
	write_flawed_key("roca.pem");
	trial_script("key k rsa2048 $/roca.pem\nkey l rsa2048 $/rsa.pem\ntoken t1\npin 1234\nprivate k\nprivate l\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(jwk11_key_health(trial_key(&t, "k")), JWK11_HEALTH_ROCA);
	assert_int_equal(jwk11_key_health(trial_key(&t, "l")), 0);
	trial_must(trial_sign(&t, "k"), &t.err);
	trial_end(&t);
}

/* What a key's own list says is final: no other mechanism is tried, and the refusal says why. */
static void a_key_signs_by_the_mechanisms_it_allows(void **state)
{
	static const struct {
		const char *allowed;
		bool rs256, rs384, ps256, digest; /* digest: RS256 over one */
	} rows[] = {
		{ "CKM_SHA256_RSA_PKCS", true, false, false, false },
		{ "CKM_RSA_PKCS", true, true, false, true },
		{ "CKM_SHA384_RSA_PKCS,CKM_RSA_PKCS_PSS", false, true, true, false },
		{ "CKM_SHA256_RSA_PKCS_PSS", false, false, true, false },
		{ "CKM_RSA_X_509,CKM_SHA256_RSA_PKCS", true, false, false, false },
	};
	static const char digest[32] = "0123456789abcdef0123456789abcde";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const bool wanted[] = { rows[i].rs256, rows[i].rs384, rows[i].ps256 };
		const char *const algs[] = { "RS256", "RS384", "PS256" };
		struct jwk11_buf sig = J11_BUF(4096);
		struct trial t;

		trial_script("key k rsa2048 $/rsa.pem\ntoken t1\npin 1234\nprivate k\nattr CKA_ALLOWED_MECHANISMS mechanisms:%s\n", rows[i].allowed);
		trial_must(trial_start(&t), &t.err);
		for (size_t a = 0; a < COUNT(algs); a++) {
			struct jwk11_key *key = jwk11_keys_get(t.keys, 0);
			unsigned long before = trial_count("any");
			enum jwk11_rc rc;

			t.err = (struct jwk11_err){ 0 };
			rc = jwk11_key_sign(key, algs[a], JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &t.err);
			if ((rc == JWK11_OK) != wanted[a] || jwk11_key_can(key, algs[a]) != wanted[a])
				fail_msg("%s, %s: %s %s", rows[i].allowed, algs[a], jwk11_rc_name(rc), t.err.text);
			assert_int_equal(trial_count("any") - before, wanted[a] ? 2 : 0);
			if (rc != JWK11_OK)
				assert_true(rc == JWK11_ERR_UNSUPPORTED && strstr(t.err.text, "CKA_ALLOWED_MECHANISMS") != NULL);
		}
		t.err = (struct jwk11_err){ 0 };
		if ((jwk11_key_sign(jwk11_keys_get(t.keys, 0), "RS256", JWK11_INPUT_DIGEST, (struct jwk11_view){ digest, 32 }, &sig, &t.err) == JWK11_OK) !=
			rows[i].digest)
			fail_msg("%s, digest: %s", rows[i].allowed, t.err.text);
		j11_buf_done(&sig);
		trial_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_held_against_a_key),
		cmocka_unit_test(a_modulus_of_the_flawed_generator_is_known),
		cmocka_unit_test(a_key_signs_by_the_mechanisms_it_allows),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
