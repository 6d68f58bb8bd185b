/* SPDX-License-Identifier: Apache-2.0 */
/* AKP keys (ML-DSA, RFC 9964) through jose: JWK, thumbprint, SubjectPublicKeyInfo, JWS, sets, certificates. The mathematics is t_mldsa's. */
#include "vector.h"

#include <openssl/err.h>

#include "jose/chain.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "jose/x5c.h"

static struct jwk11_pub *read_pub(struct jwk11_view text)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	if (jwk11_pub_from_jwk(text, &pub, &err) != JWK11_OK)
		fail_msg("%s: %s", err.code, err.text);
	return pub;
}

static const struct j11_json *load_cases(struct vector *v)
{
	vector_load(v, "rfc9964-ml-dsa.json");
	return j11_json_get(v->root, "cases")->child;
}

static void kids_are_those_of_the_rfc(void **state)
{
	struct vector v;
	size_t n = 0;

	(void)state;
	for (const struct j11_json *one = load_cases(&v); one != NULL; one = one->next, n++) {
		struct jwk11_pub *pub = read_pub(j11_json_get(one, "jwk")->raw);
		char thumbprint[JWK11_THUMBPRINT_LEN + 1];

		assert_int_equal(jwk11_pub_thumbprint(pub, thumbprint, NULL), JWK11_OK);
		assert_string_equal(thumbprint, vector_text(one, "kid").data);
		assert_string_equal(jwk11_pub_kty(pub), "AKP");
		assert_string_equal(jwk11_pub_crv(pub), "");
		assert_int_equal(jwk11_pub_bits(pub), 0);
		assert_string_equal(jwk11_pub_default_alg(pub), vector_text(one, "alg").data);
		assert_string_equal(jwk11_pub_default_enc_alg(pub), "");
		jwk11_pub_unref(pub);
	}
	assert_int_equal(n, 3);
	vector_done(&v);
}

static void a_jwk_has_alg_and_pub_and_nothing_else(void **state)
{
	struct vector v;

	(void)state;
	for (const struct j11_json *one = load_cases(&v); one != NULL; one = one->next) {
		struct jwk11_pub *pub = read_pub(j11_json_get(one, "jwk")->raw), *again;
		const char *alg = vector_text(one, "alg").data, *kid = vector_text(one, "kid").data;
		struct jwk11_buf text = J11_BUF(8192), expected = J11_BUF(8192);
		struct j11_json_out o = J11_JSON_OUT(&text);

		j11_buf_add_fmt(&expected, "{\"kty\":\"AKP\",\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"%s\",\"pub\":\"%s\"}", alg, kid,
			(const char *)vector_text(j11_json_get(one, "jwk"), "pub").data);
		assert_int_equal(jwk11_pub_jwk(pub, NULL, NULL, &text, NULL), JWK11_OK);
		assert_string_equal(jwk11_buf_data(&text), jwk11_buf_data(&expected));
		again = read_pub(j11_buf_view(&text));
		assert_true(j11_pub_equal(pub, again));
		jwk11_buf_reset(&text);
		j11_jwk_write_bare(&o, NULL, pub); /* alg is one of the required members */
		assert_true(strncmp(jwk11_buf_data(&text), "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-", 27) == 0);
		assert_null(strstr(text.data, "\"kid\""));
		jwk11_buf_reset(&text);
		assert_int_equal(jwk11_pub_jwk(pub, "ES256", NULL, &text, NULL), JWK11_ERR_MISMATCH);
		jwk11_pub_unref(again);
		jwk11_pub_unref(pub);
		j11_buf_done(&text);
		j11_buf_done(&expected);
	}
	vector_done(&v);
}

/* The key of the first case with members changed: `members` stands for everything but "pub", `pub` for its value (NULL: the real one). */
static void refuse(const struct j11_json *one, const char *members, const char *pub_text, enum jwk11_rc rc, const char *code)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(8192);
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	j11_buf_add_fmt(&text, "{%s,\"pub\":\"%s\"}", members, pub_text ? pub_text : (const char *)vector_text(j11_json_get(one, "jwk"), "pub").data);
	if (jwk11_pub_from_jwk(j11_buf_view(&text), &pub, &err) != rc || strcmp(err.code, code) != 0)
		fail_msg("%s: %s (%s)", members, err.code, err.text);
	assert_null(pub);
}

static void refuses_what_is_no_akp_key(void **state)
{
	static const char *const lacks_alg[] = { "\"kty\":\"AKP\"", "\"kty\":\"AKP\",\"use\":\"sig\"" };
	static const char *const wrong_kty[] = { "\"kty\":\"AKP\",\"alg\":\"ES256\"", "\"kty\":\"AKP\",\"alg\":\"EdDSA\"" };
	static const char *const unknown[] = { "\"kty\":\"AKP\",\"alg\":\"SLH-DSA-SHA2-128s\"", "\"kty\":\"AKP\",\"alg\":\"ML-DSA-45\"",
		"\"kty\":\"AKP\",\"alg\":\"ml-dsa-44\"", "\"kty\":\"AKP\",\"alg\":\"\"" };
	struct vector v;
	const struct j11_json *one = load_cases(&v);
	char cut[1751];

	(void)state;
	for (size_t i = 0; i < J11_COUNT(lacks_alg); i++)
		refuse(one, lacks_alg[i], NULL, JWK11_ERR_SYNTAX, "JWK_INVALID");
	for (size_t i = 0; i < J11_COUNT(wrong_kty); i++)
		refuse(one, wrong_kty[i], NULL, JWK11_ERR_SYNTAX, "JWK_INVALID");
	for (size_t i = 0; i < J11_COUNT(unknown); i++)
		refuse(one, unknown[i], NULL, JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN");
	/* The key of one parameter set under the name of another; one short; none at all; not base64url. */
	refuse(one, "\"kty\":\"AKP\",\"alg\":\"ML-DSA-65\"", NULL, JWK11_ERR_SYNTAX, "JWK_INVALID");
	memcpy(cut, vector_text(j11_json_get(one, "jwk"), "pub").data, 1748);
	cut[1748] = '\0';
	refuse(one, "\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\"", cut, JWK11_ERR_SYNTAX, "JWK_INVALID");
	refuse(one, "\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\"", "", JWK11_ERR_SYNTAX, "JWK_INVALID");
	refuse(one, "\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\"", "AA==", JWK11_ERR_SYNTAX, "BASE64_INVALID");
	refuse(one, "\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"priv\":\"AA\"", NULL, JWK11_ERR_SYNTAX, "JWK_INVALID");
	refuse(one, "\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"use\":\"enc\"", NULL, JWK11_ERR_UNSUPPORTED, "UNSUPPORTED");
	refuse(one, "\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"key_ops\":[\"sign\"]", NULL, JWK11_ERR_UNSUPPORTED, "UNSUPPORTED");
	refuse(one, "\"kty\":\"akp\",\"alg\":\"ML-DSA-44\"", NULL, JWK11_ERR_UNSUPPORTED, "UNSUPPORTED");
	refuse(one, "\"kty\":\"AKP\",\"alg\":44", NULL, JWK11_ERR_SYNTAX, "MEMBER_TYPE");
	vector_done(&v);
}

static void nobody_encrypts_to_it(void **state)
{
	struct vector v;
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(jwk11_pub_from_enc_jwk(j11_json_get(load_cases(&v), "jwk")->raw, &pub, &err), JWK11_ERR_UNSUPPORTED);
	assert_null(pub);
	vector_done(&v);
}

static void spki_is_that_of_rfc_9881(void **state)
{
	struct vector v;

	(void)state;
	for (const struct j11_json *one = load_cases(&v); one != NULL; one = one->next) {
		struct jwk11_pub *pub = read_pub(j11_json_get(one, "jwk")->raw), *again = NULL;
		struct jwk11_buf pem = J11_BUF(8192);

		assert_int_equal(jwk11_pub_pem(pub, &pem, NULL), JWK11_OK);
		assert_string_equal(jwk11_buf_data(&pem), vector_text(one, "pem").data);
		assert_int_equal(jwk11_pub_from_pem(j11_buf_view(&pem), &again, NULL), JWK11_OK);
		assert_true(j11_pub_equal(pub, again));
		assert_string_equal(jwk11_pub_default_alg(again), vector_text(one, "alg").data);
		jwk11_pub_unref(pub);
		jwk11_pub_unref(again);
		j11_buf_done(&pem);
	}
	vector_done(&v);
}

/* Octets of the encoding that say something, each with another value. */
static void refuses_other_spki(void **state)
{
	static const struct {
		size_t at;
		unsigned char octet;
		const char *what;
	} rows[] = {
		{ 0, 0x31, "no sequence" },
		{ 3, 0x33, "a longer sequence" },
		{ 5, 0x0d, "a longer algorithm" },
		{ 16, 0x14, "the OID of SLH-DSA" },
		{ 16, 0x12, "the OID of ML-DSA-65" },
		{ 17, 0x04, "an OCTET STRING" },
		{ 20, 0x22, "a longer bit string" },
		{ 21, 0x01, "an unused bit" },
	};
	struct vector v;
	struct jwk11_pub *pub = read_pub(j11_json_get(load_cases(&v), "jwk")->raw), *again = NULL;
	struct jwk11_buf der = J11_BUF(J11_SPKI_MAX);
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(j11_pub_spki(pub, &der, NULL), JWK11_OK);
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		char saved = der.data[rows[i].at];

		der.data[rows[i].at] = (char)rows[i].octet;
		j11_err_clear(&err);
		if (j11_pub_from_spki(j11_buf_view(&der), &again, &err) == JWK11_OK)
			fail_msg("accepted: %s", rows[i].what);
		assert_int_equal(ERR_peek_error(), 0);
		der.data[rows[i].at] = saved;
	}
	j11_buf_add_byte(&der, 0);
	assert_int_not_equal(j11_pub_from_spki(j11_buf_view(&der), &again, NULL), JWK11_OK);
	j11_buf_cut(&der, der.len - 2);
	assert_int_not_equal(j11_pub_from_spki(j11_buf_view(&der), &again, NULL), JWK11_OK);
	assert_null(again);
	jwk11_pub_unref(pub);
	j11_buf_done(&der);
	vector_done(&v);
}

static void a_jws_verifies_with_its_key_alone(void **state)
{
	struct vector v;
	const struct j11_json *cases = load_cases(&v);

	(void)state;
	for (const struct j11_json *one = cases; one != NULL; one = one->next) {
		struct jwk11_view jws = vector_text(one, "jws");
		struct jwk11_pub *pub = read_pub(j11_json_get(one, "jwk")->raw);
		struct jwk11_buf payload = J11_BUF(1024), damaged = J11_BUF(16384);

		assert_int_equal(jwk11_jws_verify(pub, NULL, jws, &payload, NULL), JWK11_OK);
		assert_string_equal(jwk11_buf_data(&payload), vector_text(one, "payload").data);
		j11_buf_add(&damaged, jws.data, jws.len);
		damaged.data[jws.len / 2] = damaged.data[jws.len / 2] == 'A' ? 'B' : 'A';
		assert_int_equal(jwk11_jws_verify(pub, NULL, j11_buf_view(&damaged), NULL, NULL), JWK11_ERR_SIGNATURE);
		for (const struct j11_json *other = cases; other != NULL; other = other->next) {
			struct jwk11_pub *stranger = read_pub(j11_json_get(other, "jwk")->raw);

			if (other != one)
				assert_int_equal(jwk11_jws_verify(stranger, NULL, jws, NULL, NULL), JWK11_ERR_MISMATCH);
			jwk11_pub_unref(stranger);
		}
		jwk11_pub_unref(pub);
		j11_buf_done(&payload);
		j11_buf_done(&damaged);
	}
	vector_done(&v);
}

/* One algorithm for each key (RFC 9964), and it signs messages. */
static void fits_its_own_algorithm_only(void **state)
{
	struct vector v;

	(void)state;
	for (const struct j11_json *one = load_cases(&v); one != NULL; one = one->next) {
		struct jwk11_pub *pub = read_pub(j11_json_get(one, "jwk")->raw);
		const char *own = vector_text(one, "alg").data;
		struct jwk11_err err = { 0 };
		unsigned char sig[J11_SIG_MAX] = { 0 };
		struct jwk11_view zeros = { .data = sig, .len = j11_pub_sig_len(pub) };
		char what[32];

		for (size_t i = 0; j11_alg_at(i) != NULL; i++) {
			enum jwk11_rc rc = jwk11_pub_verify(pub, j11_alg_at(i)->name, JWK11_INPUT_MESSAGE, J11_VIEW("m"), zeros, NULL);

			assert_int_equal(rc, strcmp(j11_alg_at(i)->name, own) == 0 ? JWK11_ERR_SIGNATURE : JWK11_ERR_MISMATCH);
		}
		assert_int_equal(jwk11_pub_verify(pub, "ES256", JWK11_INPUT_MESSAGE, J11_VIEW("m"), zeros, &err), JWK11_ERR_MISMATCH);
		assert_true(strncmp(err.hint, "this key can do ML-DSA-", 23) == 0);
		j11_err_clear(&err);
		assert_int_equal(jwk11_pub_verify(pub, own, JWK11_INPUT_DIGEST, (struct jwk11_view){ .data = sig, .len = 32 }, zeros, &err),
			JWK11_ERR_MISMATCH);
		assert_string_equal(err.code, "ALG_MISMATCH");
		j11_err_clear(&err);
		zeros.len--;
		assert_int_equal(jwk11_pub_verify(pub, own, JWK11_INPUT_MESSAGE, J11_VIEW("m"), zeros, &err), JWK11_ERR_SIGNATURE);
		assert_string_equal(err.code, "SIGNATURE_INVALID");
		assert_true(strncmp(j11_pub_describe(pub, what), "ML-DSA-", 7) == 0);
		jwk11_pub_unref(pub);
	}
	vector_done(&v);
}

static void a_set_takes_those_it_knows(void **state)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(32768);
	struct j11_jwks set = { 0 };
	struct jwk11_err err = { 0 };
	struct vector v;

	(void)state;
	j11_buf_add_str(&text, "{\"keys\":[{\"kty\":\"AKP\",\"alg\":\"SLH-DSA-SHA2-128s\",\"pub\":\"AA\"}");
	for (const struct j11_json *one = load_cases(&v); one != NULL; one = one->next) {
		j11_buf_add_str(&text, ",");
		j11_buf_add(&text, j11_json_get(one, "jwk")->raw.data, j11_json_get(one, "jwk")->raw.len);
	}
	j11_buf_add_str(&text, "]}");
	assert_int_equal(j11_jwks_parse(j11_buf_view(&text), &set, NULL), JWK11_OK);
	assert_int_equal(set.n, 3);
	assert_int_equal(set.n_skipped, 1);
	j11_jwks_done(&set);
	j11_buf_cut(&text, text.len - 2);
	j11_buf_add_str(&text, ",{\"kty\":\"AKP\",\"alg\":\"ML-DSA-65\",\"pub\":\"AA\"}]}");
	assert_int_equal(j11_jwks_parse(j11_buf_view(&text), &set, &err), JWK11_ERR_SYNTAX);
	assert_true(strncmp(err.text, "key 5 of the set: ", 18) == 0);
	vector_done(&v);
}

/* A leaf with ML-DSA-44 below an intermediate with ML-DSA-65 below a root with ML-DSA-87. */
static void certificates_are_read_and_their_signatures_checked(void **state)
{
	struct jwk11_certs certs = { 0 };
	struct jwk11_pub *pub, *again = NULL;
	struct jwk11_buf der = J11_BUF(J11_CERT_LEN_MAX);
	struct j11_cert *root = NULL, *damaged = NULL;
	struct jwk11_view none = { .data = "", .len = 0 };
	struct vector v;

	(void)state;
	vector_load(&v, "akp-certificates.json");
	pub = read_pub(j11_json_get(v.root, "jwk")->raw);
	assert_int_equal(j11_x5c_read(j11_json_get(v.root, "x5c"), &certs, NULL), JWK11_OK);
	assert_int_equal(j11_x5c_check(&certs, pub, NULL), JWK11_OK);
	assert_int_equal(j11_pub_from_cert(certs.list[0]->der, &again, NULL), JWK11_OK);
	assert_true(j11_pub_equal(pub, again));
	assert_int_equal(j11_b64_decode(vector_text(v.root, "root"), "root", &der, NULL), JWK11_OK);
	assert_int_equal(j11_cert_new(j11_buf_view(&der), none, none, &root, NULL), JWK11_OK);
	assert_true(j11_cert_certifies(root, certs.list[1]));
	assert_true(j11_cert_certifies(root, root));
	assert_false(j11_cert_certifies(root, certs.list[0]));
	assert_false(j11_cert_certifies(certs.list[0], certs.list[0]));
	/* One bit of the signature, which stands at the end; of the serial number; of the name of the algorithm before the signature. */
	jwk11_buf_reset(&der);
	j11_buf_add(&der, certs.list[0]->der.data, certs.list[0]->der.len);
	for (size_t i = 0; i < 3; i++) {
		size_t at = i == 0 ? der.len - 200 : i == 1 ? 15 : der.len - 3309 - 6;

		der.data[at] ^= 1;
		assert_int_equal(j11_cert_new(j11_buf_view(&der), none, none, &damaged, NULL), JWK11_OK);
		assert_false(j11_cert_certifies(certs.list[1], damaged));
		j11_cert_free(damaged);
		der.data[at] ^= 1;
	}
	assert_int_equal(ERR_peek_error(), 0);
	j11_cert_free(root);
	j11_certs_done(&certs);
	jwk11_pub_unref(pub);
	jwk11_pub_unref(again);
	j11_buf_done(&der);
	vector_done(&v);
}

static enum jwk11_rc whole_way(void *arg)
{
	const struct j11_json *one = arg;
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *again = NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(16384);
	enum jwk11_rc rc = jwk11_pub_from_jwk(j11_json_get(one, "jwk")->raw, &pub, NULL);

	if (rc == JWK11_OK)
		rc = jwk11_pub_jwk(pub, NULL, NULL, &text, NULL);
	jwk11_buf_reset(&text);
	if (rc == JWK11_OK)
		rc = jwk11_pub_pem(pub, &text, NULL);
	if (rc == JWK11_OK)
		rc = jwk11_pub_from_pem(j11_buf_view(&text), &again, NULL);
	return rc == JWK11_OK ? jwk11_jws_verify(again, NULL, vector_text(one, "jws"), NULL, NULL) : rc;
}

static void survives_each_failed_allocation(void **state)
{
	struct vector v;

	(void)state;
	each_allocation_fails(whole_way, (void *)(uintptr_t)load_cases(&v));
	vector_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kids_are_those_of_the_rfc),
		cmocka_unit_test(a_jwk_has_alg_and_pub_and_nothing_else),
		cmocka_unit_test(refuses_what_is_no_akp_key),
		cmocka_unit_test(nobody_encrypts_to_it),
		cmocka_unit_test(spki_is_that_of_rfc_9881),
		cmocka_unit_test(refuses_other_spki),
		cmocka_unit_test(a_jws_verifies_with_its_key_alone),
		cmocka_unit_test(fits_its_own_algorithm_only),
		cmocka_unit_test(a_set_takes_those_it_knows),
		cmocka_unit_test(certificates_are_read_and_their_signatures_checked),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
