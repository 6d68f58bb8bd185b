/* SPDX-License-Identifier: Apache-2.0 */
/* JWS by keys on the mock token: the examples of RFC 7797 and RFC 7520 octet by octet, certificates in the header, failures in between. */
#include "vector.h"

#include "jose/jws.h"
#include "mock_trial.h"

#define CERTIFIED "key k p256 $/k.pem\ntoken t1\npin 1234\nprivate k\npublic k\ncertificate k\n"
#define SECRETS "pkcs11:type=secret-key"

/* The octets of a JWK's k as a key file of the mock. */
static void write_secret(const struct j11_json *jwk)
{
	struct jwk11_buf key = J11_BUF(200);
	FILE *file = fopen(trial_path("secret"), "w");

	assert_non_null(file);
	assert_int_equal(j11_b64url_decode(vector_text(jwk, "k"), "k", &key, NULL), JWK11_OK);
	assert_int_equal(fwrite(key.data, 1, key.len, file), key.len);
	assert_int_equal(fclose(file), 0);
	j11_buf_done(&key);
}

static void start(struct trial *t, const char *uri)
{
	trial_must(trial_load(t, false), &t->err);
	trial_must(trial_open(t, "pin", 1), &t->err);
	trial_must(trial_list(t, uri), &t->err);
}

/* jwk11_key_jws_check: the MAC is right, a damaged one is not, and no other algorithm is taken. */
static void check_on_the_token(struct trial *t, struct jwk11_view text, bool detached, struct jwk11_view payload)
{
	struct jwk11_key *key = trial_key(t, "h");
	struct jwk11_err err = { 0 };
	struct jwk11_jws *jws = NULL;

	assert_int_equal(jwk11_jws_read(text, detached ? &payload : NULL, &jws, NULL), JWK11_OK);
	trial_must(jwk11_key_jws_check(key, jws, 0, NULL, NULL, &t->err), &t->err);
	trial_must(jwk11_key_jws_check(key, jws, 0, "HS256", NULL, &t->err), &t->err);
	assert_int_equal(jwk11_key_jws_check(key, jws, 0, "HS512", NULL, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.code, "ALG_MISMATCH");
	assert_int_equal(jwk11_key_jws_check(key, jws, 1, NULL, NULL, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_key_jws_check(NULL, jws, 0, NULL, NULL, NULL), JWK11_ERR_ARGUMENT);
	jws->payload.data[0] ^= 1;
	j11_err_clear(&err);
	assert_int_equal(jwk11_key_jws_check(key, jws, 0, NULL, NULL, &err), JWK11_ERR_SIGNATURE);
	assert_string_equal(err.code, "SIGNATURE_INVALID");
	jwk11_jws_free(jws);
}

/* A MAC is the same each time, so what we make is what the RFCs print. */
static void reproduces_the_examples_with_a_mac(void **state)
{
	static const struct {
		const char *file, *form, *kid;
		struct jwk11_jws_options options;
	} rows[] = {
		{ "rfc7797-4-1-b64-true.json", "jws", NULL, { .form = JWK11_JWS_COMPACT } },
		{ "rfc7797-4-2-b64-false.json", "jws", NULL, { .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED } },
		{ "rfc7520-4-4-hs256.json", "jws", "018c0ae5-4d9b-471b-bfd6-eef314bc7037", { .form = JWK11_JWS_COMPACT } },
		{ "rfc7520-4-5-detached.json", "jws", "018c0ae5-4d9b-471b-bfd6-eef314bc7037", { .flags = JWK11_JWS_DETACHED } },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_buf jws = J11_BUF(2000);
		struct trial t;
		struct vector v;

		vector_load(&v, rows[i].file);
		write_secret(j11_json_get(v.root, "private"));
		trial_script("key h hmac $/secret\ntoken t1\npin 1234\nsecret h\n");
		start(&t, SECRETS);
		trial_must(jwk11_key_jws_with(trial_key(&t, "h"), "HS256", rows[i].kid, &rows[i].options, vector_text(v.root, "payload"), &jws, &t.err), &t.err);
		assert_true(j11_view_equal(j11_buf_view(&jws), vector_text(v.root, rows[i].form)));
		check_on_the_token(&t, j11_buf_view(&jws), rows[i].options.flags & JWK11_JWS_DETACHED, vector_text(v.root, "payload"));
		j11_buf_done(&jws);
		trial_end(&t);
		vector_done(&v);
	}
}

static void a_secret_key_shows_neither_jwk_nor_certificates(void **state)
{
	static const unsigned flags[] = { JWK11_JWS_JWK, JWK11_JWS_X5C, JWK11_JWS_JWK | JWK11_JWS_X5C };
	struct vector v;
	struct trial t;

	(void)state;
	vector_load(&v, "rfc7797-4-1-b64-true.json");
	write_secret(j11_json_get(v.root, "private"));
	trial_script("key h hmac $/secret\ntoken t1\npin 1234\nsecret h\n");
	start(&t, SECRETS);
	for (size_t i = 0; i < J11_COUNT(flags); i++) {
		struct jwk11_jws_options options = { .flags = flags[i] };
		struct jwk11_buf jws = J11_BUF(2000);
		struct jwk11_err err = { 0 };

		assert_int_equal(jwk11_key_jws_with(trial_key(&t, "h"), "HS256", NULL, &options, J11_VIEW("x"), &jws, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, "HEADER_REFUSED");
		assert_int_equal(jws.len, 0);
	}
	trial_end(&t);
	vector_done(&v);
}

static enum jwk11_rc sign_certified(struct trial *t, struct jwk11_buf *jws)
{
	struct jwk11_jws_options options = { .form = JWK11_JWS_GENERAL, .flags = JWK11_JWS_X5C, .header_json = "{\"a\":1}",
		.onto = J11_VIEW("eyJhbGciOiJSUzI1NiJ9.JC4wMg.AA") };

	jwk11_buf_reset(jws);
	t->err = (struct jwk11_err){ 0 };
	return jwk11_key_jws_with(trial_key(t, "k"), "ES256", "k", &options, (struct jwk11_view){ NULL, 0 }, jws, &t->err);
}

/* The header's certificate holds the key that signed. */
static void check_certified(const struct trial *t, const struct jwk11_buf *text)
{
	struct jwk11_jws *jws = NULL;
	const struct j11_json *x5c;
	struct jwk11_buf der = J11_BUF(4096);
	struct jwk11_pub *pub = NULL;

	assert_int_equal(jwk11_jws_read(j11_buf_view(text), NULL, &jws, NULL), JWK11_OK);
	x5c = j11_json_get(jws->signatures[1].protected_header, "x5c");
	assert_int_equal(j11_b64_decode(x5c->child->text, "x5c", &der, NULL), JWK11_OK);
	assert_int_equal(j11_pub_from_cert(j11_buf_view(&der), &pub, NULL), JWK11_OK);
	assert_true(j11_pub_equal(pub, jwk11_key_pub(trial_key(t, "k"))));
	assert_int_equal(jwk11_jws_check(jws, 1, pub, NULL, NULL, NULL), JWK11_OK);
	assert_int_equal(jwk11_key_jws_check(trial_key(t, "k"), jws, 1, NULL, NULL, NULL), JWK11_OK);
	assert_int_equal(jwk11_key_jws_check(trial_key(t, "k"), jws, 0, NULL, NULL, NULL), JWK11_ERR_MISMATCH);
	jwk11_pub_unref(pub);
	j11_buf_done(&der);
	jwk11_jws_free(jws);
}

static void certificates_are_read_once(void **state)
{
	struct jwk11_buf jws = J11_BUF(8192);
	struct trial t;

	(void)state;
	trial_script(CERTIFIED);
	start(&t, NULL);
	trial_must(sign_certified(&t, &jws), &t.err);
	check_certified(&t, &jws);
	assert_true(trial_count("C_FindObjectsInit") > 0);
	trial_count_reset();
	for (int i = 0; i < 10; i++) {
		trial_must(sign_certified(&t, &jws), &t.err);
		check_certified(&t, &jws);
	}
	assert_int_equal(trial_count("C_SignInit"), 10);
	assert_int_equal(trial_count("C_Sign"), 10);
	assert_int_equal(trial_count("any"), 20);
	trial_end(&t);
	j11_buf_done(&jws);
}

static void a_key_without_certificate_says_so(void **state)
{
	struct jwk11_buf jws = J11_BUF(8192);
	struct trial t;

	(void)state;
	trial_script("key k p256 $/k.pem\ntoken t1\npin 1234\nprivate k\npublic k\n");
	start(&t, NULL);
	assert_int_equal(sign_certified(&t, &jws), JWK11_ERR_NOT_FOUND);
	assert_string_equal(t.err.code, "CERT_ABSENT");
	assert_int_equal(trial_count("C_SignInit"), 0);
	trial_end(&t);
	j11_buf_done(&jws);
}

static void each_failing_call_leaves_nothing_or_a_signature(void **state)
{
	unsigned long n = 0, calls;

	(void)state;
	do {
		struct jwk11_buf jws = J11_BUF(8192);
		unsigned long before;
		struct trial t;

		trial_script(CERTIFIED);
		start(&t, NULL);
		before = trial_count("any");
		trial_end(&t);
		trial_script(CERTIFIED "fault any on %lu CKR_DEVICE_ERROR\n", before + ++n);
		start(&t, NULL);
		if (sign_certified(&t, &jws) == JWK11_OK)
			check_certified(&t, &jws);
		else if (jws.len != 0 || t.err.text[0] == '\0')
			fail_msg("call %lu: %zu octets, %s", n, jws.len, t.err.text);
		calls = trial_count("any") - before;
		trial_end(&t);
		j11_buf_done(&jws);
	} while (calls >= n && n < 200);
	assert_in_range(n, 5, 199);
}

static void each_failing_allocation_is_out_of_memory_and_nothing_else(void **state)
{
	enum jwk11_rc rc = JWK11_ERR_MEMORY;
	unsigned long n = 0;

	(void)state;
	trial_script(CERTIFIED);
	while (rc != JWK11_OK && n < 1000) {
		struct jwk11_buf jws = J11_BUF(8192);
		struct trial t;

		start(&t, NULL);
		j11_mem_fail_at(++n, 0);
		rc = sign_certified(&t, &jws);
		j11_mem_fail_at(0, 0);
		if (rc != JWK11_OK && (rc != JWK11_ERR_MEMORY || t.err.rc != JWK11_ERR_MEMORY || jws.len != 0))
			fail_msg("allocation %lu: %s: %s", n, jwk11_rc_name(rc), t.err.text);
		trial_end(&t);
		j11_buf_done(&jws);
	}
	assert_in_range(n, 10, 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reproduces_the_examples_with_a_mac),
		cmocka_unit_test(a_secret_key_shows_neither_jwk_nor_certificates),
		cmocka_unit_test(certificates_are_read_once),
		cmocka_unit_test(a_key_without_certificate_says_so),
		cmocka_unit_test(each_failing_call_leaves_nothing_or_a_signature),
		cmocka_unit_test(each_failing_allocation_is_out_of_memory_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
