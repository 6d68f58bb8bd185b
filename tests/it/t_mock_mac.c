/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys against the mock: listed only when asked for, MACs made and checked on the token, no algorithm of one kind with a key of
 * another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "jose/alg.h"
#include "mock_trial.h"

#define SECRETS "pkcs11:type=secret-key"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HONEST "key h hmac $/h.key\nkey k p256 $/k.pem\ntoken t1\npin 1234\nsecret h\nprivate k\npublic k\n"

static const struct jwk11_view hello = { "hello", 5 };
static const char *const hs[] = { "HS256", "HS384", "HS512" };

/* A key file of so many octets, 1, 2, 3 …; the mock reads it. */
static void write_key(const char *name, size_t len)
{
	FILE *f = fopen(trial_path(name), "w");

	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		fputc((int)(i + 1) & 0xff, f);
	assert_int_equal(fclose(f), 0);
}

/* libcrypto's word for what the MAC by such a key is. */
static struct jwk11_view expected(const char *alg, size_t key_len, struct jwk11_view input, unsigned char room[64])
{
	const EVP_MD *md = strcmp(alg, "HS256") == 0 ? EVP_sha256() : strcmp(alg, "HS384") == 0 ? EVP_sha384() : EVP_sha512();
	unsigned char key[256];
	unsigned len = 0;

	for (size_t i = 0; i < key_len; i++)
		key[i] = (unsigned char)(i + 1);
	assert_non_null(HMAC(md, key, (int)key_len, input.data, input.len, room, &len));
	return (struct jwk11_view){ room, len };
}

static void start(struct trial *t, const char *uri)
{
	trial_must(trial_load(t, false), &t->err);
	trial_must(trial_open(t, "pin", 1), &t->err);
	trial_must(trial_list(t, uri), &t->err);
}

static enum jwk11_rc sign(struct trial *t, const char *alg, struct jwk11_buf *sig)
{
	t->err = (struct jwk11_err){ 0 };
	jwk11_buf_reset(sig);
	return jwk11_key_sign(trial_key(t, "h"), alg, JWK11_INPUT_MESSAGE, hello, sig, &t->err);
}

static enum jwk11_rc verify(struct trial *t, const char *alg, struct jwk11_view input, struct jwk11_view sig)
{
	t->err = (struct jwk11_err){ 0 };
	return jwk11_key_verify(trial_key(t, "h"), alg, input, sig, &t->err);
}

static size_t n_listed(struct trial *t, const char *uri, enum jwk11_use use)
{
	struct jwk11_keys *keys = NULL;
	size_t n;

	trial_must(jwk11_token_keys_for(t->token, uri, use, &keys, &t->err), &t->err);
	n = jwk11_keys_count(keys);
	for (size_t i = 0; i < n; i++) {
		bool secret = jwk11_key_use(jwk11_keys_get(keys, i)) == JWK11_USE_MAC;

		assert_int_equal(jwk11_key_pub(jwk11_keys_get(keys, i)) == NULL, secret);
		assert_string_equal(jwk11_key_kty(jwk11_keys_get(keys, i)), secret ? "oct" : "EC");
	}
	jwk11_keys_free(keys);
	return n;
}

static void secret_keys_are_listed_when_asked_for_and_not_otherwise(void **state)
{
	static const struct {
		const char *uri;
		enum jwk11_use use;
		const char *label; /* of the one key; NULL: none */
	} rows[] = {
		{ NULL, JWK11_USE_SIG, "k" },
		{ "pkcs11:type=private", JWK11_USE_SIG, "k" },
		{ "pkcs11:object=h", JWK11_USE_SIG, NULL },
		{ SECRETS, JWK11_USE_SIG, "h" },
		{ "pkcs11:object=h;type=secret-key", JWK11_USE_SIG, "h" },
		{ "pkcs11:object=k;type=secret-key", JWK11_USE_SIG, NULL },
		{ NULL, JWK11_USE_MAC, "h" },
		{ SECRETS, JWK11_USE_MAC, "h" },
		{ "pkcs11:type=private", JWK11_USE_MAC, NULL },
		{ "pkcs11:type=public", JWK11_USE_MAC, NULL },
		{ "pkcs11:type=public", JWK11_USE_SIG, NULL },
		{ SECRETS, JWK11_USE_ENC, NULL },
	};
	struct trial t;

	(void)state;
	trial_script(HONEST);
	start(&t, NULL);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (n_listed(&t, rows[i].uri, rows[i].use) != (rows[i].label ? 1 : 0))
			fail_msg("%s for %d", rows[i].uri ? rows[i].uri : "all", rows[i].use);
	trial_end(&t);
}

static void a_secret_key_says_what_it_is_and_nothing_of_its_value(void **state)
{
	struct jwk11_buf uri = J11_BUF(1000), out = J11_BUF(1000);
	const struct jwk11_pub *pub;
	struct jwk11_key *key;
	struct trial t;

	(void)state;
	write_key("s48", 48);
	trial_script("key h hmac $/s48\ntoken t1\npin 1234\nsecret h\n");
	start(&t, SECRETS);
	key = trial_key(&t, "h");
	pub = jwk11_key_pub(key);
	assert_null(pub);
	assert_int_equal(jwk11_key_bits(key), 384);
	assert_string_equal(jwk11_key_default_alg(key), "HS256");
	trial_must(jwk11_key_uri(key, &uri, &t.err), &t.err);
	assert_non_null(strstr(jwk11_buf_data(&uri), ";type=secret-key"));
	assert_int_equal(n_listed(&t, jwk11_buf_data(&uri), JWK11_USE_SIG), 1);
	/* Who does not ask whether there is a public half gets nothing of it. */
	assert_int_equal(jwk11_pub_jwk(pub, NULL, NULL, &out, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_pem(pub, &out, NULL), JWK11_ERR_ARGUMENT);
	assert_string_equal(jwk11_pub_kty(pub), "");
	assert_string_equal(jwk11_pub_crv(pub), "");
	assert_string_equal(jwk11_pub_kid(pub), "");
	assert_string_equal(jwk11_pub_default_alg(pub), "");
	assert_string_equal(jwk11_pub_default_enc_alg(pub), "");
	assert_int_equal(jwk11_pub_bits(pub), 0);
	assert_int_equal(out.len, 0);
	j11_buf_done(&uri);
	j11_buf_done(&out);
	trial_end(&t);
}

/* RFC 7518 3.2: a key as long as the hash or longer. What the attributes say decides. */
static void a_key_serves_the_algorithms_that_it_is_long_enough_for(void **state)
{
	static const struct {
		size_t len;
		const char *attrs, *algs; /* "": left out */
	} rows[] = {
		{ 64, "", "HS256 HS384 HS512" },
		{ 63, "", "HS256 HS384" },
		{ 48, "", "HS256 HS384" },
		{ 47, "", "HS256" },
		{ 32, "", "HS256" },
		{ 31, "", "" },
		{ 1, "", "" },
		{ 200, "", "HS256 HS384 HS512" },
		{ 64, "attr CKA_KEY_TYPE number:0x2b", "HS256" },
		{ 64, "attr CKA_KEY_TYPE number:0x2c", "HS384" },
		{ 64, "attr CKA_KEY_TYPE number:0x2d", "HS512" },
		{ 48, "attr CKA_KEY_TYPE number:0x2d", "" },
		{ 32, "attr CKA_KEY_TYPE number:0x1f", "" }, /* AES */
		{ 64, "attr CKA_KEY_TYPE number:0x28", "" }, /* SHA-1 HMAC */
		{ 64, "attr CKA_KEY_TYPE absent", "" },
		{ 64, "attr CKA_VALUE_LEN absent", "HS256 HS384 HS512" },
		{ 64, "attr CKA_VALUE_LEN no-info", "HS256 HS384 HS512" },
		{ 64, "attr CKA_VALUE_LEN hex:40", "HS256 HS384 HS512" }, /* one octet is no number */
		{ 64, "attr CKA_VALUE_LEN number:0xffffffffffffffff", "HS256 HS384 HS512" },
		{ 64, "attr CKA_VALUE_LEN number:31", "" },
		{ 64, "attr CKA_CHECK_VALUE size:5000", "HS256 HS384 HS512" },
		{ 64, "attr CKA_CHECK_VALUE claims:0xffffffffff", "HS256 HS384 HS512" },
		{ 64, "attr CKA_SIGN false\nattr CKA_VERIFY false", "" },
		{ 64, "attr CKA_SIGN absent\nattr CKA_VERIFY absent", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_buf fitting = J11_BUF(100), sig = J11_BUF(100);
		struct trial t;

		write_key("s", rows[i].len);
		trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\n%s\n", rows[i].attrs);
		start(&t, SECRETS);
		for (size_t a = 0; trial_key(&t, "h") != NULL && a < COUNT(hs); a++) {
			bool can = jwk11_key_can(trial_key(&t, "h"), hs[a]);
			enum jwk11_rc rc = sign(&t, hs[a], &sig);

			if (can)
				j11_buf_add_fmt(&fitting, "%s%s", fitting.len ? " " : "", hs[a]);
			else if (rc != JWK11_ERR_MISMATCH || strcmp(t.err.code, "ALG_MISMATCH") != 0)
				fail_msg("%zu octets %s: %s gives %s", rows[i].len, rows[i].attrs, hs[a], jwk11_rc_name(rc));
		}
		if (strcmp(jwk11_buf_data(&fitting), rows[i].algs) != 0)
			fail_msg("%zu octets %s: \"%s\" (%s)", rows[i].len, rows[i].attrs, jwk11_buf_data(&fitting), jwk11_keys_skip_reason(t.keys));
		if (rows[i].algs[0] == '\0')
			assert_true(jwk11_keys_n_skipped(t.keys) == 1 && jwk11_keys_skip_reason(t.keys)[0] != '\0');
		else
			assert_true(strncmp(rows[i].algs, jwk11_key_default_alg(trial_key(&t, "h")), 5) == 0);
		j11_buf_done(&fitting);
		j11_buf_done(&sig);
		trial_end(&t);
	}
}

/* CKA_ALLOWED_MECHANISMS is final for secret keys too. */
static void a_key_serves_the_algorithms_that_it_allows(void **state)
{
	static const struct {
		const char *list, *alg; /* the one that works; NULL: the key is left out */
	} rows[] = {
		{ "mechanisms:CKM_SHA384_HMAC", "HS384" },
		{ "mechanisms:CKM_SHA512_HMAC,CKM_ECDSA", "HS512" },
		{ "mechanisms:CKM_ECDSA", NULL },
		{ "hex:0011", NULL },
	};
	struct jwk11_buf sig = J11_BUF(100);

	(void)state;
	write_key("s", 64);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct trial t;

		trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\nattr CKA_ALLOWED_MECHANISMS %s\n", rows[i].list);
		start(&t, SECRETS);
		assert_int_equal(trial_key(&t, "h") != NULL, rows[i].alg != NULL);
		for (size_t a = 0; rows[i].alg != NULL && a < COUNT(hs); a++) {
			bool mine = strcmp(hs[a], rows[i].alg) == 0;

			assert_int_equal(jwk11_key_can(trial_key(&t, "h"), hs[a]), mine);
			assert_int_equal(sign(&t, hs[a], &sig), mine ? JWK11_OK : JWK11_ERR_UNSUPPORTED);
		}
		if (rows[i].alg != NULL)
			assert_string_equal(jwk11_key_default_alg(trial_key(&t, "h")), rows[i].alg);
		else
			assert_non_null(strstr(jwk11_keys_skip_reason(t.keys), "CKA_ALLOWED_MECHANISMS"));
		trial_end(&t);
	}
	j11_buf_done(&sig);
}

static void macs_are_those_of_libcrypto_and_verify_on_the_token(void **state)
{
	struct jwk11_buf sig = J11_BUF(100);
	unsigned char room[64], bad[65];
	struct trial t;

	(void)state;
	write_key("s", 64);
	trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\n");
	start(&t, SECRETS);
	for (size_t i = 0; i < COUNT(hs); i++) {
		struct jwk11_view want = expected(hs[i], 64, hello, room), good;

		trial_must(sign(&t, hs[i], &sig), &t.err);
		good = j11_buf_view(&sig);
		assert_true(j11_view_equal(good, want));
		trial_must(verify(&t, hs[i], hello, good), &t.err);
		memcpy(bad, good.data, good.len);
		for (size_t bit = 0; bit < 8 * good.len; bit += 37) {
			bad[bit / 8] ^= (unsigned char)(1u << bit % 8);
			assert_int_equal(verify(&t, hs[i], hello, (struct jwk11_view){ bad, good.len }), JWK11_ERR_SIGNATURE);
			assert_string_equal(t.err.code, "SIGNATURE_INVALID");
			bad[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
		assert_int_equal(verify(&t, hs[i], (struct jwk11_view){ "hellp", 5 }, good), JWK11_ERR_SIGNATURE);
		assert_int_equal(verify(&t, hs[i], (struct jwk11_view){ NULL, 0 }, good), JWK11_ERR_SIGNATURE);
		trial_count_reset();
		for (size_t len = 0; len <= 65; len++)
			if (len != good.len)
				assert_int_equal(verify(&t, hs[i], hello, (struct jwk11_view){ bad, len }), JWK11_ERR_SIGNATURE);
		assert_int_equal(verify(&t, hs[(i + 1) % 3], hello, good), JWK11_ERR_SIGNATURE);
		assert_int_equal(trial_count("any"), 0); /* a wrong length never gets there */
	}
	trial_must(jwk11_key_sign(trial_key(&t, "h"), "HS256", JWK11_INPUT_MESSAGE, (struct jwk11_view){ NULL, 0 }, &sig, &t.err), &t.err);
	assert_int_equal(jwk11_key_sign(trial_key(&t, "h"), "HS256", JWK11_INPUT_DIGEST, (struct jwk11_view){ room, 32 }, &sig, NULL),
		JWK11_ERR_MISMATCH);
	assert_int_equal(verify(&t, "HS257", hello, hello), JWK11_ERR_UNSUPPORTED);
	assert_int_equal(verify(&t, "none", hello, (struct jwk11_view){ "", 0 }), JWK11_ERR_UNSUPPORTED);
	assert_int_equal(jwk11_key_verify(NULL, "HS256", hello, hello, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_key_verify(trial_key(&t, "h"), NULL, hello, hello, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_key_verify(trial_key(&t, "h"), "HS256", (struct jwk11_view){ NULL, 1 }, hello, NULL), JWK11_ERR_ARGUMENT);
	j11_buf_done(&sig);
	trial_end(&t);
}

static void expect_counts(unsigned long signs, unsigned long verifies)
{
	assert_int_equal(trial_count("C_SignInit"), signs);
	assert_int_equal(trial_count("C_Sign"), signs);
	assert_int_equal(trial_count("C_VerifyInit"), verifies);
	assert_int_equal(trial_count("C_Verify"), verifies);
	assert_int_equal(trial_count("any"), 2 * (signs + verifies));
}

/* Opened by hand: trial_open knows no verify = first. */
static void start_with(struct trial *t, bool sign_unverified)
{
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .pin_file = trial_path("pin"), .n_sessions = 1, .sign_unverified = sign_unverified };

	trial_must(trial_load(t, false), &t->err);
	trial_must(jwk11_token_open(t->ctx, &config, &t->token, &t->err), &t->err);
	trial_must(trial_list(t, SECRETS), &t->err);
}

static void each_mac_is_checked_or_only_the_first(void **state)
{
	struct jwk11_buf sig = J11_BUF(100);
	struct trial t;

	(void)state;
	trial_script(HONEST);
	for (int first = 0; first < 2; first++) {
		start_with(&t, first);
		for (int n = 0; n < 3; n++) {
			trial_count_reset();
			trial_must(sign(&t, "HS256", &sig), &t.err);
			expect_counts(1, first && n > 0 ? 0 : 1);
		}
		trial_end(&t);
	}
	j11_buf_done(&sig);
}

/* Without CKA_VERIFY a second MAC is the check; with it alone nothing is signed. */
static void a_key_does_what_its_attributes_let_it_do(void **state)
{
	struct jwk11_buf sig = J11_BUF(100);
	unsigned char room[64];
	struct trial t;

	(void)state;
	write_key("s", 64);
	trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\nattr CKA_VERIFY false\nfault C_Sign on 4 flip\n");
	start(&t, SECRETS);
	trial_count_reset();
	trial_must(sign(&t, "HS512", &sig), &t.err);
	assert_true(j11_view_equal(j11_buf_view(&sig), expected("HS512", 64, hello, room)));
	expect_counts(2, 0);
	trial_count_reset();
	assert_int_equal(verify(&t, "HS512", hello, j11_buf_view(&sig)), JWK11_ERR_UNSUPPORTED);
	assert_non_null(strstr(t.err.text, "CKA_VERIFY"));
	assert_int_equal(trial_count("any"), 0);
	trial_end(&t);

	trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\nattr CKA_VERIFY false\nfault C_Sign on 2 flip\n");
	start(&t, SECRETS);
	assert_int_equal(sign(&t, "HS256", &sig), JWK11_ERR_SIGNATURE);
	assert_string_equal(t.err.code, "SIGNATURE_WITHHELD");
	trial_end(&t);

	trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\nattr CKA_SIGN false\n");
	start(&t, SECRETS);
	assert_int_equal(sign(&t, "HS256", &sig), JWK11_ERR_UNSUPPORTED);
	assert_non_null(strstr(t.err.text, "CKA_SIGN"));
	assert_int_equal(sig.len, 0);
	trial_must(verify(&t, "HS256", hello, expected("HS256", 64, hello, room)), &t.err);
	trial_end(&t);
	j11_buf_done(&sig);
}

static void a_wrong_mac_is_withheld_and_the_key_put_away(void **state)
{
	static const char *const faults[] = { "C_Sign on 2 flip", "C_Sign on 2 length 31", "C_Sign on 2 length 33", "C_Sign on 2 length 0",
		"C_Sign on 2 length 0xffffffffffffffff", "C_Verify on 2 CKR_SIGNATURE_INVALID", "C_Verify on 2 CKR_SIGNATURE_LEN_RANGE" };

	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct jwk11_buf sig = J11_BUF(100);
		struct trial t;

		trial_script(HONEST "fault %s\n", faults[i]);
		start(&t, SECRETS);
		trial_must(sign(&t, "HS256", &sig), &t.err);
		if (sign(&t, "HS256", &sig) != JWK11_ERR_SIGNATURE || strcmp(t.err.code, "SIGNATURE_WITHHELD") != 0 || sig.len != 0)
			fail_msg("%s: %s", faults[i], t.err.text);
		trial_count_reset();
		assert_int_equal(sign(&t, "HS256", &sig), JWK11_ERR_SIGNATURE);
		assert_int_equal(trial_count("any"), 0);
		j11_buf_done(&sig);
		trial_end(&t);
	}
}

/* With verify = first, what "first" does not give up: the length. */
static void an_unchecked_mac_has_the_right_length_all_the_same(void **state)
{
	struct jwk11_buf sig = J11_BUF(100);
	struct trial t;

	(void)state;
	trial_script(HONEST "fault C_Sign on 3 length 31\n");
	start_with(&t, true);
	trial_must(sign(&t, "HS256", &sig), &t.err);
	trial_must(sign(&t, "HS256", &sig), &t.err);
	assert_int_equal(sign(&t, "HS256", &sig), JWK11_ERR_SIGNATURE);
	j11_buf_done(&sig);
	trial_end(&t);
}

/* A token that cannot verify is no reason to trust it; and a wrong answer of C_Verify is not taken for a broken token. */
static void what_c_verify_says_is_told_apart(void **state)
{
	static const struct {
		const char *fault;
		enum jwk11_rc sign_rc, verify_rc;
	} rows[] = {
		{ "C_VerifyInit every CKR_MECHANISM_INVALID", JWK11_ERR_UNSUPPORTED, JWK11_ERR_UNSUPPORTED },
		{ "C_VerifyInit every CKR_FUNCTION_NOT_SUPPORTED", JWK11_ERR_UNSUPPORTED, JWK11_ERR_UNSUPPORTED },
		{ "C_VerifyInit every CKR_KEY_FUNCTION_NOT_PERMITTED", JWK11_ERR_UNSUPPORTED, JWK11_ERR_UNSUPPORTED },
		{ "C_Verify every CKR_DEVICE_ERROR", JWK11_ERR_DEVICE, JWK11_ERR_DEVICE },
		{ "C_Verify every CKR_TOKEN_NOT_PRESENT", JWK11_ERR_ABSENT, JWK11_ERR_ABSENT },
		{ "C_Verify on 1 CKR_SESSION_HANDLE_INVALID", JWK11_OK, JWK11_OK },
		{ "C_Verify on 1 CKR_GENERAL_ERROR", JWK11_OK, JWK11_OK },
	};
	unsigned char room[64];

	(void)state;
	write_key("s", 64);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_buf sig = J11_BUF(100);
		struct trial t;
		enum jwk11_rc rc;

		for (int verifying = 0; verifying < 2; verifying++) {
			trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\nfault %s\n", rows[i].fault);
			start(&t, SECRETS);
			rc = verifying ? verify(&t, "HS256", hello, expected("HS256", 64, hello, room)) : sign(&t, "HS256", &sig);
			if (rc != (verifying ? rows[i].verify_rc : rows[i].sign_rc))
				fail_msg("%s: %s: %s", rows[i].fault, jwk11_rc_name(rc), t.err.text);
			trial_end(&t);
		}
		j11_buf_done(&sig);
	}
}

/* NSS answers so: the token is well, and it is the MAC that is wrong. Unless the token has really gone, or the key cannot tell. */
static void a_vague_code_about_a_wrong_mac_is_no_failure_of_the_token(void **state)
{
	static const struct {
		const char *lines;
		bool good;
		enum jwk11_rc rc;
	} rows[] = {
		{ "fault C_Verify every CKR_DEVICE_ERROR", false, JWK11_ERR_SIGNATURE },
		{ "fault C_Verify every CKR_GENERAL_ERROR", false, JWK11_ERR_SIGNATURE },
		{ "fault C_Verify every CKR_DEVICE_ERROR", true, JWK11_ERR_DEVICE },
		{ "fault C_Verify every CKR_DEVICE_ERROR\nfault C_Sign every CKR_DEVICE_ERROR", false, JWK11_ERR_DEVICE },
		{ "fault C_Verify every CKR_TOKEN_NOT_PRESENT\nfault C_SignInit every CKR_TOKEN_NOT_PRESENT", false, JWK11_ERR_ABSENT },
		{ "attr CKA_SIGN false\nfault C_Verify every CKR_DEVICE_ERROR", false, JWK11_ERR_DEVICE },
		{ "attr CKA_SIGN false", false, JWK11_ERR_SIGNATURE },
	};
	unsigned char room[64];

	(void)state;
	write_key("s", 64);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_view mac = expected("HS256", 64, hello, room);
		struct trial t;
		enum jwk11_rc rc;

		room[31] ^= rows[i].good ? 0 : 1;
		trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\n%s\n", rows[i].lines);
		start(&t, SECRETS);
		rc = verify(&t, "HS256", hello, mac);
		if (rc != rows[i].rc)
			fail_msg("%s: %s: %s", rows[i].lines, jwk11_rc_name(rc), t.err.text);
		trial_end(&t);
	}
}

/* RFC 8725 section 3.1 for every pair of a key and an algorithm: each refuses what is not its own kind, in both directions. */
static void no_key_takes_an_algorithm_of_another_kind(void **state)
{
	static const char *const types[] = { "rsa2048", "p256", "p384", "p521", "secp256k1", "ed25519", "ed448", "hmac" };

	(void)state;
	for (size_t k = 0; k < COUNT(types); k++) {
		struct jwk11_buf sig = J11_BUF(600);
		bool secret = strcmp(types[k], "hmac") == 0;
		unsigned n = 0;
		struct trial t;

		trial_script("key h %s $/%s.key\ntoken t1\npin 1234\n%s h\n%s\n", types[k], types[k], secret ? "secret" : "private",
			secret ? "" : "public h");
		start(&t, secret ? SECRETS : NULL);
		for (size_t a = 0; j11_alg_at(a) != NULL; a++) {
			const struct j11_alg *alg = j11_alg_at(a);
			bool can = jwk11_key_can(trial_key(&t, "h"), alg->name);

			if ((alg->scheme == J11_SCHEME_HMAC) != secret)
				assert_false(can);
			trial_count_reset();
			if (can) {
				trial_must(sign(&t, alg->name, &sig), &t.err);
				trial_must(verify(&t, alg->name, hello, j11_buf_view(&sig)), &t.err);
				n++;
				continue;
			}
			assert_int_equal(sign(&t, alg->name, &sig), JWK11_ERR_MISMATCH);
			assert_string_equal(t.err.code, "ALG_MISMATCH");
			assert_int_equal(verify(&t, alg->name, hello, (struct jwk11_view){ "0123456789abcdef0123456789abcdef", 32 }), JWK11_ERR_MISMATCH);
			assert_int_equal(trial_count("any"), 0);
		}
		assert_true(n > 0);
		j11_buf_done(&sig);
		trial_end(&t);
	}
}

/* The old attack: a token that says HS256, with a MAC whose key is the victim's public key as everybody has it. */
static void a_mac_by_a_public_key_is_worth_nothing(void **state)
{
	static const char *const types[] = { "rsa2048", "p256", "ed25519" };

	(void)state;
	for (size_t k = 0; k < COUNT(types); k++) {
		struct jwk11_buf pem = J11_BUF(2000), jws = J11_BUF(2000), jwk = J11_BUF(2000);
		struct jwk11_view inputs[2];
		const struct jwk11_pub *pub;
		struct trial t;

		trial_script("key h %s $/%s.key\ntoken t1\npin 1234\nprivate h\npublic h\n", types[k], types[k]);
		start(&t, NULL);
		pub = jwk11_key_pub(trial_key(&t, "h"));
		trial_must(jwk11_pub_pem(pub, &pem, &t.err), &t.err);
		trial_must(jwk11_pub_jwk(pub, NULL, NULL, &jwk, &t.err), &t.err);
		inputs[0] = j11_buf_view(&pem);
		inputs[1] = j11_buf_view(&jwk);
		for (size_t i = 0; i < COUNT(inputs); i++) {
			unsigned char mac[64];
			unsigned len = 0;

			jwk11_buf_reset(&jws);
			j11_buf_add_str(&jws, "eyJhbGciOiJIUzI1NiJ9.e30"); /* {"alg":"HS256"} and {} */
			assert_non_null(HMAC(EVP_sha256(), inputs[i].data, (int)inputs[i].len, (const unsigned char *)jws.data, jws.len, mac, &len));
			assert_int_equal(jwk11_key_verify(trial_key(&t, "h"), "HS256", j11_buf_view(&jws), (struct jwk11_view){ mac, len }, NULL),
				JWK11_ERR_MISMATCH);
			assert_int_equal(jwk11_pub_verify(pub, "HS256", JWK11_INPUT_MESSAGE, j11_buf_view(&jws), (struct jwk11_view){ mac, len }, NULL),
				JWK11_ERR_MISMATCH);
			j11_buf_add_byte(&jws, '.');
			j11_b64url_add(&jws, (struct jwk11_view){ mac, len });
			assert_int_equal(jwk11_jws_verify(pub, NULL, j11_buf_view(&jws), NULL, NULL), JWK11_ERR_MISMATCH);
			assert_int_equal(jwk11_jws_verify(pub, "HS256", j11_buf_view(&jws), NULL, NULL), JWK11_ERR_MISMATCH);
		}
		j11_buf_done(&pem);
		j11_buf_done(&jwk);
		j11_buf_done(&jws);
		trial_end(&t);
	}
}

/* A secret key has no public half to be known by: after a loss there must be exactly one that looks the same. */
static void after_a_loss_the_key_is_found_again_or_not_guessed(void **state)
{
	static const struct {
		const char *twin; /* another key on the token */
		enum jwk11_rc rc;
	} rows[] = {
		{ "", JWK11_OK },
		{ "secret o", JWK11_OK },
		{ "secret o\nattr CKA_ID text:h\n", JWK11_OK }, /* another label */
		{ "secret o\nattr CKA_LABEL text:h\n", JWK11_OK }, /* another CKA_ID */
		{ "secret o\nattr CKA_ID text:h\nattr CKA_LABEL text:h\n", JWK11_ERR_AMBIGUOUS },
		{ "secret o\nattr CKA_ID text:h\nattr CKA_LABEL text:h\nattr CKA_VALUE_LEN number:48\n", JWK11_OK },
		{ "secret o\nattr CKA_ID text:h\nattr CKA_LABEL text:h\nattr CKA_CHECK_VALUE hex:0a0b0c\n", JWK11_OK },
		{ "secret o\nattr CKA_ID text:h\nattr CKA_LABEL text:h\nattr CKA_KEY_TYPE number:0x2b\n", JWK11_OK },
	};
	unsigned char room[64];

	(void)state;
	write_key("s", 64);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_buf sig = J11_BUF(100);
		struct jwk11_key *key = NULL;
		struct trial t;
		enum jwk11_rc rc;

		trial_script("key o hmac $/o.key\nkey h hmac $/s\ntoken t1\npin 1234\nhandles shuffled\n%s\nsecret h\nfault C_Sign on 3 CKR_DEVICE_ERROR\n"
			"fault C_Sign on 3 lose t1\n", rows[i].twin);
		start(&t, SECRETS);
		for (size_t n = 0; n < jwk11_keys_count(t.keys); n++) { /* the one whose MAC is known */
			key = jwk11_keys_get(t.keys, n);
			trial_must(jwk11_key_sign(key, "HS256", JWK11_INPUT_MESSAGE, hello, &sig, &t.err), &t.err);
			if (j11_view_equal(j11_buf_view(&sig), expected("HS256", 64, hello, room)))
				break;
			jwk11_buf_reset(&sig);
		}
		assert_int_equal(sig.len, 32);
		for (int n = 0; n < 3; n++) {
			jwk11_buf_reset(&sig);
			t.err = (struct jwk11_err){ 0 };
			rc = jwk11_key_sign(key, "HS256", JWK11_INPUT_MESSAGE, hello, &sig, &t.err);
			if (rc == JWK11_OK)
				assert_true(j11_view_equal(j11_buf_view(&sig), expected("HS256", 64, hello, room)));
			if (rc != JWK11_OK && rc != rows[i].rc)
				fail_msg("%s: %s: %s", rows[i].twin, jwk11_rc_name(rc), t.err.text);
		}
		assert_int_equal(rc, rows[i].rc);
		j11_buf_done(&sig);
		trial_end(&t);
	}
}

static enum jwk11_rc whole_life(struct trial *t)
{
	struct jwk11_buf jws = J11_BUF(4096), uri = J11_BUF(1000);
	unsigned char room[64];
	enum jwk11_rc rc = trial_load(t, false);

	if (rc == JWK11_OK)
		rc = trial_open(t, "pin", 1);
	if (rc == JWK11_OK)
		rc = trial_list(t, SECRETS);
	if (rc == JWK11_OK && trial_key(t, "h") == NULL)
		rc = j11_err_set(&t->err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "not listed: %s", jwk11_keys_skip_reason(t->keys));
	if (rc == JWK11_OK)
		rc = jwk11_key_uri(trial_key(t, "h"), &uri, &t->err);
	if (rc == JWK11_OK)
		rc = jwk11_key_jws(trial_key(t, "h"), "HS256", "h", NULL, hello, &jws, &t->err);
	if (rc == JWK11_OK)
		rc = jwk11_key_verify(trial_key(t, "h"), "HS256", hello, expected("HS256", 64, hello, room), &t->err);
	j11_buf_done(&jws);
	j11_buf_done(&uri);
	return rc;
}

static void each_failing_allocation_is_out_of_memory_and_nothing_else(void **state)
{
	enum jwk11_rc rc = JWK11_ERR_MEMORY;
	unsigned long n = 0;

	(void)state;
	write_key("s", 64);
	trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\n");
	while (rc != JWK11_OK && n < 2000) {
		struct trial t;

		j11_mem_fail_at(++n, 0);
		rc = whole_life(&t);
		j11_mem_fail_at(0, 0);
		if (rc != JWK11_OK && (rc != JWK11_ERR_MEMORY || t.err.rc != JWK11_ERR_MEMORY))
			fail_msg("allocation %lu: %s: %s", n, jwk11_rc_name(rc), t.err.text);
		trial_end(&t);
	}
	assert_in_range(n, 10, 1999);
}

/* Each call of the module fails in turn, in three ways: what comes out is the right answer or a stated error. */
static void each_failing_call_is_survived_or_stated(void **state)
{
	static const char *const faults[] = { "CKR_DEVICE_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_HOST_MEMORY" };
	unsigned n_good = 0;

	(void)state;
	write_key("s", 64);
	for (size_t f = 0; f < COUNT(faults); f++) {
		unsigned long n = 0, calls;

		do {
			struct trial t;
			enum jwk11_rc rc;

			trial_script("key h hmac $/s\ntoken t1\npin 1234\nsecret h\nfault any on %lu %s\n", ++n, faults[f]);
			rc = whole_life(&t);
			calls = trial_count("any");
			n_good += rc == JWK11_OK;
			if (rc != JWK11_OK && (t.err.rc != rc || t.err.text[0] == '\0'))
				fail_msg("call %lu %s: %s unstated", n, faults[f], jwk11_rc_name(rc));
			trial_end(&t);
		} while (calls >= n && n < 300);
		assert_in_range(n, 20, 299);
	}
	assert_true(n_good > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_keys_are_listed_when_asked_for_and_not_otherwise),
		cmocka_unit_test(a_secret_key_says_what_it_is_and_nothing_of_its_value),
		cmocka_unit_test(a_key_serves_the_algorithms_that_it_is_long_enough_for),
		cmocka_unit_test(a_key_serves_the_algorithms_that_it_allows),
		cmocka_unit_test(macs_are_those_of_libcrypto_and_verify_on_the_token),
		cmocka_unit_test(each_mac_is_checked_or_only_the_first),
		cmocka_unit_test(a_key_does_what_its_attributes_let_it_do),
		cmocka_unit_test(a_wrong_mac_is_withheld_and_the_key_put_away),
		cmocka_unit_test(an_unchecked_mac_has_the_right_length_all_the_same),
		cmocka_unit_test(what_c_verify_says_is_told_apart),
		cmocka_unit_test(a_vague_code_about_a_wrong_mac_is_no_failure_of_the_token),
		cmocka_unit_test(no_key_takes_an_algorithm_of_another_kind),
		cmocka_unit_test(a_mac_by_a_public_key_is_worth_nothing),
		cmocka_unit_test(after_a_loss_the_key_is_found_again_or_not_guessed),
		cmocka_unit_test(each_failing_allocation_is_out_of_memory_and_nothing_else),
		cmocka_unit_test(each_failing_call_is_survived_or_stated),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
