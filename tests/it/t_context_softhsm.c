/* SPDX-License-Identifier: Apache-2.0 */
/* SoftHSM's own notion of a key that wants its PIN for each operation. */
#include "softhsm.h"

static struct jwk11_context *ctx;
static struct jwk11_token *token;

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void make_pair(const char *label, bool sign)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE exponent[] = { 1, 0, 1 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE public_half[] = {
		{ CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &no, 1 }, { CKA_LABEL, (void *)label, strlen(label) }, { CKA_ID, (void *)label, strlen(label) },
		{ CKA_MODULUS_BITS, &bits, sizeof(bits) }, { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) },
	};
	CK_ATTRIBUTE private_half[] = {
		{ CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_LABEL, (void *)label, strlen(label) }, { CKA_ID, (void *)label, strlen(label) },
		{ CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 }, { CKA_ALWAYS_AUTHENTICATE, &yes, 1 }, { CKA_SIGN, sign ? &yes : &no, 1 },
		{ CKA_DECRYPT, sign ? &no : &yes, 1 }, { CKA_DERIVE, &no, 1 }, { CKA_UNWRAP, &no, 1 },
	};
	CK_OBJECT_HANDLE pub, priv;
	CK_SESSION_HANDLE session;

	assert_int_equal(token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(token->fl->C_GenerateKeyPair(session, &mechanism, public_half, J11_COUNT(public_half), private_half, J11_COUNT(private_half),
		&pub, &priv), CKR_OK);
	token->fl->C_CloseSession(session);
}

static int set_up(void **state)
{
	(void)state;
	softhsm_make();
	ctx = softhsm_context();
	token = softhsm_open(ctx);
	make_pair("signer", true);
	make_pair("opener", false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return softhsm_close(ctx, token);
}

static struct jwk11_key *key_of(const char *uri, enum jwk11_use use, struct jwk11_keys **keys)
{
	struct jwk11_err err = { 0 };

	softhsm_must(jwk11_token_keys_for(token, uri, use, keys, &err), &err);
	if (jwk11_keys_count(*keys) != 1)
		fail_msg("%s: %s", uri, jwk11_keys_skip_reason(*keys));
	assert_true(jwk11_key_wants_pin(jwk11_keys_get(*keys, 0)));
	return jwk11_keys_get(*keys, 0);
}

static void signs_when_it_is_given_the_pin_each_time(void **state)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_key *key = key_of("pkcs11:object=signer", JWK11_USE_SIG, &keys);
	struct jwk11_buf sig = J11_BUF(4096);
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(jwk11_key_sign(key, "RS256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "KEY_WANTS_PIN");
	jwk11_key_set_context_pin(key, true);
	for (int i = 0; i < 3; i++) {
		jwk11_buf_reset(&sig);
		err = (struct jwk11_err){ 0 };
		softhsm_must(jwk11_key_sign(key, i == 1 ? "PS256" : "RS256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &err), &err);
	}
	j11_buf_done(&sig);
	jwk11_keys_free(keys);
}

static void decrypts_when_it_is_given_the_pin_each_time(void **state)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_key *key = key_of("pkcs11:object=opener", JWK11_USE_ENC, &keys);
	struct jwk11_buf jwe = J11_BUF(4096), plain = J11_BUF(4096);
	struct jwk11_err err = { 0 };

	(void)state;
	softhsm_must(jwk11_pub_encrypt(jwk11_key_pub(key), "RSA-OAEP", NULL, NULL, NULL, J11_VIEW("secret"), &jwe, &err), &err);
	assert_int_equal(jwk11_key_decrypt(key, "RSA-OAEP", NULL, j11_buf_view(&jwe), &plain, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "KEY_WANTS_PIN");
	jwk11_key_set_context_pin(key, true);
	for (int i = 0; i < 2; i++) {
		jwk11_buf_reset(&plain);
		err = (struct jwk11_err){ 0 };
		softhsm_must(jwk11_key_decrypt(key, "RSA-OAEP", NULL, j11_buf_view(&jwe), &plain, &err), &err);
		assert_string_equal(jwk11_buf_data(&plain), "secret");
	}
	j11_buf_done(&jwe);
	j11_buf_done(&plain);
	jwk11_keys_free(keys);
}

/* The PIN in the file is another one by now: sent once, with the memory of the token's login. */
static void a_wrong_pin_is_sent_once(void **state)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_key *key = key_of("pkcs11:object=signer", JWK11_USE_SIG, &keys);
	struct jwk11_buf sig = J11_BUF(4096);
	struct jwk11_err err = { 0 };
	char pin[512];

	(void)state;
	jwk11_key_set_context_pin(key, true);
	softhsm_path(pin, "pin");
	assert_int_equal(unlink(pin), 0);
	softhsm_write("pin", "9999\n");
	assert_int_equal(jwk11_key_sign(key, "RS256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "PIN_REJECTED");
	assert_true(err.has_ckr);
	err = (struct jwk11_err){ 0 };
	assert_int_equal(jwk11_key_sign(key, "RS256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "PIN_REJECTED");
	assert_false(err.has_ckr); /* not sent */
	assert_int_equal(unlink(pin), 0);
	softhsm_write("pin", "1234\n");
	err = (struct jwk11_err){ 0 };
	softhsm_must(jwk11_key_sign(key, "RS256", JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &sig, &err), &err);
	j11_buf_done(&sig);
	jwk11_keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_when_it_is_given_the_pin_each_time),
		cmocka_unit_test(decrypts_when_it_is_given_the_pin_each_time),
		cmocka_unit_test(a_wrong_pin_is_sent_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
