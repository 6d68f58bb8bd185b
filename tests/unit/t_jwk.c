/* SPDX-License-Identifier: Apache-2.0 */
/* jose/jwk, jose/jwks, jose/pem: keys as text, both ways. */
#include "vector.h"

#include <openssl/err.h>

#include "jose/jwk.h"

#define P256_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define P256_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_KEY "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\""
/* The generator of secp256k1 (SEC 2 section 2.4.1), and 5 as the u-coordinate of curve448, that of its base point (RFC 7748 4.2). */
#define K1_KEY "\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g\",\"y\":\"SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg\""
#define X448_X "BQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ED_KEY "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

static struct jwk11_pub *read_jwk(const char *text)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	if (jwk11_pub_from_jwk(j11_view_str(text), &pub, &err) != JWK11_OK)
		fail_msg("%s: %s", text, err.text);
	return pub;
}

struct row {
	const char *comment, *text;
	enum jwk11_rc rc;
	const char *code;
};

static void refuse_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jwk11_pub *pub = NULL;
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = jwk11_pub_from_jwk(j11_view_str(rows[i].text), &pub, &err);

		if (rc != rows[i].rc || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s (%s)", rows[i].comment, jwk11_rc_name(rc), err.code, err.text);
		assert_null(pub);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static const char *const thumbprint_files[] = { "rfc7638-3-1-thumbprint.json", "rfc8037-a4-eddsa.json", "rfc7515-a2-rs256.json",
	"rfc7515-a3-es256.json", "rfc7515-a4-es512.json", "rfc7520-4-1-rs256.json", "rfc7520-4-3-es512.json" };

static void check_thumbprint(const struct jwk11_pub *pub, struct jwk11_view expected)
{
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];

	assert_int_equal(jwk11_pub_thumbprint(pub, thumbprint, NULL), JWK11_OK);
	assert_string_equal(thumbprint, expected.data);
}

static void thumbprints_are_those_of_the_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(thumbprint_files); i++) {
		struct jwk11_pub *pub = NULL;
		struct vector v;

		vector_load(&v, thumbprint_files[i]);
		assert_int_equal(jwk11_pub_from_jwk(j11_json_get(v.root, "jwk")->raw, &pub, NULL), JWK11_OK);
		check_thumbprint(pub, vector_text(v.root, "thumbprint"));
		jwk11_pub_unref(pub);
		vector_done(&v);
	}
}

/* Among them coordinates that start with zero octets. */
static void thumbprints_equal_those_of_other_libraries(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "foreign-good.json");
	for (const struct j11_json *one = j11_json_get(v.root, "cases")->child; one != NULL; one = one->next) {
		struct jwk11_pub *pub = NULL;

		assert_int_equal(jwk11_pub_from_jwk(j11_json_get(one, "jwk")->raw, &pub, NULL), JWK11_OK);
		check_thumbprint(pub, vector_text(one, "thumbprint"));
		jwk11_pub_unref(pub);
	}
	vector_done(&v);
}

static void writes_the_required_members_and_nothing_else(void **state)
{
	struct jwk11_pub *ec = read_jwk("{" EC_KEY ",\"kid\":\"theirs\",\"x-other\":[1]}"), *ed = read_jwk("{" ED_KEY "}");
	struct jwk11_buf *out = jwk11_buf_new(4096);

	(void)state;
	assert_int_equal(jwk11_pub_jwk(ec, NULL, NULL, out, NULL), JWK11_OK);
	assert_string_equal(jwk11_buf_data(out), "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\","
		"\"kid\":\"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U\","
		"\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}");
	jwk11_buf_reset(out);
	assert_int_equal(jwk11_pub_jwk(ed, "Ed25519", "a\"b", out, NULL), JWK11_OK);
	assert_string_equal(jwk11_buf_data(out), "{\"kty\":\"OKP\",\"use\":\"sig\",\"alg\":\"Ed25519\",\"kid\":\"a\\\"b\",\"crv\":\"Ed25519\","
		"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
	jwk11_buf_reset(out);
	assert_int_equal(jwk11_pub_jwk(ec, "RS256", NULL, out, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(jwk11_pub_jwk(ec, "ESP256", NULL, out, NULL), JWK11_ERR_UNSUPPORTED);
	jwk11_buf_reset(out);
	assert_int_equal(jwk11_pub_jwk(ec, NULL, "", out, NULL), JWK11_OK); /* an empty kid is none */
	assert_string_equal(jwk11_buf_data(out), "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}");
	jwk11_buf_reset(out);
	assert_int_equal(jwk11_pub_jwk(NULL, NULL, NULL, out, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_jwk(ec, NULL, NULL, NULL, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_buf_len(out), 0);
	jwk11_pub_unref(ec);
	jwk11_pub_unref(ed);
	jwk11_buf_free(out);
}

static void what_is_written_can_be_read_again(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "foreign-good.json");
	for (const struct j11_json *one = j11_json_get(v.root, "cases")->child; one != NULL; one = one->next) {
		struct jwk11_pub *pub = NULL, *again = NULL, *pem = NULL;
		struct jwk11_buf *out = jwk11_buf_new(8192);

		assert_int_equal(jwk11_pub_from_jwk(j11_json_get(one, "jwk")->raw, &pub, NULL), JWK11_OK);
		assert_int_equal(jwk11_pub_jwk(pub, NULL, "kid-1", out, NULL), JWK11_OK);
		assert_int_equal(jwk11_pub_from_jwk(j11_buf_view(out), &again, NULL), JWK11_OK);
		assert_true(j11_pub_equal(pub, again));
		assert_string_equal(jwk11_pub_kid(again), "kid-1");
		jwk11_buf_reset(out);
		assert_int_equal(jwk11_pub_pem(pub, out, NULL), JWK11_OK);
		assert_int_equal(jwk11_pub_from_pem(j11_buf_view(out), &pem, NULL), JWK11_OK);
		assert_true(j11_pub_equal(pub, pem));
		jwk11_pub_unref(pub);
		jwk11_pub_unref(again);
		jwk11_pub_unref(pem);
		jwk11_buf_free(out);
	}
	vector_done(&v);
}

static void refuses_private_members(void **state)
{
	static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv" };
	struct vector v;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(names); i++) {
		struct jwk11_pub *pub = NULL;
		struct jwk11_err err = { 0 };
		char text[512];

		snprintf(text, sizeof(text), "{%s,\"%s\":\"c2VjcmV0\"}", i % 2 ? EC_KEY : ED_KEY, names[i]);
		assert_int_equal(jwk11_pub_from_jwk(j11_view_str(text), &pub, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, "JWK_INVALID");
		assert_null(strstr(err.text, "c2VjcmV0"));
		assert_null(pub);
	}
	vector_load(&v, "rfc7517-a2-private-keys.json");
	for (const struct j11_json *one = j11_json_get(j11_json_get(v.root, "set"), "keys")->child; one != NULL; one = one->next) {
		struct jwk11_pub *pub = NULL;

		assert_int_equal(jwk11_pub_from_jwk(one->raw, &pub, NULL), JWK11_ERR_SYNTAX);
	}
	vector_done(&v);
}

static void refuses_encodings_that_are_not_exact(void **state)
{
	static const struct row rows[] = {
		{ "padding", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "=\",\"y\":\"" P256_Y "\"}", JWK11_ERR_SYNTAX, "BASE64_INVALID" },
		{ "blank", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\" " P256_X "\",\"y\":\"" P256_Y "\"}", JWK11_ERR_SYNTAX, "BASE64_INVALID" },
		{ "plain base64", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0\"}",
			JWK11_ERR_SYNTAX, "BASE64_INVALID" },
		{ "unused bits set", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\",\"y\":\"" P256_Y "\"}",
			JWK11_ERR_SYNTAX, "BASE64_INVALID" },
		{ "sign octet before x", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AH_NzidwPxF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"" P256_Y
			"\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "x cut", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA\",\"y\":\"" P256_Y "\"}",
			JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "not on the curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_X "\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "x empty", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\",\"y\":\"" P256_Y "\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "OKP x empty", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "OKP x of small order", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
			JWK11_ERR_SYNTAX, "JWK_INVALID" },
	};

	(void)state;
	refuse_rows(rows, J11_COUNT(rows));
}

static void refuses_objects_that_are_no_key(void **state)
{
	static const struct row rows[] = {
		{ "empty", "", JWK11_ERR_SYNTAX, "JSON_INVALID" },
		{ "not an object", "[]", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "kty missing", "{}", JWK11_ERR_SYNTAX, "MEMBER_MISSING" },
		{ "kty null", "{\"kty\":null}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "kty in another case", "{\"kty\":\"ec\"}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "kty of later days", "{\"kty\":\"QKP\",\"alg\":[1],\"pub\":5}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "crv missing", "{\"kty\":\"EC\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "x missing", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" P256_Y "\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "y missing", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "e missing", "{\"kty\":\"RSA\",\"n\":\"AQAB\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "x no string", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":5,\"y\":\"" P256_Y "\"}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "a curve of OKP", "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", JWK11_ERR_UNSUPPORTED,
			"UNSUPPORTED" },
		{ "a curve of EC", "{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "X25519", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" P256_X "\"}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "X448", "{\"kty\":\"OKP\",\"crv\":\"X448\",\"x\":\"" X448_X "\"}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "Ed448 with an Ed25519 key", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" P256_X "\"}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "a point of P-256 as secp256k1", "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", JWK11_ERR_SYNTAX,
			"JWK_INVALID" },
		{ "a curve without a name in JOSE", "{\"kty\":\"EC\",\"crv\":\"brainpoolP256r1\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", JWK11_ERR_UNSUPPORTED,
			"UNSUPPORTED" },
		{ "secp256k1 as ES256", "{" K1_KEY ",\"alg\":\"ES256\"}", JWK11_ERR_MISMATCH, "ALG_MISMATCH" },
		{ "P-256 as ES256K", "{" EC_KEY ",\"alg\":\"ES256K\"}", JWK11_ERR_MISMATCH, "ALG_MISMATCH" },
		{ "Ed25519 as Ed448", "{" ED_KEY ",\"alg\":\"Ed448\"}", JWK11_ERR_MISMATCH, "ALG_MISMATCH" },
		{ "member twice", "{" EC_KEY ",\"kty\":\"EC\"}", JWK11_ERR_SYNTAX, "JSON_DUPLICATE" },
		{ "text behind", "{" EC_KEY "}x", JWK11_ERR_SYNTAX, "JSON_INVALID" },
		{ "alg of another kty", "{" EC_KEY ",\"alg\":\"RS256\"}", JWK11_ERR_MISMATCH, "ALG_MISMATCH" },
		{ "alg of another curve", "{" EC_KEY ",\"alg\":\"ES384\"}", JWK11_ERR_MISMATCH, "ALG_MISMATCH" },
		{ "alg unknown", "{" EC_KEY ",\"alg\":\"ECDH-ES\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "alg null", "{" EC_KEY ",\"alg\":null}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "kid a number", "{" EC_KEY ",\"kid\":1}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
	};

	(void)state;
	refuse_rows(rows, J11_COUNT(rows));
	assert_int_equal(jwk11_pub_from_jwk((struct jwk11_view){ NULL, 0 }, NULL, NULL), JWK11_ERR_ARGUMENT);
}

static void refuses_keys_for_something_else(void **state)
{
	static const struct row rows[] = {
		{ "use enc", "{" EC_KEY ",\"use\":\"enc\"}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "use in another case", "{" EC_KEY ",\"use\":\"SIG\"}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "use null", "{" EC_KEY ",\"use\":null}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "key_ops empty", "{" EC_KEY ",\"key_ops\":[]}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "key_ops without verify", "{" EC_KEY ",\"key_ops\":[\"encrypt\"]}", JWK11_ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ "key_ops of the private half", "{" EC_KEY ",\"key_ops\":[\"sign\",\"verify\"]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "key_ops mixed", "{" EC_KEY ",\"key_ops\":[\"verify\",\"encrypt\"]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "key_ops twice", "{" EC_KEY ",\"key_ops\":[\"verify\",\"verify\"]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "key_ops no strings", "{" EC_KEY ",\"key_ops\":[1]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "key_ops no array", "{" EC_KEY ",\"key_ops\":\"verify\"}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "use against key_ops", "{" EC_KEY ",\"use\":\"enc\",\"key_ops\":[\"verify\"]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "key_ops against use", "{" EC_KEY ",\"use\":\"sig\",\"key_ops\":[\"encrypt\"]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
	};

	(void)state;
	refuse_rows(rows, J11_COUNT(rows));
	jwk11_pub_unref(read_jwk("{" EC_KEY ",\"use\":\"sig\",\"key_ops\":[\"verify\"]}"));
	jwk11_pub_unref(read_jwk("{" EC_KEY ",\"key_ops\":[\"verify\",\"x-ours\"]}"));
}

static void rsa_numbers_are_minimal(void **state)
{
	struct jwk11_view n;
	struct jwk11_pub *pub = NULL;
	struct jwk11_buf raw = J11_BUF(300), text = J11_BUF(600);
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7638-3-1-thumbprint.json");
	n = vector_text(j11_json_get(v.root, "jwk"), "n");
	j11_buf_add_fmt(&text, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AAEAAQ\"}", (const char *)n.data);
	assert_int_equal(jwk11_pub_from_jwk(j11_buf_view(&text), &pub, NULL), JWK11_ERR_SYNTAX);
	j11_buf_add_byte(&raw, 0);
	assert_int_equal(j11_b64url_decode(n, "n", &raw, NULL), JWK11_OK);
	jwk11_buf_reset(&text);
	j11_buf_add_str(&text, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"");
	j11_b64url_add(&text, j11_buf_view(&raw));
	j11_buf_add_str(&text, "\"}");
	assert_int_equal(text.failed, JWK11_OK);
	assert_int_equal(jwk11_pub_from_jwk(j11_buf_view(&text), &pub, NULL), JWK11_ERR_SYNTAX);
	assert_null(pub);
	j11_buf_done(&raw);
	j11_buf_done(&text);
	vector_done(&v);
}

/* RFC 8725 3.1: a key whose JWK names an algorithm does that one. */
static void its_alg_is_its_only_algorithm(void **state)
{
	struct jwk11_pub *pub;
	struct jwk11_err err = { 0 };
	struct jwk11_buf text = J11_BUF(1000);
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7517-a1-public-keys.json");
	pub = read_jwk("{" K1_KEY ",\"alg\":\"ES256K\"}");
	assert_string_equal(jwk11_pub_default_alg(pub), "ES256K");
	jwk11_pub_unref(pub);
	pub = read_jwk("{" ED_KEY ",\"alg\":\"Ed25519\"}");
	assert_string_equal(jwk11_pub_default_alg(pub), "Ed25519");
	assert_int_equal(j11_pub_fits(pub, j11_alg_find_str("EdDSA"), NULL), JWK11_OK);
	jwk11_pub_unref(pub);
	pub = NULL;
	assert_int_equal(jwk11_pub_from_jwk(j11_json_get(j11_json_get(v.root, "set"), "keys")->child->next->raw, &pub, NULL), JWK11_OK);
	assert_string_equal(jwk11_pub_default_alg(pub), "RS256");
	assert_string_equal(jwk11_pub_kid(pub), "2011-04-29");
	assert_int_equal(j11_pub_fits(pub, j11_alg_find_str("RS256"), NULL), JWK11_OK);
	assert_int_equal(j11_pub_fits(pub, j11_alg_find_str("PS256"), &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.hint, "this key can do RS256");
	assert_int_equal(jwk11_pub_jwk(pub, "RS512", NULL, &text, NULL), JWK11_ERR_MISMATCH);
	jwk11_pub_unref(pub);
	vector_done(&v);
}

static void kid_has_a_limit(void **state)
{
	char kid[257], text[600];
	struct jwk11_pub *pub = NULL;

	(void)state;
	memset(kid, 'k', sizeof(kid));
	kid[255] = '\0';
	snprintf(text, sizeof(text), "{" EC_KEY ",\"kid\":\"%s\"}", kid);
	pub = read_jwk(text);
	assert_string_equal(jwk11_pub_kid(pub), kid);
	jwk11_pub_unref(pub);
	pub = NULL;
	kid[255] = 'k';
	kid[256] = '\0';
	snprintf(text, sizeof(text), "{" EC_KEY ",\"kid\":\"%s\"}", kid);
	assert_int_equal(jwk11_pub_from_jwk(j11_view_str(text), &pub, NULL), JWK11_ERR_LIMIT);
}

/* RFC 7517 section 5: what we cannot use does not hide what we can. */
static void a_set_passes_over_keys_of_other_kinds(void **state)
{
	struct j11_jwks set = { 0 };
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7517-a1-public-keys.json");
	assert_int_equal(j11_jwks_parse(j11_json_get(v.root, "set")->raw, &set, NULL), JWK11_OK);
	assert_int_equal(set.n, 1); /* the EC key says "enc" */
	assert_int_equal(set.n_skipped, 1);
	check_thumbprint(set.pubs[0], j11_json_get(v.root, "thumbprints")->child->next->text);
	j11_jwks_done(&set);
	vector_done(&v);
	assert_int_equal(j11_jwks_parse(J11_VIEW("{\"keys\":[{\"kty\":\"AKP\",\"alg\":\"SLH-DSA-SHAKE-128s\",\"pub\":\"AA\"},{\"kty\":\"XYZ\",\"x\":[1]},"
		"{\"kty\":\"EC\",\"crv\":\"brainpoolP256r1\",\"x\":\"AA\",\"y\":\"AA\"},{" ED_KEY ",\"x-more\":{}},{" EC_KEY "}],\"more\":1}"), &set, NULL),
		JWK11_OK);
	assert_int_equal(set.n, 2);
	assert_int_equal(set.n_skipped, 3);
	j11_jwks_done(&set);
	assert_int_equal(j11_jwks_parse(J11_VIEW("{\"keys\":[]}"), &set, NULL), JWK11_OK);
	assert_int_equal(set.n, 0);
	j11_jwks_done(&set);
	assert_int_equal(j11_jwks_parse(J11_VIEW("{" ED_KEY "}"), &set, NULL), JWK11_OK);
	assert_int_equal(set.n, 1);
	j11_jwks_done(&set);
}

static void a_set_with_a_broken_key_is_refused(void **state)
{
	static const struct row rows[] = {
		{ "off the curve", "{\"keys\":[{" ED_KEY "},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_Y "\",\"y\":\"" P256_X "\"}]}",
			JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "a private key", "{\"keys\":[{" ED_KEY "},{" ED_KEY ",\"d\":\"AA\"}]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "a symmetric key", "{\"keys\":[{" ED_KEY "},{\"kty\":\"oct\",\"k\":\"AA\"}]}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "no object", "{\"keys\":[{" ED_KEY "},5]}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
	};
	struct j11_jwks set = { 0 };
	struct jwk11_buf text = J11_BUF(20000);
	struct jwk11_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		j11_err_clear(&err);
		assert_int_equal(j11_jwks_parse(j11_view_str(rows[i].text), &set, &err), rows[i].rc);
		assert_string_equal(err.code, rows[i].code);
		assert_int_equal(strncmp(err.text, "key 2 of the set: ", 18), 0);
		assert_null(set.pubs);
	}
	assert_int_equal(j11_jwks_parse(J11_VIEW("{\"keys\":{}}"), &set, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(j11_jwks_parse(J11_VIEW("{}"), &set, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(j11_jwks_parse(J11_VIEW("[]"), &set, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(j11_jwks_parse(J11_VIEW("{\"kty\":\"QKP\"}"), &set, NULL), JWK11_ERR_UNSUPPORTED);
	for (int i = 0; i < 257; i++)
		j11_buf_add_fmt(&text, "%s{\"kty\":\"XYZ\"}", i ? "," : "{\"keys\":[");
	j11_buf_add_str(&text, "]}");
	assert_int_equal(j11_jwks_parse(j11_buf_view(&text), &set, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&text);
}

/* RFC 7517 section 4.7, with a certificate of another key in the second row. */
static void x5c_must_hold_this_key(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7517-b-x5c.json");
	for (const struct j11_json *one = j11_json_get(v.root, "cases")->child; one != NULL; one = one->next) {
		struct jwk11_pub *pub = NULL;
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = jwk11_pub_from_jwk(j11_json_get(one, "jwk")->raw, &pub, &err);

		if ((rc == JWK11_OK) != j11_json_get(one, "valid")->boolean)
			fail_msg("%s: %s", (const char *)vector_text(one, "comment").data, err.text);
		jwk11_pub_unref(pub);
	}
	vector_done(&v);
}

#define PEM_BODY "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define PEM "-----BEGIN PUBLIC KEY-----\n" PEM_BODY "\n-----END PUBLIC KEY-----\n"

static void reads_and_writes_pem(void **state)
{
	struct jwk11_pub *pub = NULL, *ed = read_jwk("{" ED_KEY "}");
	struct jwk11_buf out = J11_BUF(500);

	(void)state;
	assert_int_equal(jwk11_pub_pem(ed, &out, NULL), JWK11_OK);
	assert_string_equal(jwk11_buf_data(&out), PEM);
	assert_int_equal(jwk11_pub_from_pem(J11_VIEW("Subject: a comment\r\n-----BEGIN PUBLIC KEY-----\r\n" PEM_BODY
		"\r\n-----END PUBLIC KEY-----"), &pub, NULL), JWK11_OK);
	assert_true(j11_pub_equal(pub, ed));
	assert_int_equal(jwk11_pub_pem(NULL, &out, NULL), JWK11_ERR_ARGUMENT);
	j11_buf_done(&out);
	out = J11_BUF(50);
	assert_int_equal(jwk11_pub_pem(ed, &out, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&out);
	jwk11_pub_unref(pub);
	jwk11_pub_unref(ed);
}

static void refuses_pem_of_anything_else(void **state)
{
	static const struct row rows[] = {
		{ "empty", "", JWK11_ERR_SYNTAX, "PEM_INVALID" },
		{ "no block", PEM_BODY, JWK11_ERR_SYNTAX, "PEM_INVALID" },
		{ "no end", "-----BEGIN PUBLIC KEY-----\n" PEM_BODY "\n", JWK11_ERR_SYNTAX, "PEM_INVALID" },
		{ "two blocks", PEM PEM, JWK11_ERR_SYNTAX, "PEM_INVALID" },
		{ "a certificate before", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n" PEM, JWK11_ERR_SYNTAX, "PEM_INVALID" },
		{ "a private key", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", JWK11_ERR_SYNTAX, "PEM_INVALID" },
		{ "a private key behind", PEM "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n", JWK11_ERR_SYNTAX, "PEM_INVALID" },
		{ "base64url", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
			JWK11_ERR_SYNTAX, "BASE64_INVALID" },
		{ "no padding", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo\n-----END PUBLIC KEY-----\n",
			JWK11_ERR_SYNTAX, "BASE64_INVALID" },
		{ "no SPKI", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "empty body", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", JWK11_ERR_SYNTAX, "JWK_INVALID" },
	};
	struct jwk11_buf big = J11_BUF(70000);
	struct jwk11_pub *pub = NULL;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = jwk11_pub_from_pem(j11_view_str(rows[i].text), &pub, &err);

		if (rc != rows[i].rc || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s (%s)", rows[i].comment, jwk11_rc_name(rc), err.code, err.text);
	}
	assert_int_equal(jwk11_pub_from_pem((struct jwk11_view){ NULL, 0 }, &pub, NULL), JWK11_ERR_ARGUMENT);
	while (big.len <= 65536)
		j11_buf_add_str(&big, PEM);
	assert_int_equal(jwk11_pub_from_pem(j11_buf_view(&big), &pub, NULL), JWK11_ERR_LIMIT);
	assert_null(pub);
	j11_buf_done(&big);
}

static enum jwk11_rc round_trip(void *arg)
{
	struct jwk11_buf jwk = J11_BUF(4096), pem = J11_BUF(4096);
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct jwk11_pub *again = NULL;
	struct j11_jwks set = { 0 };
	enum jwk11_rc rc = j11_jwks_parse(j11_view_str(arg), &set, NULL);

	if (rc == JWK11_OK)
		rc = jwk11_pub_thumbprint(set.pubs[0], thumbprint, NULL);
	if (rc == JWK11_OK)
		rc = jwk11_pub_jwk(set.pubs[0], NULL, NULL, &jwk, NULL);
	if (rc == JWK11_OK)
		rc = jwk11_pub_pem(set.pubs[0], &pem, NULL);
	if (rc == JWK11_OK)
		rc = jwk11_pub_from_pem(j11_buf_view(&pem), &again, NULL);
	jwk11_pub_unref(again);
	j11_jwks_done(&set);
	j11_buf_done(&jwk);
	j11_buf_done(&pem);
	return rc;
}

static void survives_each_failed_allocation(void **state)
{
	static char set[] = "{\"keys\":[{" EC_KEY ",\"kid\":\"1\"},{\"kty\":\"QKP\"},{" ED_KEY "}]}";

	(void)state;
	each_allocation_fails(round_trip, set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thumbprints_are_those_of_the_rfcs),
		cmocka_unit_test(thumbprints_equal_those_of_other_libraries),
		cmocka_unit_test(writes_the_required_members_and_nothing_else),
		cmocka_unit_test(what_is_written_can_be_read_again),
		cmocka_unit_test(refuses_private_members),
		cmocka_unit_test(refuses_encodings_that_are_not_exact),
		cmocka_unit_test(refuses_objects_that_are_no_key),
		cmocka_unit_test(refuses_keys_for_something_else),
		cmocka_unit_test(rsa_numbers_are_minimal),
		cmocka_unit_test(its_alg_is_its_only_algorithm),
		cmocka_unit_test(kid_has_a_limit),
		cmocka_unit_test(a_set_passes_over_keys_of_other_kinds),
		cmocka_unit_test(a_set_with_a_broken_key_is_refused),
		cmocka_unit_test(x5c_must_hold_this_key),
		cmocka_unit_test(reads_and_writes_pem),
		cmocka_unit_test(refuses_pem_of_anything_else),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
