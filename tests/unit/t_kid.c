/* SPDX-License-Identifier: Apache-2.0 */
/* jose/kid: each style, what it cannot be made of, and the thumbprint as a URI. */
#include "vector.h"

#include "jose/kid.h"

#define EC_KEY "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define ED_KEY "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

static struct jwk11_pub *read_jwk(struct jwk11_view text)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	if (jwk11_pub_from_jwk(text, &pub, &err) != JWK11_OK)
		fail_msg("%s", err.text);
	return pub;
}

static void styles_have_words(void **state)
{
	static const char *const words[] = { "thumbprint", "k8s", "label", "id", "none" };

	(void)state;
	for (unsigned i = 0; i < JWK11_N_KID_; i++) {
		assert_string_equal(jwk11_kid_style_name((enum jwk11_kid_style)i), words[i]);
		assert_int_equal(jwk11_kid_style_find(words[i]), i);
	}
	assert_string_equal(jwk11_kid_style_name(JWK11_N_KID_), "unknown");
	assert_int_equal(jwk11_kid_style_find("Label"), JWK11_N_KID_);
	assert_int_equal(jwk11_kid_style_find(""), JWK11_N_KID_);
}

static void each_style_makes_its_kid(void **state)
{
	struct jwk11_pub *pub = read_jwk(J11_VIEW(EC_KEY));
	static const struct {
		enum jwk11_kid_style style;
		const char *label;
		struct jwk11_view id;
		const char *kid;
	} rows[] = {
		{ JWK11_KID_THUMBPRINT, "", { "", 0 }, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U" },
		{ JWK11_KID_LABEL, "issuer \xc3\xa9", { "", 0 }, "issuer \xc3\xa9" },
		{ JWK11_KID_ID, "", { "\x00\x01\xfe", 3 }, "0001fe" }, /* leading zeros count */
		{ JWK11_KID_NONE, "x", { "y", 1 }, "" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_kid_of of = { .pub = pub, .name = "k", .label = rows[i].label, .id = rows[i].id };
		char kid[JWK11_KID_MAX] = "before";

		assert_int_equal(j11_kid_make(&of, rows[i].style, kid, NULL), JWK11_OK);
		assert_string_equal(kid, rows[i].kid);
	}
	jwk11_pub_unref(pub);
}

/* The SHA-256 of the SubjectPublicKeyInfo as python3-cryptography writes it, for a key of each kind. */
static void k8s_names_keys_by_their_pkix_form(void **state)
{
	static const char *const keys[][2] = {
		{ EC_KEY, "K9G7DESol8MKeqCZHN442AYv5EHeUNoPRoJTRPYC6Cc" },
		{ ED_KEY, "BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k" },
		{ NULL, "rTIyDPbFltiEsFOBulc6uo3dV0m03o9KI6efmondrrI" }, /* the key of RFC 7638 3.1 */
	};
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7638-3-1-thumbprint.json");
	for (size_t i = 0; i < J11_COUNT(keys); i++) {
		struct jwk11_pub *pub = read_jwk(keys[i][0] != NULL ? j11_view_str(keys[i][0]) : j11_json_get(v.root, "jwk")->raw);
		struct j11_kid_of of = { .pub = pub, .name = "k", .label = "", .id = { "", 0 } };
		char kid[JWK11_KID_MAX];

		assert_int_equal(j11_kid_make(&of, JWK11_KID_K8S, kid, NULL), JWK11_OK);
		assert_string_equal(kid, keys[i][1]);
		jwk11_pub_unref(pub);
	}
	vector_done(&v);
}

static void says_what_it_cannot_be_made_of(void **state)
{
	struct jwk11_pub *pub = read_jwk(J11_VIEW(EC_KEY));
	char kid[JWK11_KID_MAX] = "before", label[JWK11_KID_MAX + 1];
	unsigned char id[128] = { 0 };
	struct j11_kid_of of = { .pub = pub, .name = "k", .label = "", .id = { id, 0 } };
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(j11_kid_make(&of, JWK11_KID_LABEL, kid, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.code, "KID_MISSING");
	assert_string_equal(err.text, "key \"k\" has no label to make its kid of");
	err = (struct jwk11_err){ 0 };
	assert_int_equal(j11_kid_make(&of, JWK11_KID_ID, kid, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.text, "key \"k\" has no CKA_ID to make its kid of");
	memset(label, 'l', sizeof(label));
	label[JWK11_KID_MAX] = '\0';
	of.label = label;
	of.id.len = 128;
	assert_int_equal(j11_kid_make(&of, JWK11_KID_LABEL, kid, NULL), JWK11_ERR_LIMIT);
	assert_int_equal(j11_kid_make(&of, JWK11_KID_ID, kid, NULL), JWK11_ERR_LIMIT);
	err = (struct jwk11_err){ 0 };
	of.pub = NULL; /* a secret key */
	assert_int_equal(j11_kid_make(&of, JWK11_KID_THUMBPRINT, kid, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.text, "key \"k\" is secret and has no public half to make its kid of");
	assert_int_equal(j11_kid_make(&of, JWK11_KID_K8S, kid, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(j11_kid_make(&of, JWK11_N_KID_, kid, NULL), JWK11_ERR_ARGUMENT);
	assert_string_equal(kid, "before");
	label[JWK11_KID_MAX - 1] = '\0';
	of.id.len = 127;
	assert_int_equal(j11_kid_make(&of, JWK11_KID_LABEL, kid, NULL), JWK11_OK);
	assert_string_equal(kid, label);
	assert_int_equal(j11_kid_make(&of, JWK11_KID_ID, kid, NULL), JWK11_OK);
	assert_int_equal(strlen(kid), 254);
	jwk11_pub_unref(pub);
}

/* RFC 9278 section 5 takes the key of RFC 7638 section 3.1. */
static void the_thumbprint_uri_is_that_of_the_rfc(void **state)
{
	struct jwk11_buf uri = J11_BUF(256), little = J11_BUF(40);
	struct jwk11_pub *pub;
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7638-3-1-thumbprint.json");
	pub = read_jwk(j11_json_get(v.root, "jwk")->raw);
	assert_int_equal(jwk11_pub_thumbprint_uri(pub, &uri, NULL), JWK11_OK);
	assert_string_equal(uri.data, "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	assert_int_equal(jwk11_pub_thumbprint_uri(pub, &little, NULL), JWK11_ERR_LIMIT);
	assert_int_equal(jwk11_pub_thumbprint_uri(NULL, &uri, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_thumbprint_uri(pub, NULL, NULL), JWK11_ERR_ARGUMENT);
	jwk11_pub_unref(pub);
	j11_buf_done(&uri);
	j11_buf_done(&little);
	vector_done(&v);
}

static enum jwk11_rc make_k8s(void *arg)
{
	struct j11_kid_of of = { .pub = arg, .name = "k", .label = "", .id = { "", 0 } };
	char kid[JWK11_KID_MAX];

	return j11_kid_make(&of, JWK11_KID_K8S, kid, NULL);
}

static void survives_each_failing_allocation(void **state)
{
	struct jwk11_pub *pub = read_jwk(J11_VIEW(EC_KEY));

	(void)state;
	each_allocation_fails(make_k8s, pub);
	jwk11_pub_unref(pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(styles_have_words),
		cmocka_unit_test(each_style_makes_its_kid),
		cmocka_unit_test(k8s_names_keys_by_their_pkix_form),
		cmocka_unit_test(says_what_it_cannot_be_made_of),
		cmocka_unit_test(the_thumbprint_uri_is_that_of_the_rfc),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
