/* SPDX-License-Identifier: Apache-2.0 */
/* What servers of EST and ACME say, as bytes: Retry-After, problems, directories, orders, authorizations, attributes. */
#include "vector.h"

#include <stdio.h>

#include "acme_doc.h"
#include "base/b64.h"
#include "base/err.h"
#include "est_attrs.h"
#include "http_said.h"

#define NOW 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

static void test_retry_after(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: neither */
	} rows[] = {
		{ "0", 0 }, { "1", 1 }, { "120", 120 }, { "31622400", 31622400 }, { "31622401", -1 }, { "-1", -1 }, { "+1", -1 }, { " 1", -1 }, { "1 ", -1 }, { "1.5", -1 },
		{ "01", -1 }, { "", -1 }, { "99999999999999999999", -1 }, { "soon", -1 },
		{ "Tue, 14 Nov 2023 22:13:20 GMT", 0 }, { "Tue, 14 Nov 2023 22:13:21 GMT", 1 }, { "Tue, 14 Nov 2023 22:23:20 GMT", 600 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 }, { "Xxx, 14 Nov 2023 22:13:21 GMT", 1 }, { "Tue, 14 Nov 2033 22:13:20 GMT", -1 },
		{ "Tue, 14 Nov 2023 22:13:21 UTC", -1 }, { "Tue, 14 Nov 2023 22:13:21 GMT ", -1 }, { "Tue, 14 Foo 2023 22:13:21 GMT", -1 },
		{ "Tue, 00 Nov 2023 22:13:21 GMT", -1 }, { "Tue, 32 Nov 2023 22:13:21 GMT", -1 }, { "Tue, 14 Nov 2023 24:13:21 GMT", -1 },
		{ "Tue, 14 Nov 2023 22:60:21 GMT", -1 }, { "Tue, 14 Nov 2023 22:13:61 GMT", -1 }, { "Tue, 1x Nov 2023 22:13:21 GMT", -1 },
		{ "Tuesday, 14-Nov-23 22:13:21 GMT", -1 }, { "Tue Nov 14 22:13:21 2023", -1 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		int64_t seconds = -2;
		bool good = http_said_retry_after(j11_view_str(rows[i].text), NOW, &seconds);

		if (good != (rows[i].seconds >= 0) || (good ? seconds != rows[i].seconds : seconds != -2))
			fail_msg("\"%s\": %d, %lld", rows[i].text, good, (long long)seconds);
	}
}

static void test_type(void **state)
{
	(void)state;
	assert_true(http_said_type("application/pkcs7-mime; smime-type=certs-only", "application/pkcs7-mime"));
	assert_true(http_said_type("Application/JSON", "application/json"));
	assert_true(http_said_type("application/json;charset=utf-8", "application/json"));
	assert_false(http_said_type("application/jsonx", "application/json"));
	assert_false(http_said_type("application/problem+json", "application/json"));
	assert_false(http_said_type("", "application/json"));
}

static void test_problem(void **state)
{
	struct http_problem p = { .type = "old" };

	(void)state;
	assert_true(http_said_problem_text(j11_view_str("{\"type\":\"urn:ietf:params:acme:error:badNonce\",\"detail\":\"old\\u0007\",\"status\":400}"), &p));
	assert_true(http_said_is(&p, "badNonce"));
	assert_false(http_said_is(&p, "badCSR"));
	assert_string_equal(p.detail, "old\\x07");
	assert_true(http_said_problem_text(j11_view_str("{\"title\":\"no\"}"), &p));
	assert_string_equal(p.type, "");
	assert_string_equal(p.detail, "no");
	assert_true(http_said_problem_text(j11_view_str("{\"type\":\"t\",\"detail\":\"some\",\"subproblems\":[{\"detail\":\"why\",\"identifier\":{\"value\":\"a.b\"}}]}"), &p));
	assert_string_equal(p.detail, "some; for a.b: why");
	p = (struct http_problem){ .type = "old" };
	assert_false(http_said_problem_text(j11_view_str("{}"), &p));
	assert_false(http_said_problem_text(j11_view_str("{\"type\":7}"), &p));
	assert_false(http_said_problem_text(j11_view_str("[]"), &p));
	assert_false(http_said_problem_text(j11_view_str("<html>"), &p));
	assert_false(http_said_problem_text(j11_view_str("{\"type\":\"a\",\"type\":\"b\"}"), &p));
	assert_string_equal(p.type, "old");
}

static void test_directory(void **state)
{
	static const char good[] = "{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\",\"revokeCert\":\"https://a/r\",\"random\":\"x\","
		"\"meta\":{\"termsOfService\":\"data:text/plain,Do%20x\",\"externalAccountRequired\":true}}";
	static const struct {
		const char *text, *member;
	} bad[] = {
		{ "{\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}", "newNonce is missing" },
		{ "{\"newNonce\":\"https://a/n\",\"newAccount\":7,\"newOrder\":\"https://a/o\"}", "newAccount is no URL" },
		{ "{\"newNonce\":\"https://a/n\",\"newAccount\":\"file:///etc/passwd\",\"newOrder\":\"https://a/o\"}", "newAccount is no URL" },
		{ "{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/\\n\",\"newOrder\":\"https://a/o\"}", "newAccount is no URL" },
		{ "{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://\",\"newOrder\":\"https://a/o\"}", "newAccount is no URL" },
		{ "[]", "is no object" }, { "<html>", "answer" }, { "", "answer" },
	};
	struct acme_directory d = { 0 };

	(void)state;
	assert_int_equal(acme_doc_directory(j11_view_str(good), &d, NULL), JWK11_OK);
	assert_string_equal(d.new_nonce, "https://a/n");
	assert_string_equal(d.new_account, "https://a/a");
	assert_string_equal(d.new_order, "https://a/o");
	assert_string_equal(d.terms, "data:text/plain,Do%20x");
	assert_true(d.external);
	for (size_t i = 0; i < J11_COUNT(bad); i++) {
		struct jwk11_err err = { 0 };

		assert_int_equal(acme_doc_directory(j11_view_str(bad[i].text), &d, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, "SERVER_MALFORMED");
		if (strstr(err.text, bad[i].member) == NULL)
			fail_msg("%s: %s", bad[i].text, err.text);
		assert_string_equal(d.new_nonce, "https://a/n");
	}
}

/* Longer than fits, by one; and as long as fits. */
static void test_url_limits(void **state)
{
	char url[ACME_URL_MAX + 1], text[4 * ACME_URL_MAX];
	struct acme_directory d = { 0 };

	(void)state;
	memset(url, 'u', sizeof(url));
	memcpy(url, "https://", 8);
	for (size_t len = ACME_URL_MAX - 1; len <= ACME_URL_MAX; len++) {
		snprintf(text, sizeof(text), "{\"newNonce\":\"%.*s\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}", (int)len, url);
		assert_int_equal(acme_doc_directory(j11_view_str(text), &d, NULL), len < ACME_URL_MAX ? JWK11_OK : JWK11_ERR_SYNTAX);
	}
	assert_int_equal(strlen(d.new_nonce), ACME_URL_MAX - 1);
}

static void test_order(void **state)
{
	static const struct {
		const char *text;
		enum acme_status status;
		const char *why; /* NULL: good */
	} rows[] = {
		{ "{\"status\":\"pending\",\"authorizations\":[\"https://a/1\"],\"finalize\":\"https://a/f\"}", ACME_PENDING, NULL },
		{ "{\"status\":\"ready\",\"authorizations\":[\"https://a/1\",\"https://a/2\"],\"finalize\":\"https://a/f\"}", ACME_READY, NULL },
		{ "{\"status\":\"processing\",\"authorizations\":[\"https://a/1\"],\"finalize\":\"https://a/f\"}", ACME_PROCESSING, NULL },
		{ "{\"status\":\"valid\",\"authorizations\":[\"https://a/1\"],\"finalize\":\"https://a/f\",\"certificate\":\"https://a/c\"}", ACME_VALID, NULL },
		{ "{\"status\":\"invalid\",\"authorizations\":[\"https://a/1\"],\"finalize\":\"https://a/f\",\"error\":{\"type\":\"t\",\"detail\":\"d\"}}", ACME_INVALID, NULL },
		{ "{\"status\":\"expired\",\"authorizations\":[\"https://a/1\"],\"finalize\":\"https://a/f\"}", ACME_OTHER, NULL },
		{ "{\"status\":\"valid\",\"authorizations\":[\"https://a/1\"],\"finalize\":\"https://a/f\"}", 0, "certificate is missing" },
		{ "{\"authorizations\":[\"https://a/1\"],\"finalize\":\"https://a/f\"}", 0, "status is missing" },
		{ "{\"status\":\"pending\",\"authorizations\":[],\"finalize\":\"https://a/f\"}", 0, "authorizations" },
		{ "{\"status\":\"pending\",\"authorizations\":\"https://a/1\",\"finalize\":\"https://a/f\"}", 0, "authorizations" },
		{ "{\"status\":\"pending\",\"authorizations\":[7],\"finalize\":\"https://a/f\"}", 0, "authorizations" },
		{ "{\"status\":\"pending\",\"authorizations\":[\"https://a/1\"]}", 0, "finalize is missing" },
		{ "{\"status\":\"pending\",\"authorizations\":[\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\","
			"\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\",\"https://a/1\"],"
			"\"finalize\":\"https://a/f\"}", 0, "1 to 15" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		static struct acme_order o;
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = acme_doc_order(j11_view_str(rows[i].text), &o, &err);

		if ((rc == JWK11_OK) != (rows[i].why == NULL) || (rc == JWK11_OK ? o.status != rows[i].status : strstr(err.text, rows[i].why) == NULL))
			fail_msg("%s: %d, %s", rows[i].text, rc, err.text);
		if (rc == JWK11_OK && rows[i].status == ACME_INVALID)
			assert_string_equal(o.problem.detail, "d");
	}
}

#define CHALLENGE(type, token) "{\"type\":\"" type "\",\"status\":\"pending\",\"url\":\"https://a/c\",\"token\":\"" token "\"}"
#define AUTHORIZATION(name, challenges) "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"" name "\"},\"challenges\":[" challenges "]}"

static void test_authorization(void **state)
{
	static const char *const bad[] = {
		AUTHORIZATION("a.b", CHALLENGE("http-01", "../../etc/passwd")), AUTHORIZATION("a.b", CHALLENGE("http-01", "a/b")),
		AUTHORIZATION("a.b", CHALLENGE("dns-01", "a.b")), AUTHORIZATION("a.b", CHALLENGE("http-01", "")), AUTHORIZATION("a.b", CHALLENGE("http-01", "..")),
		AUTHORIZATION("a b", CHALLENGE("http-01", "t")), AUTHORIZATION("-a", CHALLENGE("http-01", "t")), AUTHORIZATION("a;id", CHALLENGE("http-01", "t")),
		AUTHORIZATION("", CHALLENGE("http-01", "t")), AUTHORIZATION("*.a", CHALLENGE("http-01", "t")), AUTHORIZATION("a..b", CHALLENGE("http-01", "t")),
		"{\"status\":\"pending\",\"identifier\":{\"value\":\"a.b\"}}", "{\"status\":\"pending\",\"challenges\":[]}", "[]",
		AUTHORIZATION("a.b", "{\"type\":\"http-01\",\"status\":\"pending\",\"token\":\"t\"}"),
	};
	static struct acme_authorization a;

	(void)state;
	assert_int_equal(acme_doc_authorization(j11_view_str(AUTHORIZATION("www.a-b.org", CHALLENGE("http-01", "t-_0") "," CHALLENGE("tls-alpn-01", "..") ",7,"
		CHALLENGE("dns-01", "u"))), &a, NULL), JWK11_OK);
	assert_string_equal(a.name, "www.a-b.org");
	assert_true(a.http01.there && a.dns01.there && !a.wildcard);
	assert_string_equal(a.http01.token, "t-_0");
	assert_string_equal(a.dns01.token, "u");
	for (size_t i = 0; i < J11_COUNT(bad); i++) {
		struct jwk11_err err = { 0 };

		if (acme_doc_authorization(j11_view_str(bad[i]), &a, &err) != JWK11_ERR_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
		assert_string_equal(err.code, "SERVER_MALFORMED");
	}
	assert_string_equal(a.name, "www.a-b.org");
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool plain, wild;
	} rows[] = {
		{ "a", true, true }, { "a.example.org", true, true }, { "*.example.org", false, true }, { "_acme.a", true, true }, { "xn--a.b", true, true },
		{ "*", false, false }, { "*.", false, false }, { "a.*.b", false, false }, { ".a", false, false }, { "a.", false, false }, { "a-", false, false },
		{ "-a", false, false }, { "a.-b", false, false }, { "a-.b", false, false }, { "a/b", false, false }, { "a\n", false, false }, { "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (acme_doc_is_name(j11_view_str(rows[i].name), false) != rows[i].plain || acme_doc_is_name(j11_view_str(rows[i].name), true) != rows[i].wild)
			fail_msg("\"%s\"", rows[i].name);
}

static enum jwk11_rc attrs(const void *der, size_t len, struct est_attrs *ret_attrs, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(4096);

	j11_b64_add(&text, (struct jwk11_view){ .data = der, .len = len }, 0);
	return est_attrs_read(j11_buf_view(&text), ret_attrs, err);
}

/* The example of RFC 7030 section 4.5.2: challengePassword, ecPublicKey with secp384r1, an extension request with an OID, ecdsa-with-SHA384. */
static void test_attributes_of_the_rfc(void **state)
{
	static const char text[] = "MEEGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMBYGCSqGSIb3DQEJDjEJ\nBgcrBgEBAQEWBggqhkjOPQQDAw==\n";
	struct est_attrs a = { 0 };
	char why[200];

	(void)state;
	assert_int_equal(est_attrs_read(j11_view_str(text), &a, NULL), JWK11_OK);
	assert_true(a.channel_binding);
	assert_string_equal(a.kty, "EC");
	assert_string_equal(a.crv, "P-384");
	assert_string_equal(a.algs[0], "ES384");
	assert_null(a.algs[1]);
	assert_int_equal(a.n_others, 2);
	assert_string_equal(a.others[1], "1.3.6.1.1.1.1.22");
	assert_true(est_attrs_object(&a, "EC", "P-384", "ES384", why, sizeof(why)));
	a.channel_binding = false;
	assert_false(est_attrs_object(&a, "EC", "P-384", "ES384", why, sizeof(why)));
	assert_true(est_attrs_object(&a, "EC", "P-256", "ES256", why, sizeof(why)));
	assert_string_equal(why, "a key of kind EC P-384, and this one is EC P-256");
	assert_true(est_attrs_object(&a, "RSA", "", "RS256", why, sizeof(why)));
	a.kty = a.crv = NULL;
	assert_true(est_attrs_object(&a, "RSA", "", "RS256", why, sizeof(why)));
	assert_string_equal(why, "a request signed with ES384, and this key signs with RS256");
}

/* What libest's example server sends, a NUL at its end: object identifiers that stand alone, a curve's among them, which asks for no kind of key. */
static void test_attributes_of_libest(void **state)
{
	static const char text[] = "MCYGBysGAQEBARYGCSqGSIb3DQEJAQYFK4EEACIGCWCGSAFlAwQCAg==";
	struct est_attrs a = { 0 };
	char why[200];

	(void)state;
	assert_int_equal(est_attrs_read((struct jwk11_view){ .data = text, .len = sizeof(text) }, &a, NULL), JWK11_OK);
	assert_null(a.kty);
	assert_null(a.crv);
	assert_false(a.wants_alg);
	assert_int_equal(a.n_others, 4);
	assert_string_equal(a.others[2], "secp384r1");
	assert_false(est_attrs_object(&a, "RSA", "", "RS256", why, sizeof(why)));
	assert_int_equal(est_attrs_read((struct jwk11_view){ .data = "MAA=\0", .len = 6 }, &a, NULL), JWK11_ERR_SYNTAX); /* one, and no more */
	assert_int_equal(est_attrs_read((struct jwk11_view){ .data = "", .len = 1 }, &a, NULL), JWK11_ERR_SYNTAX);
}

/* An algorithm is a wish alone, and a curve only as what an attribute of its kind of key has for its value. */
static void test_place_of_an_attribute(void **state)
{
	struct est_attrs a = { 0 };

	(void)state;
	assert_int_equal(attrs("\x30\x14\x30\x12\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x31\x05\x06\x03\x2b\x65\x70", 22, &a, NULL), JWK11_OK);
	assert_string_equal(a.kty, "RSA"); /* and a value that is Ed25519's */
	assert_null(a.crv);
	assert_int_equal(a.n_others, 1);
	assert_int_equal(attrs("\x30\x10\x30\x0e\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x31\x02\x05\x00", 18, &a, NULL), JWK11_OK);
	assert_false(a.wants_alg); /* ecdsa-with-SHA256 as a type */
	assert_int_equal(a.n_others, 1);
	assert_int_equal(attrs("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 13, &a, NULL), JWK11_OK);
	assert_null(a.kty); /* rsaEncryption alone */
	assert_int_equal(a.n_others, 1);
}

static void test_bad_attributes(void **state)
{
	static const struct {
		const char *der;
		size_t len;
	} bad[] = { { "", 0 }, { "\x31\x00", 2 }, { "\x30\x01", 2 }, { "\x30\x00\x00", 3 }, { "\x30\x02\x06\x00", 4 }, { "\x30\x03\x02\x01\x01", 5 },
		{ "\x30\x02\x30\x00", 4 }, { "\x30\x05\x30\x03\x06\x01\x2a", 7 }, { "\x30\x80\x00\x00", 4 } };
	struct est_attrs a = { .n_others = 7 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad); i++) {
		struct jwk11_err err = { 0 };

		if (attrs(bad[i].der, bad[i].len, &a, &err) != JWK11_ERR_SYNTAX)
			fail_msg("row %zu", i);
		assert_string_equal(err.code, "SERVER_MALFORMED");
	}
	assert_int_equal(est_attrs_read(j11_view_str("no base64!"), &a, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(a.n_others, 7);
	assert_int_equal(attrs("\x30\x00", 2, &a, NULL), JWK11_OK);
	assert_int_equal(a.n_others, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after), cmocka_unit_test(test_type), cmocka_unit_test(test_problem), cmocka_unit_test(test_directory),
		cmocka_unit_test(test_url_limits), cmocka_unit_test(test_order), cmocka_unit_test(test_authorization), cmocka_unit_test(test_names),
		cmocka_unit_test(test_attributes_of_the_rfc), cmocka_unit_test(test_bad_attributes),
		cmocka_unit_test(test_attributes_of_libest), cmocka_unit_test(test_place_of_an_attribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
