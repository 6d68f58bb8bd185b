/* SPDX-License-Identifier: Apache-2.0 */
/* keys_file: forms and order, kids, twins, and each refusal with set and file. */
#include "vector.h"

#include "base/mem.h"
#include "keys_file.h"

#define EC_NUMBERS "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC_KEY "{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_NUMBERS "}"
#define EC_NAMED(kid) "{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_NUMBERS ",\"kid\":\"" kid "\"}"
#define EC_THUMBPRINT "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define ED_NAMED(kid) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"" kid "\"}"

static struct conf *one_set(const char *lines)
{
	char text[256];
	struct conf *conf = NULL;

	snprintf(text, sizeof(text), "[set s]\nverify-only = /k\n%s", lines);
	assert_int_equal(conf_parse(j11_view_str(text), "f", &conf, NULL), JWK11_OK);
	return conf;
}

static enum jwk11_rc take(struct conf *conf, const char *path, const char *text, struct jwk11_err *err)
{
	return keys_file_take(conf, &conf->sets[0], path, CONF_YES, j11_view_str(text), err);
}

static void names_of_files(void **state)
{
	(void)state;
	assert_true(keys_file_is_named("a.pem") && keys_file_is_named("a.jwk") && keys_file_is_named("a.b.json"));
	assert_false(keys_file_is_named(".pem") || keys_file_is_named(".a.pem") || keys_file_is_named("a.key") || keys_file_is_named("a.PEM") || keys_file_is_named(""));
}

static void keys_keep_their_order_and_their_kid(void **state)
{
	struct conf *conf = one_set("");

	(void)state;
	assert_int_equal(take(conf, "/k/a.json", "{\"keys\":[" ED_NAMED("b") "," EC_NAMED("a") "]}", NULL), JWK11_OK);
	assert_int_equal(take(conf, "/k/b.jwk", EC_KEY, NULL), JWK11_OK);
	assert_int_equal(conf->n_verify_only, 3);
	assert_string_equal(conf->verify_only[0].kid, "b");
	assert_string_equal(conf->verify_only[0].alg, "EdDSA");
	assert_string_equal(conf->verify_only[1].kid, "a");
	assert_string_equal(conf->verify_only[1].file, "/k/a.json");
	assert_string_equal(conf->verify_only[2].kid, EC_THUMBPRINT);
	assert_string_equal(conf->verify_only[2].thumbprint, EC_THUMBPRINT);
	assert_string_equal(conf->verify_only[2].jwk, "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"" EC_THUMBPRINT "\",\"crv\":\"P-256\"," EC_NUMBERS "}");
	assert_string_equal(conf->verify_only[2].pkix,
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==");
	assert_int_equal(take(conf, "/k/c.jwk", EC_NAMED("a"), NULL), JWK11_OK);
	assert_int_equal(conf->n_verify_only, 3);
	conf_free(conf);
}

/* What the other processes get to read. */
static void the_canonical_text_carries_them(void **state)
{
	struct jwk11_buf once = J11_BUF(65536), twice = J11_BUF(65536);
	struct conf *conf = one_set("verify-only-kid-style = k8s\n"), *again = NULL;

	(void)state;
	assert_int_equal(take(conf, "/k/a b.json", "{\"keys\":[" ED_NAMED("a \\\"b\\\" # c\xc3\xa9") "," EC_KEY "]}", NULL), JWK11_OK);
	conf_emit(conf, &once);
	assert_int_equal(conf_parse(j11_buf_view(&once), "f", &again, NULL), JWK11_OK);
	assert_int_equal(again->n_verify_only, 2);
	assert_string_equal(again->verify_only[0].kid, "a \"b\" # c\xc3\xa9");
	assert_string_equal(again->verify_only[1].kid, conf->verify_only[1].kid);
	assert_string_not_equal(again->verify_only[1].kid, again->verify_only[1].thumbprint);
	conf_emit(again, &twice);
	assert_string_equal(jwk11_buf_data(&once), jwk11_buf_data(&twice));
	conf_free(conf);
	conf_free(again);
	j11_buf_done(&once);
	j11_buf_done(&twice);
}

static void refuses_with_set_file_and_reason(void **state)
{
	static const struct {
		const char *path, *text, *message;
	} rows[] = {
		{ "/k/x.jwk", "{\"kty\":\"oct\",\"k\":\"AA\"}", "JWK: it holds private members; give the public key" },
		{ "/k/x.json", "{\"keys\":[" EC_KEY ",{\"kty\":\"EC\",\"d\":\"AA\"}]}", "key 2: JWK: it holds private members; give the public key" },
		{ "/k/x.json", "{\"keys\":1}", "\"keys\" is not an array of at most 256 keys" },
		{ "/k/x.jwk", EC_NAMED("a\\u0001"), "a kid holds control characters, or a blank at its beginning or end" },
		{ "/k/x.jwk", EC_NAMED(" a"), "a kid holds control characters, or a blank at its beginning or end" },
		{ "/k/x.jwk", EC_NAMED("taken"), "its kid \"taken\" is that of another key, in /k/first.jwk" },
		{ "/k/x.pem", "", "PEM: no line \"-----BEGIN …-----\"" },
		{ "/k/x.pem", "-----BEGIN PRIVATE KEY-----", "it holds a private key; it wants the public key alone" },
		{ "/k/x.pem", "-----BEGIN PUBLIC KEY", "PEM: a line \"-----BEGIN\" does not end" },
		{ "/k/x.pem", "-----BEGIN PUBLIC KEY-----\nAA==\n", "PEM: a block has no line \"-----END …-----\" of its own" },
		{ "/k/x.pem", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END CERTIFICATE-----\n", "PEM: a block has no line \"-----END …-----\" of its own" },
		{ "/k/x.pem", "-----BEGIN A-----\n-----BEGIN B-----\n-----END A-----\n", "PEM: a block begins within another one" },
		{ "/k/x.pem", "-----BEGIN DSA-----\nAA==\n-----END DSA-----\n", "block 1 is neither a PUBLIC KEY nor a CERTIFICATE" },
		{ "/k/x.pem", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct conf *conf = one_set("");
		struct jwk11_err err = { 0 };
		char wanted[JWK11_TEXT_MAX];

		assert_int_equal(take(conf, "/k/first.jwk", ED_NAMED("taken"), NULL), JWK11_OK);
		assert_int_equal(take(conf, rows[i].path, rows[i].text, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, "CONFIG_INVALID");
		snprintf(wanted, sizeof(wanted), "[set s] verify-only: %s: %s", rows[i].path, rows[i].message ? rows[i].message : "");
		if (rows[i].message != NULL)
			assert_string_equal(err.text, wanted);
		else
			assert_memory_equal(err.text, wanted, strlen(wanted));
		conf_free(conf);
	}
}

/* Out of memory anywhere: said, and nothing leaks. */
static void survives_without_memory(void **state)
{
	enum jwk11_rc rc = JWK11_ERR_MEMORY;

	(void)state;
	for (unsigned long n = 1; rc == JWK11_ERR_MEMORY; n++) {
		struct conf *conf = one_set("");
		struct jwk11_err err = { 0 };

		j11_mem_fail_at(n, 0);
		rc = take(conf, "/k/a.json", "{\"keys\":[" ED_NAMED("b") "," EC_NAMED("a") "]}", &err);
		j11_mem_fail_at(0, 0);
		if (rc != JWK11_OK)
			assert_int_equal(rc, JWK11_ERR_MEMORY);
		conf_free(conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_files),
		cmocka_unit_test(keys_keep_their_order_and_their_kid),
		cmocka_unit_test(the_canonical_text_carries_them),
		cmocka_unit_test(refuses_with_set_file_and_reason),
		cmocka_unit_test(survives_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
