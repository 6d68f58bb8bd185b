/* SPDX-License-Identifier: Apache-2.0 */
/* ML-DSA keys on the mock token: found in whatever shape their public half has, and signatures of fixed vectors, right and wrong. The mock
 * cannot compute ML-DSA: a key gives its one signature whatever it is asked to sign, which is just what a token that lies does. */
#include "../unit/vector.h"

#include "jose/jws.h"
#include "jose/pub.h"
#include "mock_trial.h"

static const char *const sets[] = { "44", "65", "87" };

static void write_octets(const char *file, struct jwk11_view octets)
{
	FILE *f = fopen(trial_path(file), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(octets.data, 1, octets.len, f), octets.len);
	assert_int_equal(fclose(f), 0);
}

static void write_member(const char *file, const struct j11_json *obj, const char *name)
{
	struct jwk11_buf octets = J11_BUF(8192);

	assert_int_equal(j11_b64url_decode(vector_text(obj, name), name, &octets, NULL), JWK11_OK);
	write_octets(file, j11_buf_view(&octets));
	j11_buf_done(&octets);
}

static const struct j11_json *find(const struct j11_json *list, const char *member, const char *value)
{
	for (const struct j11_json *one = list->child; one != NULL; one = one->next)
		if (j11_view_equals(vector_text(one, member), value))
			return one;
	fail_msg("no vector with %s %s", member, value);
	return NULL;
}

static void write_spki(const char *set, const struct j11_json *key)
{
	struct jwk11_buf octets = J11_BUF(J11_SPKI_MAX), der = J11_BUF(J11_SPKI_MAX);
	struct jwk11_pub *pub = NULL;
	char file[16];

	assert_int_equal(j11_b64url_decode(vector_text(key, "pub"), "pub", &octets, NULL), JWK11_OK);
	assert_int_equal(j11_pub_new_akp(j11_mldsa_find(vector_text(key, "alg")), j11_buf_view(&octets), &pub, NULL), JWK11_OK);
	assert_int_equal(j11_pub_spki(pub, &der, NULL), JWK11_OK);
	snprintf(file, sizeof(file), "spki-%s", set);
	write_octets(file, j11_buf_view(&der));
	jwk11_pub_unref(pub);
	j11_buf_done(&octets);
	j11_buf_done(&der);
}

/* Files pub-SET and spki-SET, and sig-SET: its signature of "hello", which is what trial_sign signs. */
static void write_hello(void)
{
	struct vector v;

	vector_load(&v, "mldsa.json");
	for (size_t i = 0; i < J11_COUNT(sets); i++) {
		char key[16], file[16];

		snprintf(key, sizeof(key), "a-%s", sets[i]);
		snprintf(file, sizeof(file), "pub-%s", sets[i]);
		write_member(file, find(j11_json_get(v.root, "keys"), "name", key), "pub");
		write_spki(sets[i], find(j11_json_get(v.root, "keys"), "name", key));
		snprintf(file, sizeof(file), "sig-%s", sets[i]);
		write_member(file, find(j11_json_get(v.root, "good"), "key", key), "sig"); /* its first */
	}
	vector_done(&v);
}

static void each_parameter_set_signs(void **state)
{
	struct trial t;

	(void)state;
	write_hello();
	trial_script("key a mldsa44 $/pub-44 $/sig-44\nkey b mldsa65 $/pub-65 $/sig-65\nkey c mldsa87 $/pub-87 $/sig-87\n"
		"token t1\npin 1234\nprivate a\npublic a\nprivate b\npublic b\nprivate c\npublic c\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(jwk11_keys_count(t.keys), 3);
	for (size_t i = 0; i < 3; i++) {
		const char *label = i == 0 ? "a" : i == 1 ? "b" : "c";
		char alg[16];

		snprintf(alg, sizeof(alg), "ML-DSA-%s", sets[i]);
		assert_string_equal(jwk11_pub_default_alg(jwk11_key_pub(trial_key(&t, label))), alg);
		assert_true(jwk11_key_can(trial_key(&t, label), alg));
		assert_false(jwk11_key_can(trial_key(&t, label), i == 0 ? "ML-DSA-65" : "ML-DSA-44"));
		assert_false(jwk11_key_can(trial_key(&t, label), "ES256"));
		trial_count_reset();
		trial_must(trial_sign(&t, label), &t.err);
		assert_int_equal(trial_count("C_SignInit"), 1);
		assert_int_equal(trial_count("any"), 2); /* one C_Sign, and nothing else */
	}
	trial_end(&t);
}

struct row {
	const char *objects; /* of key k */
	enum jwk11_rc rc; /* of a signature by it; NOT_FOUND: left out */
};

static void public_halves_in_every_shape(void **state)
{
	static const struct row rows[] = {
		{ "private k\npublic k", JWK11_OK },
		{ "private k\npublic k\nattr CKA_PARAMETER_SET absent", JWK11_OK }, /* the length says which */
		{ "private k\npublic k\nattr CKA_PARAMETER_SET no-info", JWK11_OK },
		{ "private k\nattr CKA_PARAMETER_SET absent\npublic k", JWK11_OK },
		{ "private k\nattr CKA_PUBLIC_KEY_INFO file:$/spki-44", JWK11_OK }, /* no public object */
		{ "private k\nattr CKA_PUBLIC_KEY_INFO file:$/pub-44", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_PARAMETER_SET number:2", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_PARAMETER_SET number:0", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_PARAMETER_SET number:4", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE size:1311", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE size:1313", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE size:32", JWK11_ERR_NOT_FOUND }, /* a seed */
		{ "private k\npublic k\nattr CKA_VALUE empty", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE absent", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE sensitive", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE no-info", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE claims:0xffffffffffff", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_VALUE size:1952\nattr CKA_PARAMETER_SET absent", JWK11_ERR_SIGNATURE }, /* some key of ML-DSA-65 */
		{ "private k\npublic k\nattr CKA_KEY_TYPE number:0x4b", JWK11_ERR_NOT_FOUND }, /* SLH-DSA */
		{ "private k\nattr CKA_KEY_TYPE number:0x4b\npublic k", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\nattr CKA_ID text:other", JWK11_ERR_NOT_FOUND },
		{ "private k", JWK11_ERR_NOT_FOUND },
		{ "private k\npublic k\npublic l\nattr CKA_ID text:k", JWK11_ERR_NOT_FOUND }, /* two keys with one ID */
		{ "private k\nattr CKA_SIGN false\npublic k", JWK11_ERR_NOT_FOUND },
		{ "private k\nattr CKA_ALLOWED_MECHANISMS mechanisms:CKM_ML_DSA\npublic k", JWK11_OK },
	};

	(void)state;
	write_hello();
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct trial t;
		enum jwk11_rc rc;

		trial_script("key k mldsa44 $/pub-44 $/sig-44\nkey l mldsa65 $/pub-65 $/sig-65\ntoken t1\npin 1234\n%s\n", rows[i].objects);
		trial_must(trial_start(&t), &t.err);
		rc = trial_sign(&t, "k");
		if (rc != rows[i].rc)
			fail_msg("%s: %s %s", rows[i].objects, jwk11_rc_name(rc), t.err.text);
		trial_end(&t);
	}
}

/* The private half of the same type may hold CKA_VALUE and CKA_SEED; whatever is there is never asked for. */
static void a_private_value_is_not_read(void **state)
{
	struct trial t;

	(void)state;
	write_hello();
	trial_script("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nprivate k\nattr CKA_VALUE size:2560\npublic k\n");
	trial_must(trial_start(&t), &t.err);
	trial_must(trial_sign(&t, "k"), &t.err);
	trial_end(&t);
	trial_script("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nprivate k\nattr CKA_VALUE size:1312\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_NOT_FOUND);
	trial_end(&t);
}

static void must_withhold(const char *fmt, const char *what)
{
	struct trial t;

	trial_script(fmt, "");
	trial_must(trial_start(&t), &t.err);
	if (trial_sign(&t, "k") != JWK11_ERR_SIGNATURE)
		fail_msg("%s: not withheld", what);
	assert_string_equal(t.err.code, "SIGNATURE_WITHHELD");
	t.err = (struct jwk11_err){ 0 };
	trial_count_reset();
	assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_SIGNATURE); /* the key is out of use */
	assert_int_equal(trial_count("any"), 0);
	trial_end(&t);
}

static void what_does_not_verify_is_withheld(void **state)
{
	struct vector v;

	(void)state;
	write_hello();
	must_withhold("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nprivate k\npublic k\nfault C_Sign every flip\n%s", "a flipped bit");
	must_withhold("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nprivate k\npublic k\nfault C_Sign every length 2419\n%s", "short");
	must_withhold("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nprivate k\npublic k\nfault C_Sign every length 0\n%s", "nothing");
	must_withhold("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nprivate k\npublic k\nfault C_Sign every length 99999\n%s", "too long");
	must_withhold("key k mldsa44 $/pub-44 $/sig-65\ntoken t1\npin 1234\nprivate k\npublic k\n%s", "another set's signature");
	vector_load(&v, "mldsa.json");
	write_member("sig-context", find(j11_json_get(v.root, "bad"), "comment", "signed with a context of one octet"), "sig");
	write_member("sig-hashed", find(j11_json_get(v.root, "bad"), "comment", "HashML-DSA with SHA-512"), "sig");
	vector_done(&v);
	must_withhold("key k mldsa44 $/pub-44 $/sig-context\ntoken t1\npin 1234\nprivate k\npublic k\n%s", "signed with a context");
	must_withhold("key k mldsa44 $/pub-44 $/sig-hashed\ntoken t1\npin 1234\nprivate k\npublic k\n%s", "HashML-DSA");
}

static void a_jws_is_the_vector_octet_for_octet(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "rfc9964-ml-dsa.json");
	for (const struct j11_json *one = j11_json_get(v.root, "cases")->child; one != NULL; one = one->next) {
		struct jwk11_view jws = vector_text(one, "jws"), payload = vector_text(one, "payload"), part;
		struct jwk11_buf out = J11_BUF(16384), sig = J11_BUF(8192);
		char digits[3] = { 0 };
		struct trial t;

		memcpy(digits, (const char *)vector_text(one, "alg").data + 7, 2);
		part.data = strrchr(jws.data, '.') + 1;
		part.len = strlen(part.data);
		assert_int_equal(j11_b64url_decode(part, "signature", &sig, NULL), JWK11_OK);
		write_octets("sig", j11_buf_view(&sig));
		write_member("pub", j11_json_get(one, "jwk"), "pub");
		trial_script("key k mldsa%s $/pub $/sig\ntoken t1\npin 1234\nprivate k\npublic k\n", digits);
		trial_must(trial_start(&t), &t.err);
		trial_must(jwk11_key_jws(trial_key(&t, "k"), vector_text(one, "alg").data, vector_text(one, "kid").data, NULL, payload, &out, &t.err), &t.err);
		assert_string_equal(jwk11_buf_data(&out), jws.data);
		jwk11_buf_reset(&out);
		payload.len--;
		assert_int_equal(jwk11_key_jws(trial_key(&t, "k"), vector_text(one, "alg").data, vector_text(one, "kid").data, NULL, payload, &out, &t.err),
			JWK11_ERR_SIGNATURE);
		assert_string_equal(t.err.code, "SIGNATURE_WITHHELD");
		assert_int_equal(out.len, 0);
		trial_end(&t);
		j11_buf_done(&out);
		j11_buf_done(&sig);
	}
	vector_done(&v);
}

static void the_message_goes_to_the_token_as_it_is(void **state)
{
	struct jwk11_view digest = { .data = "01234567890123456789012345678901", .len = 32 };
	struct jwk11_buf big = J11_BUF(2 * 1024 * 1024), sig = J11_BUF(8192);
	struct trial t;

	(void)state;
	write_hello();
	trial_script("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nprivate k\npublic k\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(jwk11_key_sign(trial_key(&t, "k"), "ML-DSA-44", JWK11_INPUT_DIGEST, digest, &sig, &t.err), JWK11_ERR_MISMATCH);
	assert_string_equal(t.err.code, "ALG_MISMATCH");
	t.err = (struct jwk11_err){ 0 };
	assert_int_equal(jwk11_key_sign(trial_key(&t, "k"), "ML-DSA-65", JWK11_INPUT_MESSAGE, digest, &sig, &t.err), JWK11_ERR_MISMATCH);
	t.err = (struct jwk11_err){ 0 };
	memset(j11_buf_grow(&big, 1024 * 1024 + 1), 'x', 1024 * 1024 + 1);
	assert_int_equal(jwk11_key_sign(trial_key(&t, "k"), "ML-DSA-44", JWK11_INPUT_MESSAGE, j11_buf_view(&big), &sig, &t.err), JWK11_ERR_LIMIT);
	assert_string_equal(t.err.code, "INPUT_TOO_LONG");
	assert_int_equal(sig.len, 0);
	j11_buf_done(&big);
	j11_buf_done(&sig);
	trial_end(&t);
}

static void a_token_without_the_mechanism_says_so(void **state)
{
	struct trial t;

	(void)state;
	write_hello();
	trial_script("key k mldsa44 $/pub-44 $/sig-44\ntoken t1\npin 1234\nmechanisms CKM_ECDSA\nprivate k\npublic k\n");
	trial_must(trial_start(&t), &t.err);
	assert_false(jwk11_key_can(trial_key(&t, "k"), "ML-DSA-44"));
	assert_int_equal(trial_sign(&t, "k"), JWK11_ERR_UNSUPPORTED);
	trial_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_parameter_set_signs),
		cmocka_unit_test(public_halves_in_every_shape),
		cmocka_unit_test(a_private_value_is_not_read),
		cmocka_unit_test(what_does_not_verify_is_withheld),
		cmocka_unit_test(a_jws_is_the_vector_octet_for_octet),
		cmocka_unit_test(the_message_goes_to_the_token_as_it_is),
		cmocka_unit_test(a_token_without_the_mechanism_says_so),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
