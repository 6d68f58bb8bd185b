/* SPDX-License-Identifier: Apache-2.0 */
/* jose/jwt: claims in, claims out. */
#include "vector.h"

#include <locale.h>

#include "jose/jwt.h"

#define NOW 1700000000LL

static enum jwk11_rc claims(const char *text, const struct j11_jwt_rules *rules, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = j11_json_read(j11_view_str(text), NULL, "claims", &doc, err);

	return rc == JWK11_OK ? j11_jwt_claims(j11_json_root(doc), rules, out, err) : rc;
}

static void check(const char *text, struct j11_jwt_rules rules, const char *expected)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct jwk11_err err = { 0 };

	if (claims(text, &rules, &out, &err) != JWK11_OK)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(jwk11_buf_data(&out), expected);
	j11_buf_done(&out);
}

static void refuse(const char *text, struct j11_jwt_rules rules, enum jwk11_rc rc, const char *code)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct jwk11_err err = { 0 };
	enum jwk11_rc got = claims(text, &rules, &out, &err);

	if (got != rc || strcmp(err.code, code) != 0)
		fail_msg("%s: %s %s (%s)", text, jwk11_rc_name(got), err.code, err.text);
	assert_int_equal(out.len, 0);
	j11_buf_done(&out);
}

static void claims_come_out_as_they_went_in(void **state)
{
	struct j11_jwt_rules free_hand = { .now = NOW };

	(void)state;
	check("{}", free_hand, "{}");
	check(" { \"b\" : 1.50 , \"a\" : [ 1e2, -0 ], \"\\u00e4\":\"\\n\" } ", free_hand, "{\"b\":1.50,\"a\":[1e2,-0],\"\u00e4\":\"\\n\"}");
	check("{\"n\":12345678901234567890123456789}", free_hand, "{\"n\":12345678901234567890123456789}");
	check("{\"iss\":\"i\",\"sub\":\"\",\"aud\":[\"a\",\"b\"],\"exp\":1,\"nbf\":0.5,\"iat\":1e9,\"jti\":\"j\"}", free_hand,
		"{\"iss\":\"i\",\"sub\":\"\",\"aud\":[\"a\",\"b\"],\"exp\":1,\"nbf\":0.5,\"iat\":1e9,\"jti\":\"j\"}");
}

static void rules_add_what_is_missing(void **state)
{
	(void)state;
	check("{\"sub\":\"s\"}", (struct j11_jwt_rules){ .now = NOW, .ttl = 60, .issuer = "https://i" },
		"{\"sub\":\"s\",\"iss\":\"https://i\",\"iat\":1700000000,\"exp\":1700000060}");
	check("{\"iss\":\"i\"}", (struct j11_jwt_rules){ .now = NOW, .issuer = "i" }, "{\"iss\":\"i\"}");
	check("{}", (struct j11_jwt_rules){ .now = NOW, .ttl = 60, .max_ttl = 60 }, "{\"iat\":1700000000,\"exp\":1700000060}");
	check("{\"nbf\":5}", (struct j11_jwt_rules){ .now = NOW, .ttl = 1 }, "{\"nbf\":5,\"iat\":1700000000,\"exp\":1700000001}");
	check("{\"exp\":1700000060}", (struct j11_jwt_rules){ .now = NOW, .max_ttl = 60 }, "{\"exp\":1700000060}");
	check("{\"exp\":1700000059.5}", (struct j11_jwt_rules){ .now = NOW, .max_ttl = 60 }, "{\"exp\":1700000059.5}");
	check("{\"exp\":1}", (struct j11_jwt_rules){ .now = NOW, .max_ttl = INT64_MAX }, "{\"exp\":1}");
}

static void refuses_claims_of_the_wrong_type(void **state)
{
	static const char *const rows[] = {
		"[]", "\"x\"", "5", "null", "{\"iss\":1}", "{\"iss\":null}", "{\"sub\":{}}", "{\"jti\":7}", "{\"aud\":1}", "{\"aud\":[]}",
		"{\"aud\":[1]}", "{\"aud\":[\"a\",null]}", "{\"aud\":{}}", "{\"exp\":\"1700000000\"}", "{\"exp\":null}", "{\"exp\":-1}",
		"{\"exp\":-0.5}", "{\"exp\":253402300800}", "{\"exp\":253402300799.5}", "{\"nbf\":1e12}", "{\"nbf\":true}", "{\"iat\":1e400}",
		"{\"iat\":99999999999999999999999}", "{\"iat\":0.1e99999999999999999999}", "{\"iat\":[1]}"
	};
	static const char *const fine[] = {
		"{\"exp\":253402300799}", "{\"exp\":253402300798.5}", "{\"exp\":2.53402300799e11}", "{\"exp\":0}", "{\"exp\":-0}",
		"{\"exp\":0e99999999999999999999}", "{\"exp\":1e-99999999999999999999}", "{\"exp\":17000000000e-1}", "{\"exp\":1E+9}",
		"{\"aud\":\"\"}"
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		refuse(rows[i], (struct j11_jwt_rules){ .now = NOW }, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
	for (size_t i = 0; i < J11_COUNT(fine); i++)
		check(fine[i], (struct j11_jwt_rules){ .now = NOW }, fine[i]);
	refuse("{\"exp\":1,\"exp\":2}", (struct j11_jwt_rules){ .now = NOW }, JWK11_ERR_SYNTAX, "JSON_DUPLICATE");
}

static void refuses_what_the_rules_forbid(void **state)
{
	struct j11_jwt_rules ttl = { .now = NOW, .ttl = 60 }, capped = { .now = NOW, .max_ttl = 60 };

	(void)state;
	refuse("{\"iss\":\"other\"}", (struct j11_jwt_rules){ .now = NOW, .issuer = "i" }, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"iss\":\"i \"}", (struct j11_jwt_rules){ .now = NOW, .issuer = "i" }, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"exp\":1700000060}", ttl, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
	refuse("{\"iat\":1700000000}", ttl, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
	refuse("{}", capped, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"exp\":1700000061}", capped, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"exp\":1700000060.1}", capped, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"exp\":1.7000000601e9}", capped, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{}", (struct j11_jwt_rules){ .now = NOW, .ttl = 61, .max_ttl = 60 }, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{}", (struct j11_jwt_rules){ .now = NOW, .ttl = -1 }, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
	refuse("{}", (struct j11_jwt_rules){ .now = NOW, .ttl = INT64_MAX }, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
}

/* A program that embeds the library may run under any locale; a comma for a point would cut 1700000060.9 to 1700000060. */
static void dates_do_not_depend_on_the_locale(void **state)
{
	static const char *const locales[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C.UTF-8" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(locales); i++)
		if (setlocale(LC_ALL, locales[i]) != NULL)
			refuse("{\"exp\":1700000060.9}", (struct j11_jwt_rules){ .now = NOW, .max_ttl = 60 }, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	setlocale(LC_ALL, "C");
}

static void claims_have_a_limit(void **state)
{
	struct j11_jwt_rules rules = { .now = NOW };
	struct jwk11_buf text = J11_BUF(100000), out = J11_BUF(200000);
	struct jwk11_err err = { 0 };

	(void)state;
	j11_buf_add_fmt(&text, "{\"x\":\"%0*d\"}", J11_JWT_CLAIMS_MAX - 8, 0);
	assert_int_equal(text.len, J11_JWT_CLAIMS_MAX);
	assert_int_equal(claims(jwk11_buf_data(&text), &rules, &out, NULL), JWK11_OK);
	assert_int_equal(out.len, J11_JWT_CLAIMS_MAX);
	rules.issuer = "i";
	assert_int_equal(claims(jwk11_buf_data(&text), &rules, &out, &err), JWK11_ERR_LIMIT);
	assert_string_equal(err.code, "LIMIT");
	assert_int_equal(out.len, J11_JWT_CLAIMS_MAX);
	j11_buf_done(&out);
	out = J11_BUF(10);
	assert_int_equal(claims("{\"sub\":\"longer\"}", &rules, &out, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&out);
	j11_buf_done(&text);
}

static enum jwk11_rc times(const char *text, int64_t now, int64_t leeway)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;

	assert_int_equal(j11_json_read(j11_view_str(text), NULL, "claims", &doc, NULL), JWK11_OK);
	return j11_jwt_check_times(j11_json_root(doc), now, leeway, NULL);
}

/* RFC 7519 4.1.4: "on or after"; 4.1.5: "before". */
static void times_are_compared_with_the_clock(void **state)
{
	(void)state;
	assert_int_equal(times("{}", NOW, 0), JWK11_OK);
	assert_int_equal(times("{\"exp\":1700000001}", NOW, 0), JWK11_OK);
	assert_int_equal(times("{\"exp\":1700000000.5}", NOW, 0), JWK11_OK);
	assert_int_equal(times("{\"exp\":1700000000}", NOW, 0), JWK11_ERR_DENIED);
	assert_int_equal(times("{\"exp\":1699999999.9}", NOW, 0), JWK11_ERR_DENIED);
	assert_int_equal(times("{\"exp\":1700000000}", NOW, 1), JWK11_OK);
	assert_int_equal(times("{\"exp\":1699999940}", NOW, 60), JWK11_ERR_DENIED);
	assert_int_equal(times("{\"nbf\":1700000000}", NOW, 0), JWK11_OK);
	assert_int_equal(times("{\"nbf\":1700000000.1}", NOW, 0), JWK11_ERR_DENIED);
	assert_int_equal(times("{\"nbf\":1700000001}", NOW, 0), JWK11_ERR_DENIED);
	assert_int_equal(times("{\"nbf\":1700000001}", NOW, 1), JWK11_OK);
	assert_int_equal(times("{\"exp\":\"never\"}", NOW, 0), JWK11_ERR_SYNTAX);
	assert_int_equal(times("{\"iat\":\"x\"}", NOW, 0), JWK11_ERR_SYNTAX);
	assert_int_equal(times("[]", NOW, 0), JWK11_ERR_SYNTAX);
	assert_int_equal(times("7", NOW, 0), JWK11_ERR_SYNTAX);
}

static enum jwk11_rc one_set_of_claims(void *arg)
{
	struct j11_jwt_rules rules = { .now = NOW, .ttl = 60, .issuer = "https://issuer.example" };
	struct jwk11_buf out = J11_BUF(4096);
	enum jwk11_rc rc = claims(arg, &rules, &out, NULL);

	j11_buf_done(&out);
	return rc;
}

static void survives_each_failed_allocation(void **state)
{
	static char text[] = "{\"sub\":\"somebody with a name\",\"aud\":[\"a\",\"b\"],\"more\":{\"x\":1}}";

	(void)state;
	each_allocation_fails(one_set_of_claims, text);
}

#define LIST(...) (const char *const[]) { __VA_ARGS__, NULL }

static void names_that_differ_in_case_only_are_refused(void **state)
{
	static const char *const rows[] = { "{\"ISS\":\"i\"}", "{\"Sub\":1}", "{\"sub\":\"a\",\"SUB\":\"b\"}", "{\"eXp\":5}", "{\"i\u017f\u017f\":\"i\"}",
		"{\"\\u017fub\":\"s\"}", "{\"JTI\":null}", "{\"AUD\":[]}", "{\"Nbf\":0}", "{\"IAT\":0}" };
	struct j11_jwt_rules rules = { .now = NOW, .require = LIST("token_use", "kid") };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		refuse(rows[i], (struct j11_jwt_rules){ .now = NOW }, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
	refuse("{\"token_use\":1,\"kid\":2,\"Token_Use\":3}", rules, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
	refuse("{\"token_use\":1,\"kid\":2,\"\u212aid\":3}", rules, JWK11_ERR_SYNTAX, "CLAIM_INVALID");
	check("{\"Scope\":1,\"issuer\":2,\"is\":3,\"isss\":4,\"\":5}", (struct j11_jwt_rules){ .now = NOW }, "{\"Scope\":1,\"issuer\":2,\"is\":3,\"isss\":4,\"\":5}");
}

static void audiences_and_subjects_match_a_pattern(void **state)
{
	struct j11_jwt_rules aud = { .now = NOW, .audiences = LIST("https://a.example", "https://*.b.example/") };
	struct j11_jwt_rules sub = { .now = NOW, .subjects = LIST("device-*", "root") };
	static const char *const good[] = { "{\"aud\":\"https://a.example\"}", "{\"aud\":[\"https://a.example\",\"https://x.b.example/\"]}",
		"{\"aud\":\"https://.b.example/\"}", "{\"aud\":\"https://evil.example/?https://y.b.example/\"}" };
	static const char *const bad[] = { "{}", "{\"aud\":\"https://a.example/\"}", "{\"aud\":\"HTTPS://A.EXAMPLE\"}",
		"{\"aud\":[\"https://a.example\",\"https://c.example\"]}", "{\"aud\":\"\"}", "{\"aud\":\"https://x.b.example\"}", "{\"aud\":\"https://b.example/\"}" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(good); i++)
		check(good[i], aud, good[i]);
	for (size_t i = 0; i < J11_COUNT(bad); i++)
		refuse(bad[i], aud, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	check("{\"sub\":\"device-\"}", sub, "{\"sub\":\"device-\"}");
	check("{\"sub\":\"device-*\"}", sub, "{\"sub\":\"device-*\"}");
	check("{\"sub\":\"root\"}", sub, "{\"sub\":\"root\"}");
	refuse("{\"sub\":\"my-device-1\"}", sub, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"sub\":\"roo\"}", sub, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"aud\":\"root\"}", sub, JWK11_ERR_DENIED, "CLAIM_REFUSED");
}

static void claims_are_required_and_forbidden(void **state)
{
	struct j11_jwt_rules rules = { .now = NOW, .require = LIST("jti", "tenant"), .forbid = LIST("admin", "act") };

	(void)state;
	check("{\"jti\":\"1\",\"tenant\":0}", rules, "{\"jti\":\"1\",\"tenant\":0}");
	check("{\"jti\":\"1\",\"tenant\":\"\",\"administrator\":true}", rules, "{\"jti\":\"1\",\"tenant\":\"\",\"administrator\":true}");
	refuse("{\"jti\":\"1\"}", rules, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"jti\":\"1\",\"tenant\":null}", rules, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"jti\":\"1\",\"tenant\":1,\"admin\":null}", rules, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"jti\":\"1\",\"tenant\":1,\"ADMIN\":true}", rules, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	refuse("{\"jti\":\"1\",\"tenant\":1,\"Act\":{}}", rules, JWK11_ERR_DENIED, "CLAIM_REFUSED");
	check("{\"act\":{}}", (struct j11_jwt_rules){ .now = NOW, .require = LIST("act") }, "{\"act\":{}}");
}

static void only_the_header_that_is_granted(void **state)
{
	static const char *const none[] = { NULL };
	static const struct {
		const char *asked, *header, *expected; /* NULL: refused */
		bool ruled;
	} rows[] = {
		{ NULL, NULL, "JWT", false }, { "JWT", "{}", "JWT", false }, { "jwt", NULL, NULL, false }, { "at+jwt", NULL, NULL, false }, { "", NULL, NULL, false },
		{ NULL, "{\"cty\":\"JWT\"}", NULL, false }, { NULL, NULL, "at+jwt", true }, { "at+jwt", NULL, "at+jwt", true }, { "JWT", NULL, "JWT", true },
		{ "dpop+jwt", NULL, NULL, true }, { NULL, "{\"cty\":\"JWT\",\"x\":1}", "at+jwt", true }, { NULL, "{\"cty\":\"JWT\",\"y\":1}", NULL, true },
		{ NULL, "{\"X\":1}", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
		struct j11_jwt_rules rules = { .types = rows[i].ruled ? LIST("at+jwt", "JWT") : none, .headers = rows[i].ruled ? LIST("cty", "x") : NULL };
		struct jwk11_view typ = J11_VIEW("untouched"), asked = { .len = 0 };
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc;

		if (rows[i].header != NULL)
			assert_int_equal(j11_json_read(j11_view_str(rows[i].header), NULL, "header", &doc, NULL), JWK11_OK);
		if (rows[i].asked != NULL)
			asked = j11_view_str(rows[i].asked);
		rc = j11_jwt_check_header(asked, doc != NULL ? j11_json_root(doc) : NULL, &rules, &typ, &err);
		if (rc != (rows[i].expected != NULL ? JWK11_OK : JWK11_ERR_DENIED) || !j11_view_equals(typ, rows[i].expected ? rows[i].expected : "untouched"))
			fail_msg("row %zu: %s, %s", i, jwk11_rc_name(rc), err.text);
		assert_string_equal(err.code, rows[i].expected != NULL ? "" : "HEADER_REFUSED");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_come_out_as_they_went_in),
		cmocka_unit_test(rules_add_what_is_missing),
		cmocka_unit_test(refuses_claims_of_the_wrong_type),
		cmocka_unit_test(refuses_what_the_rules_forbid),
		cmocka_unit_test(dates_do_not_depend_on_the_locale),
		cmocka_unit_test(claims_have_a_limit),
		cmocka_unit_test(times_are_compared_with_the_clock),
		cmocka_unit_test(survives_each_failed_allocation),
		cmocka_unit_test(names_that_differ_in_case_only_are_refused),
		cmocka_unit_test(audiences_and_subjects_match_a_pattern),
		cmocka_unit_test(claims_are_required_and_forbidden),
		cmocka_unit_test(only_the_header_that_is_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
