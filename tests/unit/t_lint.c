/* SPDX-License-Identifier: Apache-2.0 */
/* jose/lint*: each rule has texts that break it and nothing else, and clean texts break none. */
#include "vector.h"

#include <openssl/err.h>

#include "jose/lint.h"
#include "lint_keys.h"

static struct j11_lint *lint_view(struct jwk11_view text)
{
	struct j11_lint *lint = NULL;
	struct jwk11_err err = { 0 };

	if (j11_lint_run(text, &lint, &err) != JWK11_OK)
		fail_msg("%s", err.text);
	assert_int_equal(ERR_peek_error(), 0);
	return lint;
}

static void show(const struct j11_lint *lint)
{
	for (size_t i = 0; i < lint->n_findings; i++)
		fprintf(stderr, "# %s %zu %s: %s\n", j11_lint_severity_name(j11_lint_rule(lint->findings[i].id)->severity), lint->findings[i].key,
			j11_lint_rule(lint->findings[i].id)->name, lint->findings[i].text);
}

/* The rule was broken, and no other that matters; notes beside it are allowed. */
static bool only(const struct j11_lint *lint, enum j11_lint_id id)
{
	bool found = false;

	for (size_t i = 0; i < lint->n_findings; i++) {
		found = found || lint->findings[i].id == id;
		if (lint->findings[i].id != id && j11_lint_rule(lint->findings[i].id)->severity != J11_LINT_INFO)
			return false;
	}
	return found;
}

#define KEY(members) "{" members "}"

static const struct row {
	enum j11_lint_id id;
	const char *text;
} rows[] = {
	{ J11_LINT_JSON, "" },
	{ J11_LINT_JSON, "hello" },
	{ J11_LINT_JSON, "{\"kty\":\"EC\"" },
	{ J11_LINT_JSON, "{\"kty\":\"E\\u0000C\"}" },
	{ J11_LINT_JSON, "{\"x5c\":[\"AB\nCD\"]}" },
	{ J11_LINT_JSON, "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]" },
	{ J11_LINT_JSON_BOM, "\xef\xbb\xbf" KEY(EC_KEY) },
	{ J11_LINT_JSON_UTF8, KEY(EC_KEY ",\"name\":\"caf\xe9\"") },
	{ J11_LINT_JSON_TRAILING, KEY(EC_KEY) "}" },
	{ J11_LINT_JSON_TRAILING, KEY(EC_KEY) "\n" KEY(EC_KEY) },
	{ J11_LINT_JSON_TRAILING, SET(KEY(EC_KEY)) " // the keys" },
	{ J11_LINT_JSON_DUPLICATE, KEY(EC_KEY ",\"use\":\"sig\"") },
	{ J11_LINT_JSON_DUPLICATE, "{\"keys\":[" KEY(EC_KEY) "],\"keys\":[" KEY(EC_KEY) "]}" },
	{ J11_LINT_JSON_DUPLICATE, KEY(EC_KEY ",\"more\":[{\"a\":1,\"a\":2}]") },
	{ J11_LINT_JSON_DUPLICATE, "{\"more\":{\"a\":1,\"a\":2},\"keys\":[" KEY(EC_KEY) "]}" },
	{ J11_LINT_SET_SHAPE, "[" KEY(EC_KEY) "]" },
	{ J11_LINT_SET_SHAPE, "{\"keys\":" KEY(EC_KEY) "}" },
	{ J11_LINT_SET_SHAPE, "{}" },
	{ J11_LINT_SET_SHAPE, "{\"jwks\":[" KEY(EC_KEY) "]}" },
	{ J11_LINT_SET_SHAPE, "\"keys\"" },
	{ J11_LINT_SET_SHAPE, SET("\"" ED_X "\"," KEY(EC_KEY)) },
	{ J11_LINT_SET_EMPTY, SET("") },
	{ J11_LINT_SET_OKP, SET(KEY(EC_KEY) "," KEY(ED_KEY)) },
	{ J11_LINT_SET_USE, SET(KEY(EC_KEY) "," KEY(RSA ",\"use\":\"enc\",\"alg\":\"RSA-OAEP-256\",\"kid\":\"" N_KID "\"") "," KEY(
		EC_XY(ZERO_X, ZERO_Y) ",\"key_ops\":[\"verify\"],\"alg\":\"ES256\",\"kid\":\"2\"")) },
	{ J11_LINT_KEY_TWICE, SET(KEY(EC_KEY) "," KEY(EC ES256 KID)) },
	{ J11_LINT_KEY_TWO_ALGS, SET(KEY(RSA_KEY) "," KEY(RSA ",\"use\":\"sig\",\"alg\":\"PS256\"" KID)) },
	{ J11_LINT_KEY_TWO_ALGS, SET(KEY(RSA_KEY) "," KEY(RSA ",\"use\":\"enc\",\"alg\":\"RSA-OAEP\"" KID)) },
	{ J11_LINT_MEMBER_MISSING, KEY("\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"" ES256 KID) },
	{ J11_LINT_MEMBER_MISSING, KEY("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"" ES256 KID) },
	{ J11_LINT_MEMBER_MISSING, KEY("\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"" ES256 KID) },
	{ J11_LINT_MEMBER_MISSING, KEY("\"kty\":\"RSA\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_MEMBER_MISSING, KEY("\"kty\":\"OKP\",\"crv\":\"Ed25519\"" EDDSA KID) },
	{ J11_LINT_MEMBER_TYPE, KEY(EC ES256 ",\"kid\":7") },
	{ J11_LINT_MEMBER_TYPE, KEY("\"kty\":\"RSA\",\"e\":65537,\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_MEMBER_TYPE, KEY(EC_KEY ",\"x5c\":\"AAAA\"") },
	{ J11_LINT_MEMBER_TYPE, KEY(EC ",\"alg\":\"ES256\"" KID ",\"key_ops\":\"verify\"") },
	{ J11_LINT_MEMBER_TYPE, KEY(EC ",\"alg\":\"ES256\"" KID ",\"key_ops\":[\"verify\",1]") },
	{ J11_LINT_MEMBER_TYPE, KEY(EC_KEY ",\"exp\":\"tomorrow\"") },
	{ J11_LINT_MEMBER_NULL, KEY(EC_KEY ",\"x5c\":null") },
	{ J11_LINT_MEMBER_NULL, KEY(EC_KEY ",\"comment\":null") },
	{ J11_LINT_MEMBER_EMPTY, KEY(EC_KEY ",\"x5u\":\"\"") },
	{ J11_LINT_MEMBER_EMPTY, KEY(EC_KEY ",\"x5c\":[]") },
	{ J11_LINT_MEMBER_EMPTY, KEY(EC ES256 ",\"kid\":\"\"") },
	{ J11_LINT_MEMBER_CASE, KEY(EC_KEY ",\"x5t#s256\":\"\"") },
	{ J11_LINT_MEMBER_CASE, KEY(EC_KEY ",\"KTY\":\"EC\"") },
	{ J11_LINT_PRIVATE, KEY(EC_KEY ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"") },
	{ J11_LINT_PRIVATE, KEY(RSA_KEY ",\"d\":\"AQ\",\"p\":\"AQ\",\"q\":\"AQ\",\"dp\":\"AQ\",\"dq\":\"AQ\",\"qi\":\"AQ\",\"oth\":[]") },
	{ J11_LINT_SYMMETRIC, KEY("\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\",\"alg\":\"HS256\"") },
	{ J11_LINT_KTY_CASE, KEY("\"kty\":\"rsa\",\"e\":\"AQAB\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_KTY_UNKNOWN, KEY("\"kty\":\"PQ\",\"use\":\"sig\",\"alg\":\"ES256\"" KID) },
	{ J11_LINT_B64_ALPHABET, KEY(EC_XY(X, "x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0") ES256 KID) },
	{ J11_LINT_B64_PADDING, KEY(EC_XY(X "=", Y) ES256 KID) },
	{ J11_LINT_B64_BLANKS, KEY(EC_XY("f83OJ3D2xF1Bg8vub9tL\\r\\ne1gHMzV76e8Tus9uPHvRVEU", Y) ES256 KID) },
	{ J11_LINT_B64_BITS, KEY(EC_XY("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV", Y) ES256 KID) },
	{ J11_LINT_B64_INVALID, KEY(EC_XY("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVE*", Y) ES256 KID) },
	{ J11_LINT_B64_INVALID, KEY(EC_XY(X "AA", Y) ES256 KID) },
	{ J11_LINT_B64_INVALID, KEY(EC_XY("f83OJ3D2xF1Bg8vub9tL=e1gHMzV76e8Tus9uPHvRVEU", Y) ES256 KID) },
	{ J11_LINT_NUMBER_TEXT, KEY("\"kty\":\"RSA\",\"e\":\"65537\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_NUMBER_TEXT, KEY("\"kty\":\"RSA\",\"e\":\"NjU1Mzc\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_NUMBER_TEXT, KEY("\"kty\":\"RSA\",\"e\":\"0x10001\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_NUMBER_TEXT, KEY(OKP_X("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a") EDDSA KID) },
	{ J11_LINT_NUMBER_TEXT, KEY(OKP_X("ZDc1YTk4MDE4MmIxMGFiN2Q1NGJmZWQzYzk2NDA3M2EwZWUxNzJmM2RhYTYyMzI1YWYwMjFhNjhmNzA3NTExYQ") EDDSA KID) },
	{ J11_LINT_RSA_ZERO, KEY(RSA_N(N_SIGNED) ",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_ZERO, KEY("\"kty\":\"RSA\",\"e\":\"AAEAAQ\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_SMALL, KEY(RSA_N(N_1024) ",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_EVEN, KEY(RSA_N(N_EVEN) ",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_ROCA, KEY(RSA_N(N_ROCA) ",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_EXPONENT, KEY("\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_EXPONENT, KEY("\"kty\":\"RSA\",\"e\":\"AQAA\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_EXPONENT_LARGE, KEY("\"kty\":\"RSA\",\"e\":\"gAAAAQ\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_RSA_EXPONENT_LARGE, KEY("\"kty\":\"RSA\",\"e\":\"" N "\",\"n\":\"" N "\",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_CRV_NAME, KEY("\"kty\":\"EC\",\"crv\":\"P256\",\"x\":\"" X "\",\"y\":\"" Y "\"" ES256 KID) },
	{ J11_LINT_CRV_NAME, KEY("\"kty\":\"EC\",\"crv\":\"p-256\",\"x\":\"" X "\",\"y\":\"" Y "\"" ES256 KID) },
	{ J11_LINT_CRV_NAME, KEY("\"kty\":\"EC\",\"crv\":\"prime256v1\",\"x\":\"" X "\",\"y\":\"" Y "\"" ES256 KID) },
	{ J11_LINT_CRV_UNKNOWN, KEY("\"kty\":\"EC\",\"crv\":\"BP-256\",\"x\":\"" X "\",\"y\":\"" Y "\"" ES256 KID) },
	{ J11_LINT_CRV_KTY, KEY("\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\",\"use\":\"sig\"" KID ",\"alg\":\"ES256\"") },
	{ J11_LINT_SECP256K1, KEY(K1 ",\"use\":\"sig\",\"alg\":\"ES256K\",\"kid\":\"TXyR98yuwDGIIgIMwSBQl8-3ChzzfiO8m2pux3JF84o\"") },
	{ J11_LINT_EC_SHORT, KEY(EC_XY(ZERO_X_SHORT, ZERO_Y) ES256 KID) },
	{ J11_LINT_EC_SHORT, KEY(P521_XY(P521_X_SHORT, P521_Y) KID) },
	{ J11_LINT_EC_LONG, KEY(EC_XY(ZERO_X, ZERO_Y_SIGNED) ES256 KID) },
	{ J11_LINT_EC_LONG, KEY(EC_XY(X, P521_X) ES256 KID) },
	{ J11_LINT_EC_POINT, KEY("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ZERO_COMPRESSED "\"" ES256 KID) },
	{ J11_LINT_EC_POINT, KEY(EC_XY(ZERO_WHOLE, ZERO_Y) ES256 KID) },
	{ J11_LINT_EC_POINT, KEY(EC_XY(ZERO_WHOLE_DER, ZERO_Y) ES256 KID) },
	{ J11_LINT_EC_OFF_CURVE, KEY(EC_XY(X, X) ES256 KID) },
	{ J11_LINT_OKP_DER, KEY(OKP_X("BCDXWpgBgrEKt9VL_tPJZAc6DuFy89qmIyWvAhpo9wdRGg") EDDSA KID) },
	{ J11_LINT_OKP_DER, KEY(OKP_X("AyEA" ED_X) EDDSA KID) },
	{ J11_LINT_OKP_DER, KEY(OKP_X("MCowBQYDK2VwAyEA" ED_X) EDDSA KID) },
	{ J11_LINT_OKP_LENGTH, KEY(OKP_X("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ") EDDSA KID) },
	{ J11_LINT_OKP_POINT, KEY(OKP_X("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") EDDSA KID) },
	{ J11_LINT_OKP_POINT, KEY(X25519_X("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") ",\"use\":\"enc\",\"alg\":\"ECDH-ES\"" KID) },
	{ J11_LINT_AKP_ALG, KEY("\"kty\":\"AKP\",\"use\":\"sig\",\"pub\":\"AAAA\"" KID) },
	{ J11_LINT_AKP_ALG, KEY("\"kty\":\"AKP\",\"use\":\"sig\",\"alg\":\"ES256\",\"pub\":\"AAAA\"" KID) },
	{ J11_LINT_AKP_LENGTH, KEY("\"kty\":\"AKP\",\"use\":\"sig\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\"" KID) },
	{ J11_LINT_USE_MISSING, KEY(EC ",\"alg\":\"ES256\"" KID) },
	{ J11_LINT_USE_VALUE, KEY(EC ",\"use\":\"Sig\",\"alg\":\"ES256\"" KID) },
	{ J11_LINT_USE_VALUE, KEY(EC ",\"use\":\"signature\",\"alg\":\"ES256\"" KID) },
	{ J11_LINT_USE_SVID, KEY(EC ",\"use\":\"jwt-svid\",\"alg\":\"ES256\"" KID) },
	{ J11_LINT_USE_CRV, KEY(K1 ",\"use\":\"enc\",\"alg\":\"ES256K\"" KID) },
	{ J11_LINT_USE_CRV, KEY(X25519_X("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo") ",\"use\":\"sig\",\"alg\":\"ECDH-ES\"" KID) },
	{ J11_LINT_OPS_DUPLICATE, KEY(EC ",\"alg\":\"ES256\",\"key_ops\":[\"verify\",\"verify\"]" KID) },
	{ J11_LINT_OPS_UNKNOWN, KEY(EC ",\"alg\":\"ES256\",\"key_ops\":[\"Verify\"]" KID) },
	{ J11_LINT_OPS_PRIVATE, KEY(EC ",\"alg\":\"ES256\",\"key_ops\":[\"sign\",\"verify\"]" KID) },
	{ J11_LINT_OPS_MIXED, KEY(RSA ",\"alg\":\"RS256\",\"key_ops\":[\"verify\",\"encrypt\"]" KID) },
	{ J11_LINT_OPS_AND_USE, KEY(EC_KEY ",\"key_ops\":[\"verify\"]") },
	{ J11_LINT_OPS_USE, KEY(EC_KEY ",\"key_ops\":[\"deriveKey\"]") },
	{ J11_LINT_ALG_MISSING, KEY(EC ",\"use\":\"sig\"" KID) },
	{ J11_LINT_ALG_CASE, KEY(EC ",\"use\":\"sig\",\"alg\":\"es256\"" KID) },
	{ J11_LINT_ALG_COSE, KEY(EC ",\"use\":\"sig\",\"alg\":\"ESP256\"" KID) },
	{ J11_LINT_ALG_NONE, KEY(EC ",\"use\":\"sig\",\"alg\":\"none\"" KID) },
	{ J11_LINT_ALG_OLD, KEY(RSA ",\"use\":\"enc\",\"alg\":\"RSA1_5\"" KID) },
	{ J11_LINT_ALG_UNKNOWN, KEY(EC ",\"use\":\"sig\",\"alg\":\"SHA256withECDSA\"" KID) },
	{ J11_LINT_ALG_KEY, KEY(EC ",\"use\":\"sig\",\"alg\":\"ES384\"" KID) },
	{ J11_LINT_ALG_KEY, KEY(EC ",\"use\":\"sig\",\"alg\":\"RS256\"" KID) },
	{ J11_LINT_ALG_KEY, KEY(RSA ",\"use\":\"sig\",\"alg\":\"HS256\"" KID) },
	{ J11_LINT_ALG_KEY, KEY(RSA ",\"use\":\"enc\",\"alg\":\"ECDH-ES\"" KID) },
	{ J11_LINT_ALG_KEY, KEY(OKP_X(ED_X) ",\"use\":\"sig\",\"alg\":\"ES256\"" KID) },
	{ J11_LINT_ALG_USE, KEY(EC ",\"use\":\"enc\",\"alg\":\"ES256\"" KID) },
	{ J11_LINT_ALG_USE, KEY(RSA ",\"use\":\"sig\",\"alg\":\"RSA-OAEP-256\"" KID) },
	{ J11_LINT_ALG_USE, KEY(EC ",\"alg\":\"ES256\",\"key_ops\":[\"deriveKey\"]" KID) },
	{ J11_LINT_ALG_EDDSA, KEY(ED_KEY) },
	{ J11_LINT_ALG_ED25519, KEY("\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"JQagQ8tJ1ocOERIzQnzjYZ3tIAEpQiQ2R6Qd2WtElUNvSQYgPWKb93OKc3tki_Q43BNK9X5SJXwA\","
		"\"use\":\"sig\",\"alg\":\"Ed448\",\"kid\":\"iNk9Mgu0wph1m2Qog7DNuNyp8jPeOtVr9peeEOm05PU\"") },
	{ J11_LINT_ALG_ED25519, KEY(OKP_X(ED_X) ",\"use\":\"sig\",\"alg\":\"Ed25519\",\"kid\":\"" ED_KID "\"") },
	{ J11_LINT_KID_MISSING, SET(KEY(EC_KEY) "," KEY(RSA ",\"use\":\"sig\",\"alg\":\"RS256\"")) },
	{ J11_LINT_KID_NONE, KEY(EC ES256) },
	{ J11_LINT_KID_NONE, SET(KEY(EC ES256)) },
	{ J11_LINT_KID_DUPLICATE, SET(KEY(EC_KEY) "," KEY(RSA ",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"" EC_KID "\"")) },
	{ J11_LINT_KID_THUMBPRINT, KEY(EC ES256 KID) },
	{ J11_LINT_KID_THUMBPRINT, KEY(EC ES256 ",\"kid\":\"" ED_KID "\"") },
	{ J11_LINT_X5C_PEM, KEY(EC_KEY ",\"x5c\":[\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\"]") },
	{ J11_LINT_X5C_DER, KEY(EC_KEY ",\"x5c\":[\"AAAA\"]") },
	{ J11_LINT_X5C_DER, KEY(EC_KEY ",\"x5c\":[\"****\"]") },
	{ J11_LINT_X5T_HEX, KEY(EC_KEY ",\"x5t\":\"00112233445566778899aabbccddeeff00112233\"") },
	{ J11_LINT_X5T_HEX, KEY(EC_KEY ",\"x5t\":\"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\"") },
	{ J11_LINT_X5T_HEX, KEY(EC_KEY ",\"x5t\":\"MDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmYwMDExMjIzMw\"") },
	{ J11_LINT_X5T_TWICE, KEY(EC_KEY ",\"x5t#S256\":\"ZjgzT0ozRDJ4RjFCZzh2dWI5dExlMWdITXpWNzZlOFR1czl1UEh2UlZFVQ\"") },
	{ J11_LINT_X5T_LENGTH, KEY(EC_KEY ",\"x5t\":\"" X "\"") },
	{ J11_LINT_X5T_LENGTH, KEY(EC_KEY ",\"x5t#S256\":\"AAAA\"") },
	{ J11_LINT_X5U_HTTPS, KEY(EC_KEY ",\"x5u\":\"http://issuer.example/cert\"") },
};

static void each_rule_is_broken_by_a_text_and_only_that_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_lint *lint = lint_view(j11_view_str(rows[i].text));

		if (!only(lint, rows[i].id)) {
			show(lint);
			fail_msg("row %zu, %s: %s", i, j11_lint_rule(rows[i].id)->name, rows[i].text);
		}
		assert_int_equal(lint->doc == NULL, rows[i].id == J11_LINT_JSON);
		j11_lint_free(lint);
	}
}

/* Rules whose texts are too long for the table, or need certificates; t_lint_cert.c has the latter. */
static const enum j11_lint_id elsewhere[] = { J11_LINT_SET_SIZE, J11_LINT_SET_COUNT, J11_LINT_SET_MANY, J11_LINT_SET_AKP, J11_LINT_MEDIA_TYPE,
	J11_LINT_RSA_LARGE, J11_LINT_KID_LONG, J11_LINT_X5C_BASE64, J11_LINT_X5C_BLANKS, J11_LINT_X5C_ORDER, J11_LINT_X5C_LEAF,
	J11_LINT_X5C_CHAIN, J11_LINT_X5T_DIGEST };

static void every_rule_has_words_and_a_test(void **state)
{
	(void)state;
	for (enum j11_lint_id id = 0; id < J11_N_LINT_; id++) {
		const struct j11_lint_rule *rule = j11_lint_rule(id);
		bool tested = false;

		if (rule->name == NULL || rule->source == NULL || rule->fix == NULL || rule->fix[0] == '\0')
			fail_msg("rule %d has no words", (int)id);
		for (size_t i = 0; i < J11_COUNT(rows); i++)
			tested = tested || rows[i].id == id;
		for (size_t i = 0; i < J11_COUNT(elsewhere); i++)
			tested = tested || elsewhere[i] == id;
		if (!tested)
			fail_msg("rule %s has no test", rule->name);
		for (enum j11_lint_id other = 0; other < id; other++)
			assert_string_not_equal(rule->name, j11_lint_rule(other)->name);
	}
}

/* Not a note either. The coordinate that begins like a hexadecimal number is one. */
static const char *const clean[] = {
	KEY(EC_XY("0x0eKPk7a4ql-nH8Wr5S74gRH3d_-a3Q6Fkq_6K3OQE", "dsLDL5EqwCeUnakNhOzSu8WJ5t-qxkrcmsx2UKEgOH8")
		ES256 ",\"kid\":\"vQnoaAwAZFDRqXKxiL2x1tmmRXrSerF8BlR4U0DcqBo\""),
	KEY(EC_KEY), KEY(RSA_KEY), KEY(ZERO_KEY), KEY(P521_KEY), SET(KEY(EC_KEY)), SET(KEY(EC_KEY) "," KEY(RSA_KEY) "," KEY(P521_KEY)),
	" \r\n\t" KEY(EC_KEY) "\n", KEY(EC_KEY ",\"name\":\"caf\xc3\xa9\",\"ext\":true,\"iat\":1,\"more\":{\"a\":[1,2.5,false]}"),
	KEY(EC ",\"alg\":\"ES256\",\"key_ops\":[\"verify\"],\"kid\":\"" EC_KID "\""),
	KEY(EC ",\"use\":\"enc\",\"alg\":\"ECDH-ES+A256KW\",\"kid\":\"" EC_KID "\""),
	KEY(RSA ",\"use\":\"enc\",\"alg\":\"RSA-OAEP-256\",\"kid\":\"" N_KID "\""),
	KEY(EC_KEY ",\"x5u\":\"https://issuer.example/c\",\"x5t\":\"AAECAwQFBgcICQoLDA0ODxAREhM\"") };

static void clean_texts_break_no_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(clean); i++) {
		struct j11_lint *lint = lint_view(j11_view_str(clean[i]));

		if (lint->n_findings > 0) {
			show(lint);
			fail_msg("%s", clean[i]);
		}
		j11_lint_free(lint);
	}
}

static struct j11_lint *lint_buf(struct jwk11_buf *text)
{
	struct j11_lint *lint = NULL;

	assert_int_equal(text->failed, JWK11_OK);
	lint = lint_view(j11_buf_view(text));
	j11_buf_done(text);
	return lint;
}

static void expect_only(struct j11_lint *lint, enum j11_lint_id id)
{
	if (!only(lint, id)) {
		show(lint);
		fail_msg("not only %s", j11_lint_rule(id)->name);
	}
	j11_lint_free(lint);
}

/* A set of n P-256 keys that differ in their kid and are no keys at all, but for what counts here. */
static void long_set(struct jwk11_buf *text, unsigned n, const char *more)
{
	j11_buf_add_str(text, "{\"keys\":[");
	for (unsigned i = 0; i < n; i++)
		j11_buf_add_fmt(text, "%s{\"kty\":\"XX\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"%u\"%s}", i > 0 ? "," : "", i, more);
	j11_buf_add_str(text, "]}");
}

static bool has(const struct j11_lint *lint, enum j11_lint_id id)
{
	for (size_t i = 0; i < lint->n_findings; i++)
		if (lint->findings[i].id == id)
			return true;
	return false;
}

static void sizes_of_sets_are_told_at_their_limits(void **state)
{
	static const struct {
		unsigned n;
		bool many, count;
	} sets[] = { { 10, false, false }, { 11, true, false }, { 100, true, false }, { 101, false, true }, { 1100, false, true } };
	struct jwk11_buf text;
	struct j11_lint *lint;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(sets); i++) {
		text = J11_BUF(J11_LINT_MAX);
		long_set(&text, sets[i].n, "");
		lint = lint_buf(&text);
		assert_int_equal(has(lint, J11_LINT_SET_MANY), sets[i].many);
		assert_int_equal(has(lint, J11_LINT_SET_COUNT), sets[i].count);
		assert_int_equal(lint->n_listed, sets[i].n);
		assert_int_equal(lint->n_keys, sets[i].n < J11_LINT_KEYS ? sets[i].n : J11_LINT_KEYS);
		j11_lint_free(lint);
	}
	for (size_t len = 51200; len <= 51201; len++) {
		text = J11_BUF(J11_LINT_MAX);
		j11_buf_add_str(&text, SET(KEY(EC_KEY)));
		while (text.len < len)
			j11_buf_add_byte(&text, ' ');
		lint = lint_buf(&text);
		assert_int_equal(has(lint, J11_LINT_SET_SIZE), len > 51200);
		assert_int_equal(lint->n_findings, len > 51200);
		j11_lint_free(lint);
	}
}

static void text_has_a_limit(void **state)
{
	struct jwk11_buf text = J11_BUF(J11_LINT_MAX + 1);
	struct j11_lint *lint = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	j11_buf_add_str(&text, KEY(EC_KEY));
	while (text.len < J11_LINT_MAX)
		j11_buf_add_byte(&text, ' ');
	lint = lint_view(j11_buf_view(&text));
	assert_int_equal(lint->n_severity[J11_LINT_ERROR], 0);
	j11_lint_free(lint);
	lint = NULL;
	j11_buf_add_byte(&text, ' ');
	assert_int_equal(j11_lint_run(j11_buf_view(&text), &lint, &err), JWK11_ERR_LIMIT);
	assert_null(lint);
	assert_string_equal(err.code, "LIMIT");
	j11_buf_done(&text);
}

static void findings_beyond_a_limit_are_counted(void **state)
{
	struct jwk11_buf text = J11_BUF(J11_LINT_MAX);
	struct j11_lint *lint;

	(void)state;
	long_set(&text, 1000, ",\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":null");
	lint = lint_buf(&text);
	assert_int_equal(lint->n_findings, J11_LINT_KEEP);
	assert_true(lint->n_severity[J11_LINT_ERROR] >= 6000);
	assert_int_equal(lint->keys[999].first_error, J11_LINT_MEMBER_NULL);
	j11_lint_free(lint);
}

/* Numbers of octets that are no key, but long enough. */
static void add_octets(struct jwk11_buf *text, size_t n, unsigned char octet)
{
	struct jwk11_buf octets = J11_BUF(n);
	void *place = j11_buf_grow(&octets, n);

	assert_non_null(place);
	memset(place, octet, n);
	j11_b64url_add(text, j11_buf_view(&octets));
	j11_buf_done(&octets);
}

static void large_keys_are_told(void **state)
{
	static const size_t ml_dsa[] = { 1312, 1952, 2592 };
	static const char *const names[] = { "44", "65", "87" };
	struct jwk11_buf text;

	(void)state;
	text = J11_BUF(65536);
	j11_buf_add_str(&text, "{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"1\",\"e\":\"AQAB\",\"n\":\"");
	add_octets(&text, 2049, 0xff);
	j11_buf_add_str(&text, "\"}");
	expect_only(lint_buf(&text), J11_LINT_RSA_LARGE);
	for (size_t i = 0; i < J11_COUNT(ml_dsa); i++) {
		struct j11_lint *lint;

		text = J11_BUF(65536);
		j11_buf_add_str(&text, "{\"keys\":[");
		j11_buf_add_fmt(&text, "{\"kty\":\"AKP\",\"use\":\"sig\",\"kid\":\"1\",\"alg\":\"ML-DSA-%s\",\"pub\":\"", names[i]);
		add_octets(&text, ml_dsa[i], 0x55);
		j11_buf_add_str(&text, "\"}]}");
		lint = lint_view(j11_buf_view(&text));
		assert_int_equal(lint->n_severity[J11_LINT_ERROR] + lint->n_severity[J11_LINT_WARN], 0);
		assert_non_null(lint->keys[0].pub);
		j11_lint_free(lint);
		/* Among others it is a warning. */
		j11_buf_cut(&text, text.len - 2);
		j11_buf_add_str(&text, "," KEY(EC_KEY) "]}");
		expect_only(lint_buf(&text), J11_LINT_SET_AKP);
	}
}

static void a_long_kid_is_told(void **state)
{
	(void)state;
	for (size_t len = 255; len <= 256; len++) {
		struct jwk11_buf text = J11_BUF(65536);
		struct j11_lint *lint;

		j11_buf_add_str(&text, "{" EC ES256 ",\"kid\":\"");
		for (size_t i = 0; i < len; i++)
			j11_buf_add_byte(&text, 'k');
		j11_buf_add_str(&text, "\"}");
		lint = lint_buf(&text);
		assert_int_equal(has(lint, J11_LINT_KID_LONG), len > 255);
		j11_lint_free(lint);
	}
}

static void media_types_are_told(void **state)
{
	static const struct {
		const char *type;
		bool good;
	} types[] = { { "application/json", true }, { "application/jwk-set+json", true }, { "Application/JSON; charset=utf-8", true },
		{ "text/plain", false }, { "application/jwk+json", false }, { "application/jsonx", false }, { "", false } };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(types); i++) {
		struct j11_lint *lint = lint_view(J11_VIEW(SET(KEY(EC_KEY))));

		j11_lint_media_type(lint, types[i].type);
		if (has(lint, J11_LINT_MEDIA_TYPE) == types[i].good)
			fail_msg("%s", types[i].type);
		j11_lint_free(lint);
	}
}

/* The issue that the rule was made after; what the sentence says. */
static const struct {
	const char *comment, *text, *sentence;
} bugs[] = {
	{ "jwcrypto#204, keycloak#14933: a coordinate without its leading zero", KEY(EC_XY(ZERO_X_SHORT, ZERO_Y) ES256 KID),
		"\"x\" has 31 octets where P-256 has 32: leading zeros are lost" },
	{ "oidc-provider-plugin#205: RSA modulus of 257 octets", KEY(RSA_N(N_SIGNED) ",\"use\":\"sig\",\"alg\":\"RS256\"" KID),
		"\"n\" has 257 octets for 2048 bits: a zero octet, such as signed numbers have, in front" },
	{ "did-key-spec#73: EC coordinate with a sign octet", KEY(EC_XY(ZERO_X, ZERO_Y_SIGNED) ES256 KID),
		"\"y\" has 33 octets where P-256 has 32: a sign octet is in front" },
	{ "uaa#424: plain base64", KEY(EC_XY(X, "x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0") ES256 KID),
		"\"y\" is in plain base64: it has \"+\" or \"/\"" },
	{ "product-is#16216: x5t#S256 encoded twice", KEY(EC_KEY ",\"x5t#S256\":\"ZjgzT0ozRDJ4RjFCZzh2dWI5dExlMWdITXpWNzZlOFR1czl1UEh2UlZFVQ\""),
		"\"x5t#S256\" is encoded twice" },
	{ "MSAL.NET#4685, spring-security#17079: a thumbprint of something else", KEY(EC ES256 ",\"kid\":\"" ED_KID "\""),
		"the kid is as long as a thumbprint, but not that of this key" },
	{ "azwi, Kubernetes: kid over the SubjectPublicKeyInfo", KEY(EC ES256 ",\"kid\":\"K9G7DESol8MKeqCZHN442AYv5EHeUNoPRoJTRPYC6Cc\""),
		"the kid is the SHA-256 of the SubjectPublicKeyInfo, as Kubernetes makes it" },
	{ "keycloak#28004: no use", KEY(EC ",\"alg\":\"ES256\"" KID), "\"use\" is missing" },
	{ "micronaut-security#89: no alg", KEY(EC ",\"use\":\"sig\"" KID), "\"alg\" is missing" },
	{ "pkcs11-provider#478: a point as the token gives it", KEY(OKP_X("BCDXWpgBgrEKt9VL_tPJZAc6DuFy89qmIyWvAhpo9wdRGg") EDDSA KID),
		"\"x\" is wrapped in DER" },
};

static void bugs_seen_in_the_wild_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(bugs); i++) {
		struct j11_lint *lint = lint_view(j11_view_str(bugs[i].text));
		bool found = false;

		for (size_t j = 0; j < lint->n_findings; j++)
			found = found || strcmp(lint->findings[j].text, bugs[i].sentence) == 0;
		if (!found) {
			show(lint);
			fail_msg("%s", bugs[i].comment);
		}
		j11_lint_free(lint);
	}
}

/* What is mended is judged further: the key of a set with every kind of damage is still recognised as the same key. */
static void goes_on_after_the_first_finding(void **state)
{
	static const enum j11_lint_id wanted[] = { J11_LINT_JSON_BOM, J11_LINT_JSON_UTF8, J11_LINT_JSON_TRAILING, J11_LINT_JSON_DUPLICATE,
		J11_LINT_MEMBER_NULL, J11_LINT_PRIVATE, J11_LINT_KTY_CASE, J11_LINT_B64_ALPHABET, J11_LINT_B64_PADDING, J11_LINT_CRV_NAME,
		J11_LINT_EC_LONG, J11_LINT_ALG_CASE, J11_LINT_USE_VALUE, J11_LINT_KID_DUPLICATE, J11_LINT_KEY_TWICE };
	struct j11_lint *lint = lint_view(J11_VIEW("\xef\xbb\xbf{\"keys\":[" KEY(EC_KEY) ",{\"kty\":\"ec\",\"crv\":\"P256\","
		"\"x\":\"AH/Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF\","
		"\"y\":\"x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0=\",\"use\":\"Sig\",\"alg\":\"es256\",\"kid\":\"" EC_KID "\",\"kid\":\"2\",\"d\":\"AQ\","
		"\"x5c\":null,\"name\":\"\xff\"}]} and more"));

	(void)state;
	for (size_t i = 0; i < J11_COUNT(wanted); i++)
		if (!has(lint, wanted[i])) {
			show(lint);
			fail_msg("%s is missing", j11_lint_rule(wanted[i])->name);
		}
	assert_int_equal(lint->n_keys, 2);
	assert_int_equal(lint->keys[0].first_error, J11_N_LINT_);
	assert_string_equal(lint->keys[1].thumbprint, EC_KID);
	j11_lint_free(lint);
}

static void values_of_private_members_are_not_repeated(void **state)
{
	struct j11_lint *lint = lint_view(J11_VIEW("{\"keys\":[" KEY(EC ES256 ",\"kid\":\"1\",\"d\":\"c2VjcmV0\",\"d\":\"c2VjcmV0\"") ","
		KEY("\"kty\":\"oct\",\"k\":\"c2VjcmV0\"") "," KEY("\"k\":\"c2VjcmV0\",\"priv\":\"c2VjcmV0\"") "]}"));

	(void)state;
	assert_true(has(lint, J11_LINT_PRIVATE) && has(lint, J11_LINT_SYMMETRIC));
	for (size_t i = 0; i < lint->n_findings; i++)
		assert_null(strstr(lint->findings[i].text, "c2VjcmV0"));
	j11_lint_free(lint);
}

/* Whoever reads keys strictly refuses no key that the linter calls clean, and the other way round with what an RFC forbids. */
static void agrees_with_the_strict_reader(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "foreign-good.json");
	for (const struct j11_json *one = j11_json_get(v.root, "cases")->child; one != NULL; one = one->next) {
		struct j11_lint *lint = lint_view(j11_json_get(one, "jwk")->raw);

		if (lint->n_severity[J11_LINT_ERROR] > 0) {
			show(lint);
			fail_msg("%s", (const char *)vector_text(one, "comment").data);
		}
		j11_lint_free(lint);
	}
	vector_done(&v);
	vector_load(&v, "rfc7517-b-x5c.json");
	for (const struct j11_json *one = j11_json_get(v.root, "cases")->child; one != NULL; one = one->next) {
		struct j11_lint *lint = lint_view(j11_json_get(one, "jwk")->raw);

		if ((lint->n_severity[J11_LINT_ERROR] == 0) != j11_json_get(one, "valid")->boolean) {
			show(lint);
			fail_msg("%s", (const char *)vector_text(one, "comment").data);
		}
		j11_lint_free(lint);
	}
	vector_done(&v);
}

static enum jwk11_rc lint_once(void *arg)
{
	struct j11_lint *lint = NULL;
	enum jwk11_rc rc = j11_lint_run(j11_view_str(arg), &lint, NULL);

	j11_lint_free(lint);
	return rc;
}

static void memory_may_run_out_anywhere(void **state)
{
	static char text[] = SET(KEY(EC_XY(X "=", Y) ES256 KID) "," KEY(RSA_KEY ",\"x5c\":[\"AAAA\"],\"x5t\":\"AAAA\"") "," KEY(ED_KEY)) "]";

	(void)state;
	each_allocation_fails(lint_once, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_broken_by_a_text_and_only_that_rule),
		cmocka_unit_test(every_rule_has_words_and_a_test),
		cmocka_unit_test(clean_texts_break_no_rule),
		cmocka_unit_test(sizes_of_sets_are_told_at_their_limits),
		cmocka_unit_test(text_has_a_limit),
		cmocka_unit_test(findings_beyond_a_limit_are_counted),
		cmocka_unit_test(large_keys_are_told),
		cmocka_unit_test(a_long_kid_is_told),
		cmocka_unit_test(media_types_are_told),
		cmocka_unit_test(bugs_seen_in_the_wild_are_named),
		cmocka_unit_test(goes_on_after_the_first_finding),
		cmocka_unit_test(values_of_private_members_are_not_repeated),
		cmocka_unit_test(agrees_with_the_strict_reader),
		cmocka_unit_test(memory_may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
