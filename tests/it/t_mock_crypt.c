/* SPDX-License-Identifier: Apache-2.0 */
/* Decryption against a module that counts what it is asked, fails and lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEYS \
	"key d rsa2048 $/d.pem\nkey f p256 $/f.pem\nkey x x25519 $/x.pem\ntoken t1\npin 1234\n" \
	"private d\nattr CKA_SIGN false\nattr CKA_DECRYPT true\npublic d\nprivate f\nattr CKA_SIGN false\nattr CKA_DERIVE true\npublic f\n" \
	"private x\nattr CKA_SIGN false\nattr CKA_DERIVE true\npublic x\n"

static const char plaintext[] = "attack at dawn";

/* A key that decrypts, and a message for it. */
struct world {
	struct trial t;
	struct jwk11_keys *keys;
	struct jwk11_key *key;
	const char *alg;
	struct jwk11_buf jwe;
};

static void start(struct world *w, const char *label, const char *alg, const char *enc, const char *faults)
{
	*w = (struct world){ .alg = alg, .jwe = J11_BUF(4096) };
	trial_script(KEYS "%s", faults);
	trial_must(trial_start(&w->t), &w->t.err);
	trial_must(jwk11_token_keys_for(w->t.token, NULL, JWK11_USE_ENC, &w->keys, &w->t.err), &w->t.err);
	for (size_t i = 0; i < jwk11_keys_count(w->keys); i++)
		if (strcmp(jwk11_key_label(jwk11_keys_get(w->keys, i)), label) == 0)
			w->key = jwk11_keys_get(w->keys, i);
	assert_non_null(w->key);
	trial_must(jwk11_pub_encrypt(jwk11_key_pub(w->key), alg, enc, NULL, NULL, J11_VIEW("attack at dawn"), &w->jwe, &w->t.err), &w->t.err);
}

static void end(struct world *w)
{
	jwk11_keys_free(w->keys);
	j11_buf_done(&w->jwe);
	trial_end(&w->t);
}

static enum jwk11_rc decrypt_text(struct world *w, struct jwk11_view jwe)
{
	struct jwk11_buf out = J11_BUF(4096);
	enum jwk11_rc rc;

	w->t.err = (struct jwk11_err){ 0 };
	rc = jwk11_key_decrypt(w->key, w->alg, NULL, jwe, &out, &w->t.err);
	if (rc == JWK11_OK)
		assert_string_equal(out.data, plaintext);
	else
		assert_int_equal(out.len, 0);
	j11_buf_done(&out);
	return rc;
}

static enum jwk11_rc decrypt(struct world *w)
{
	return decrypt_text(w, j11_buf_view(&w->jwe));
}

/* The number of a call that the next operation makes, for the script: the same start without faults counts them. */
static unsigned long next_call(const char *label, const char *alg, const char *function)
{
	struct world w;
	unsigned long n;

	start(&w, label, alg, NULL, "");
	n = trial_count(function) + 1;
	end(&w);
	return n;
}

static void a_steady_decryption_asks_for_nothing_twice(void **state)
{
	static const struct {
		const char *label, *alg;
		const char *calls[4];
	} rows[] = {
		{ "d", "RSA-OAEP", { "C_DecryptInit", "C_Decrypt" } },
		{ "d", "RSA-OAEP-256", { "C_DecryptInit", "C_Decrypt" } },
		{ "f", "ECDH-ES", { "C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject" } },
		{ "f", "ECDH-ES+A256KW", { "C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject" } },
		{ "x", "ECDH-ES+A128KW", { "C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;
		unsigned n = 0;

		start(&w, rows[i].label, rows[i].alg, NULL, "");
		trial_count_reset();
		for (int k = 0; k < 10; k++)
			trial_must(decrypt(&w), &w.t.err);
		for (; rows[i].calls[n] != NULL; n++)
			assert_int_equal(trial_count(rows[i].calls[n]), 10);
		assert_int_equal(trial_count("any"), 10 * n);
		assert_int_equal(trial_count("secrets"), 0);
		end(&w);
	}
}

/* The part of the message in the middle of whose octets a bit is turned over. */
static void damage(const struct world *w, int part, struct jwk11_buf *out)
{
	struct jwk11_buf octets = J11_BUF(4000);
	const char *p = w->jwe.data;

	for (int i = 0; i < 5; i++) {
		size_t n = strcspn(p, ".");

		j11_buf_add_str(out, i ? "." : "");
		if (i == part) {
			assert_int_equal(j11_b64url_decode((struct jwk11_view){ p, n }, "part", &octets, NULL), JWK11_OK);
			octets.data[octets.len / 2] = (char)(octets.data[octets.len / 2] ^ 1);
			j11_b64url_add(out, j11_buf_view(&octets));
		} else {
			j11_buf_add(out, p, n);
		}
		p += n + 1;
	}
	j11_buf_done(&octets);
}

/* The padding that the message has, and then the other: no module's way with either shows in the sum. What a good message does not pay. */
static void a_refused_message_costs_both_paddings(void **state)
{
	static const char *const algs[] = { "RSA-OAEP", "RSA-OAEP-256" };
	struct jwk11_err first = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(algs) * 4; i++) {
		struct jwk11_buf bad = J11_BUF(4096);
		struct world w;

		start(&w, "d", algs[i / 4], NULL, "");
		damage(&w, 1 + (int)(i % 4), &bad);
		trial_count_reset();
		assert_int_equal(decrypt_text(&w, j11_buf_view(&bad)), JWK11_ERR_SIGNATURE);
		if (first.rc == JWK11_OK)
			first = w.t.err;
		assert_memory_equal(&w.t.err, &first, sizeof(first));
		assert_int_equal(trial_count("C_DecryptInit"), 2);
		assert_int_equal(trial_count("C_Decrypt"), 2);
		assert_int_equal(trial_count("any"), 4);
		trial_must(decrypt(&w), &w.t.err);
		assert_int_equal(trial_count("any"), 6);
		j11_buf_done(&bad);
		end(&w);
	}
	assert_string_equal(first.code, "DECRYPT_FAILED");
	assert_false(first.has_ckr);
}

/* A token that goes away before the second padding changes nothing about the answer, and comes back for the next message. */
static void a_loss_behind_a_refusal_is_not_told(void **state)
{
	struct jwk11_buf bad = J11_BUF(4096);
	struct world w;

	(void)state;
	start(&w, "d", "RSA-OAEP", NULL, "fault C_DecryptInit on 2 vanish t1\nfault C_GetTokenInfo from 2 return t1\n");
	damage(&w, 4, &bad);
	assert_int_equal(decrypt_text(&w, j11_buf_view(&bad)), JWK11_ERR_SIGNATURE);
	assert_string_equal(w.t.err.code, "DECRYPT_FAILED");
	trial_must(decrypt(&w), &w.t.err);
	j11_buf_done(&bad);
	end(&w);
}

/* Codes that a module may have for a wrong padding come out as what every other damage does; the rest are losses, and made good. */
static void what_a_module_says_of_a_padding_stays_inside(void **state)
{
	static const struct {
		const char *answer;
		bool padding;
	} rows[] = {
		{ "CKR_ENCRYPTED_DATA_INVALID", true }, { "CKR_ENCRYPTED_DATA_LEN_RANGE", true }, { "CKR_GENERAL_ERROR", true },
		{ "CKR_FUNCTION_FAILED", true }, { "CKR_DATA_INVALID", true }, { "CKR_DATA_LEN_RANGE", true }, { "CKR_BUFFER_TOO_SMALL", true },
		{ "CKR_ARGUMENTS_BAD", true }, { "CKR_DEVICE_ERROR", true }, { "0x80000123", true }, { "CKR_SESSION_HANDLE_INVALID", false },
		{ "CKR_DEVICE_REMOVED", false }, { "CKR_TOKEN_NOT_PRESENT", false }, { "CKR_USER_NOT_LOGGED_IN", false },
		{ "CKR_KEY_HANDLE_INVALID", false },
	};
	struct jwk11_err first = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;
		char fault[100];
		enum jwk11_rc rc;

		snprintf(fault, sizeof(fault), "fault C_Decrypt on 1 %s\n", rows[i].answer);
		start(&w, "d", "RSA-OAEP", NULL, fault);
		rc = decrypt(&w);
		if (rc != (rows[i].padding ? JWK11_ERR_SIGNATURE : JWK11_OK))
			fail_msg("%s: %s %s", rows[i].answer, jwk11_rc_name(rc), w.t.err.text);
		if (rows[i].padding && first.rc == JWK11_OK)
			first = w.t.err;
		if (rows[i].padding)
			assert_memory_equal(&w.t.err, &first, sizeof(first));
		end(&w);
	}
}

/* Lengths that are not true, of what C_Decrypt gave and of an agreed secret. */
static void lengths_that_are_not_true_decrypt_nothing(void **state)
{
	static const char *const lengths[] = { "0", "1", "16", "31", "33", "64", "65", "66", "67", "2048", "2049", "0xffffffff", "0xffffffffffffffff" };
	static const struct {
		const char *label, *alg, *function;
	} rows[] = { { "d", "RSA-OAEP", "C_Decrypt" }, { "f", "ECDH-ES+A256KW", "C_GetAttributeValue" }, { "x", "ECDH-ES", "C_GetAttributeValue" } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * COUNT(lengths); i++) {
		const char *function = rows[i / COUNT(lengths)].function, *length = lengths[i % COUNT(lengths)];
		struct world w;
		char fault[100];
		enum jwk11_rc rc;

		snprintf(fault, sizeof(fault), "fault %s on %lu length %s\n", function,
			next_call(rows[i / COUNT(lengths)].label, rows[i / COUNT(lengths)].alg, function), length);
		start(&w, rows[i / COUNT(lengths)].label, rows[i / COUNT(lengths)].alg, NULL, fault);
		rc = decrypt(&w);
		if (rc == JWK11_OK || w.t.err.rc != rc || w.t.err.text[0] == '\0')
			fail_msg("%s says %s: %s, %s", function, length, jwk11_rc_name(rc), w.t.err.text);
		assert_int_equal(trial_count("secrets"), 0);
		trial_must(decrypt(&w), &w.t.err);
		end(&w);
	}
}

/* What a content key was turned into by the token is a wrong content key, no more. */
static void a_content_key_that_was_changed_decrypts_nothing(void **state)
{
	struct world w;

	(void)state;
	start(&w, "d", "RSA-OAEP", "A128CBC-HS256", "fault C_Decrypt on 1 flip\n");
	assert_int_equal(decrypt(&w), JWK11_ERR_SIGNATURE);
	assert_string_equal(w.t.err.code, "DECRYPT_FAILED");
	trial_must(decrypt(&w), &w.t.err);
	end(&w);
}

/* Some modules want the peer's point in a DER OCTET STRING. */
static void a_point_that_is_not_taken_raw_is_wrapped(void **state)
{
	static const char *const answers[] = { "CKR_ARGUMENTS_BAD", "CKR_MECHANISM_PARAM_INVALID", "CKR_DATA_INVALID", "CKR_GENERAL_ERROR" };
	static const char *const labels[] = { "f", "x" };

	(void)state;
	for (size_t i = 0; i < COUNT(answers) * COUNT(labels); i++) {
		struct world w;
		char fault[100];

		snprintf(fault, sizeof(fault), "fault C_DeriveKey on 1 %s\n", answers[i / COUNT(labels)]);
		start(&w, labels[i % COUNT(labels)], "ECDH-ES+A128KW", NULL, fault);
		trial_must(decrypt(&w), &w.t.err);
		assert_int_equal(trial_count("C_DeriveKey"), 2);
		assert_int_equal(trial_count("C_Login"), 1);
		end(&w);
	}
}

/* A token may keep the agreed secret to itself, which is no damage of the message. Either way it is destroyed. */
static void a_secret_that_is_kept_is_said_and_destroyed(void **state)
{
	static const struct {
		const char *function, *answer;
	} rows[] = {
		{ "C_GetAttributeValue", "CKR_ATTRIBUTE_SENSITIVE" }, { "C_GetAttributeValue", "CKR_ATTRIBUTE_TYPE_INVALID" },
		{ "C_DeriveKey", "CKR_TEMPLATE_INCONSISTENT" }, { "C_DeriveKey", "CKR_ATTRIBUTE_VALUE_INVALID" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;
		char fault[100];

		snprintf(fault, sizeof(fault), "fault %s on %lu %s\n", rows[i].function, next_call("f", "ECDH-ES", rows[i].function), rows[i].answer);
		start(&w, "f", "ECDH-ES", NULL, fault);
		assert_int_equal(decrypt(&w), JWK11_ERR_UNSUPPORTED);
		assert_string_equal(w.t.err.text, "token \"t1\" does not let the agreed secret out, which ECDH-ES needs");
		assert_int_equal(trial_count("secrets"), 0);
		trial_must(decrypt(&w), &w.t.err);
		end(&w);
	}
}

static void a_loss_is_made_good(void **state)
{
	static const struct {
		const char *label, *alg, *fault;
	} rows[] = {
		{ "d", "RSA-OAEP", "C_DecryptInit on 1 lose t1" }, { "d", "RSA-OAEP", "C_Decrypt on 1 lose t1" },
		{ "d", "RSA-OAEP", "C_DecryptInit on 1 logout t1" }, { "f", "ECDH-ES", "C_DeriveKey on 1 lose t1" },
		{ "f", "ECDH-ES", "C_DeriveKey on 1 logout t1" }, { "f", "ECDH-ES+A192KW", "C_DestroyObject on 1 lose t1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;
		char fault[100];

		snprintf(fault, sizeof(fault), "fault %s\n", rows[i].fault);
		start(&w, rows[i].label, rows[i].alg, NULL, fault);
		for (int n = 0; n < 3; n++)
			trial_must(decrypt(&w), &w.t.err);
		assert_int_equal(trial_count("C_Login"), 2);
		assert_int_equal(trial_count("secrets"), 0);
		assert_int_equal(trial_count("pin:t1"), 0);
		end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_decryption_asks_for_nothing_twice),
		cmocka_unit_test(a_refused_message_costs_both_paddings),
		cmocka_unit_test(a_loss_behind_a_refusal_is_not_told),
		cmocka_unit_test(what_a_module_says_of_a_padding_stays_inside),
		cmocka_unit_test(lengths_that_are_not_true_decrypt_nothing),
		cmocka_unit_test(a_content_key_that_was_changed_decrypts_nothing),
		cmocka_unit_test(a_point_that_is_not_taken_raw_is_wrapped),
		cmocka_unit_test(a_secret_that_is_kept_is_said_and_destroyed),
		cmocka_unit_test(a_loss_is_made_good),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
