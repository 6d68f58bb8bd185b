/* SPDX-License-Identifier: Apache-2.0 */
/* form/template, form/url and form/httpsig: what each proof is made of, the bases of RFC 9421 to the octet, and what is refused. */
#include "vector.h"

#include "form/httpsig.h"
#include "form/template.h"
#include "form/url.h"

enum { NOW = 1700000000 };

/* Of "token" alone; what a real one gives is seen where there is one. */
static bool hash_stub(struct jwk11_view text, unsigned char ret_hash[J11_TEMPLATE_HASH])
{
	for (size_t i = 0; i < J11_TEMPLATE_HASH; i++)
		ret_hash[i] = (unsigned char)(text.len + i);
	return true;
}

static const struct j11_template_facts facts = { .now = NOW, .alg = "PS256", .jti = "JTI", .x5t = "OLD", .x5t_s256 = "NEW", .sha256 = hash_stub };

static struct j11_json_doc *read_doc(const char *text)
{
	struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };

	if (j11_json_read(j11_view_str(text), NULL, "parameters", &doc, &err) != JWK11_OK)
		fail_msg("%s: %s", text, err.text);
	return doc;
}

static enum jwk11_rc fill(const char *name, const char *parameters, const struct j11_template_facts *f, struct j11_template_made *made, struct jwk11_err *err)
{
	const struct j11_template *t = j11_template_find(j11_view_str(name));
	struct j11_json_doc *doc = parameters != NULL ? read_doc(parameters) : NULL;
	enum jwk11_rc rc;

	assert_non_null(t);
	rc = j11_template_fill(t, doc != NULL ? j11_json_root(doc) : NULL, f, made, err);
	j11_json_free(doc);
	return rc;
}

static void makes(const char *name, const char *parameters, const struct j11_template_facts *f, const char *header, const char *payload)
{
	struct j11_template_made made = J11_TEMPLATE_MADE;
	struct jwk11_err err = { 0 };

	if (fill(name, parameters, f, &made, &err) != JWK11_OK)
		fail_msg("%s %s: %s", name, parameters, err.text);
	assert_string_equal(made.header.len > 0 ? jwk11_buf_data(&made.header) : "", header);
	assert_string_equal(made.payload.len > 0 ? jwk11_buf_data(&made.payload) : "", payload);
	j11_template_made_done(&made);
}

static void refuses(const char *name, const char *parameters, const struct j11_template_facts *f, const char *code, const char *text)
{
	struct j11_template_made made = J11_TEMPLATE_MADE;
	struct jwk11_err err = { 0 };

	if (fill(name, parameters, f, &made, &err) == JWK11_OK)
		fail_msg("%s takes %s", name, parameters);
	assert_string_equal(err.code, code);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s: \"%s\" says no \"%s\"", parameters, err.text, text);
	j11_template_made_done(&made);
}

static void fills_in_assertions(void **state)
{
	struct j11_template_facts rs256 = facts, issued = facts, shorter = facts;

	(void)state;
	rs256.alg = "RS256";
	issued.issuer = "https://i";
	shorter.max_ttl = 30;
	makes("assertion", "{\"iss\":\"me\",\"aud\":\"https://as\"}", &facts, "",
		"{\"iss\":\"me\",\"sub\":\"me\",\"aud\":\"https://as\",\"jti\":\"JTI\",\"iat\":1700000000,\"exp\":1700000300}");
	makes("assertion", "{\"aud\":\"https://as\",\"sub\":\"you\"}", &issued, "",
		"{\"iss\":\"https://i\",\"sub\":\"you\",\"aud\":\"https://as\",\"jti\":\"JTI\",\"iat\":1700000000,\"exp\":1700000300}");
	makes("assertion/keycloak", "{\"aud\":\"https://as\"}", &issued, "",
		"{\"iss\":\"https://i\",\"sub\":\"https://i\",\"aud\":\"https://as\",\"jti\":\"JTI\",\"iat\":1700000000,\"exp\":1700000060}");
	makes("assertion/okta", "{\"iss\":\"me\",\"aud\":\"a\"}", &shorter, "",
		"{\"iss\":\"me\",\"sub\":\"me\",\"aud\":\"a\",\"jti\":\"JTI\",\"iat\":1700000000,\"exp\":1700000030}");
	makes("assertion/entra", "{\"iss\":\"me\",\"aud\":\"https://login.microsoftonline.com/t/oauth2/v2.0/token\"}", &facts, "{\"x5t#S256\":\"NEW\"}",
		"{\"iss\":\"me\",\"sub\":\"me\",\"aud\":\"https://login.microsoftonline.com/t/oauth2/v2.0/token\",\"jti\":\"JTI\",\"iat\":1700000000,\"nbf\":1700000000,"
		"\"exp\":1700000300}");
	makes("assertion/entra", "{\"iss\":\"me\",\"aud\":\"https://a\"}", &rs256, "{\"x5t\":\"OLD\"}",
		"{\"iss\":\"me\",\"sub\":\"me\",\"aud\":\"https://a\",\"jti\":\"JTI\",\"iat\":1700000000,\"nbf\":1700000000,\"exp\":1700000300}");
	makes("assertion/google-sa", "{\"iss\":\"x@y\",\"scope\":\"a b\"}", &rs256, "",
		"{\"iss\":\"x@y\",\"scope\":\"a b\",\"aud\":\"https://oauth2.googleapis.com/token\",\"iat\":1700000000,\"exp\":1700000300}");
	makes("assertion/github-app", "{\"iss\":\"12345\"}", &rs256, "", "{\"iss\":\"12345\",\"iat\":1699999940,\"exp\":1700000540}");
	makes("assertion/apple", "{\"iss\":\"TEAM\",\"sub\":\"com.example\"}", &facts, "",
		"{\"iss\":\"TEAM\",\"sub\":\"com.example\",\"aud\":\"https://appleid.apple.com\",\"iat\":1700000000,\"exp\":1700003600}");
}

static void fills_in_proofs(void **state)
{
	struct j11_template_made made = J11_TEMPLATE_MADE;
	struct jwk11_err err = { 0 };

	(void)state;
	makes("dpop", "{\"htm\":\"POST\",\"htu\":\"https://server.example.com/token\"}", &facts, "",
		"{\"jti\":\"JTI\",\"htm\":\"POST\",\"htu\":\"https://server.example.com/token\",\"iat\":1700000000}");
	makes("dpop", "{\"nonce\":\"n\",\"htu\":\"https://a/b?c=d#e\",\"htm\":\"get\",\"access_token\":\"abcde\"}", &facts, "",
		"{\"jti\":\"JTI\",\"htm\":\"get\",\"htu\":\"https://a/b\",\"iat\":1700000000,\"ath\":\"BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ\",\"nonce\":\"n\"}");
	makes("dpop", "{\"htu\":\"https://a#e?\",\"htm\":\"X\",\"ath\":\"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo\"}", &facts, "",
		"{\"jti\":\"JTI\",\"htm\":\"X\",\"htu\":\"https://a\",\"iat\":1700000000,\"ath\":\"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo\"}");
	makes("attest-pop", "{\"aud\":\"https://as\",\"challenge\":\"c\"}", &facts, "",
		"{\"aud\":\"https://as\",\"jti\":\"JTI\",\"iat\":1700000000,\"challenge\":\"c\"}");
	makes("acme-jws", "{\"url\":\"https://ca/new\",\"nonce\":\"AA\",\"payload\":\"e30\"}", &facts, "{\"nonce\":\"AA\",\"url\":\"https://ca/new\"}", "{}");
	assert_int_equal(fill("acme-jws", "{\"url\":\"https://ca/o/1\",\"nonce\":\"AA\",\"kid\":\"https://ca/acct/1\"}", &facts, &made, &err), JWK11_OK);
	assert_string_equal(jwk11_buf_data(&made.kid), "https://ca/acct/1");
	assert_int_equal(made.payload.len, 0);
	j11_template_made_done(&made);
}

static void refuses_what_a_template_does_not_take(void **state)
{
	static const struct {
		const char *name, *parameters, *code, *text;
	} rows[] = {
		{ "assertion", NULL, "MEMBER_MISSING", "parameter \"iss\" is missing" },
		{ "assertion", "{\"iss\":\"me\"}", "MEMBER_MISSING", "parameter \"aud\" is missing" },
		{ "assertion", "{\"iss\":\"me\",\"aud\":\"a\",\"exp\":\"5\"}", "MEMBER_UNKNOWN", "takes no parameter \"exp\"" },
		{ "assertion", "{\"iss\":\"me\",\"aud\":\"a\",\"Sub\":\"5\"}", "MEMBER_UNKNOWN", "takes no parameter \"Sub\"" },
		{ "assertion", "{\"iss\":\"me\",\"aud\":[\"a\"]}", "MEMBER_TYPE", "must be a string" },
		{ "assertion", "{\"iss\":\"\",\"aud\":\"a\"}", "CLAIM_INVALID", "is empty" },
		{ "assertion", "{\"iss\":\"a\\nb\",\"aud\":\"a\"}", "CLAIM_INVALID", "control character" },
		{ "assertion", "[]", "MEMBER_TYPE", "must be an object" },
		{ "assertion/google-sa", "{\"iss\":\"me\",\"scope\":\"s\",\"aud\":\"a\"}", "MEMBER_UNKNOWN", "\"aud\"" },
		{ "assertion/google-sa", "{\"iss\":\"me\"}", "MEMBER_MISSING", "\"scope\"" },
		{ "assertion/github-app", "{\"iss\":\"me\",\"sub\":\"x\"}", "MEMBER_UNKNOWN", "\"sub\"" },
		{ "assertion/apple", "{\"iss\":\"me\"}", "MEMBER_MISSING", "\"sub\"" },
		{ "assertion/entra", "{\"iss\":\"me\",\"aud\":\"tenant\"}", "CLAIM_INVALID", "must begin with https://" },
		{ "dpop", "{\"htu\":\"https://a\"}", "MEMBER_MISSING", "\"htm\"" },
		{ "dpop", "{\"htm\":\"GET\"}", "MEMBER_MISSING", "\"htu\"" },
		{ "dpop", "{\"htm\":\"GET X\",\"htu\":\"https://a\"}", "CLAIM_INVALID", "no HTTP method" },
		{ "dpop", "{\"htm\":\"\",\"htu\":\"https://a\"}", "CLAIM_INVALID", "no HTTP method" },
		{ "dpop", "{\"htm\":\"GET\",\"htu\":\"/a\"}", "CLAIM_INVALID", "must begin with" },
		{ "dpop", "{\"htm\":\"GET\",\"htu\":\"https://u@a/\"}", "CLAIM_INVALID", "user name" },
		{ "dpop", "{\"htm\":\"GET\",\"htu\":\"https://a\",\"jti\":\"mine\"}", "MEMBER_UNKNOWN", "\"jti\"" },
		{ "dpop", "{\"htm\":\"GET\",\"htu\":\"https://a\",\"jwk\":\"{}\"}", "MEMBER_UNKNOWN", "\"jwk\"" },
		{ "dpop", "{\"htm\":\"GET\",\"htu\":\"https://a\",\"ath\":\"AA\"}", "CLAIM_INVALID", "SHA-256" },
		{ "dpop", "{\"htm\":\"GET\",\"htu\":\"https://a\",\"access_token\":\"a b\"}", "CLAIM_INVALID", "no access token has" },
		{ "dpop", "{\"htm\":\"GET\",\"htu\":\"https://a\",\"access_token\":\"a\",\"ath\":\"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo\"}", "CLAIM_INVALID",
			"together" },
		{ "attest-pop", "{}", "MEMBER_MISSING", "\"aud\"" },
		{ "acme-jws", "{\"url\":\"https://a\"}", "MEMBER_MISSING", "\"nonce\"" },
		{ "acme-jws", "{\"nonce\":\"AA\"}", "MEMBER_MISSING", "\"url\"" },
		{ "acme-jws", "{\"nonce\":\"A=\",\"url\":\"https://a\"}", "CLAIM_INVALID", "base64url" },
		{ "acme-jws", "{\"nonce\":\"AA\",\"url\":\"https://a\",\"payload\":\"e30=\"}", "BASE64_INVALID", "payload" },
		{ "acme-jws", "{\"nonce\":\"AA\",\"url\":\"https://a\",\"kid\":\"1\"}", "CLAIM_INVALID", "must begin with" },
		{ "httpsig", "{}", "ARGUMENT", "makes no JWS" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		refuses(rows[i].name, rows[i].parameters, &facts, rows[i].code, rows[i].text);
}

/* At each limit, and past it. */
static void lifetimes_have_limits(void **state)
{
	static const struct {
		const char *name, *parameters;
		int64_t most;
	} rows[] = {
		{ "assertion", "{\"iss\":\"i\",\"aud\":\"a\"}", 3600 }, { "assertion/keycloak", "{\"iss\":\"i\",\"aud\":\"a\"}", 300 },
		{ "assertion/auth0", "{\"iss\":\"i\",\"aud\":\"a\"}", 300 }, { "assertion/entra", "{\"iss\":\"i\",\"aud\":\"https://a\"}", 600 },
		{ "assertion/google-sa", "{\"iss\":\"i\",\"scope\":\"a\"}", 3600 }, { "assertion/github-app", "{\"iss\":\"i\"}", 600 },
		{ "assertion/apple", "{\"iss\":\"i\",\"sub\":\"a\"}", 15777000 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_template_made made = J11_TEMPLATE_MADE;
		struct j11_template_facts f = facts;
		char exp[40];

		f.ttl = rows[i].most;
		assert_int_equal(fill(rows[i].name, rows[i].parameters, &f, &made, NULL), JWK11_OK);
		snprintf(exp, sizeof(exp), "\"exp\":%lld}", (long long)(NOW + rows[i].most));
		assert_non_null(strstr(jwk11_buf_data(&made.payload), exp));
		j11_template_made_done(&made);
		f.ttl++;
		refuses(rows[i].name, rows[i].parameters, &f, "CLAIM_INVALID", "longer than its taker allows");
	}
	refuses("dpop", "{\"htm\":\"GET\",\"htu\":\"https://a\"}", &(struct j11_template_facts){ .ttl = 1, .sha256 = hash_stub, .jti = "" }, "CLAIM_INVALID", "takes no ttl");
}

static void keys_and_words(void **state)
{
	const struct j11_template *apple = j11_template_find(J11_VIEW("assertion/apple")), *dpop = j11_template_find(J11_VIEW("dpop"));
	const struct j11_template *http = j11_template_find(J11_VIEW("httpsig"));
	struct jwk11_err err = { 0 };

	(void)state;
	assert_true(j11_template_takes_alg(apple, "ES256") && !j11_template_takes_alg(apple, "ES384") && !j11_template_takes_alg(apple, "RS256"));
	assert_true(j11_template_takes_alg(dpop, "EdDSA") && !j11_template_takes_alg(dpop, "HS256") && j11_template_takes_alg(http, "HS256"));
	assert_int_equal(j11_template_check_alg(apple, "RS256", "k", &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.hint, "it takes ES256");
	assert_true(j11_template_is_granted_by(apple, "assertion") && j11_template_is_granted_by(apple, "assertion/apple") && j11_template_is_granted_by(apple, "*"));
	assert_false(j11_template_is_granted_by(apple, "assert") || j11_template_is_granted_by(apple, "assertion/") || j11_template_is_granted_by(apple, "") ||
		j11_template_is_granted_by(dpop, "assertion") || j11_template_is_granted_by(j11_template_find(J11_VIEW("assertion")), "assertion/apple"));
	assert_true(j11_template_is_word("assertion") && j11_template_is_word("*") && !j11_template_is_word("assertion/") && !j11_template_is_word("DPOP"));
	j11_template_unknown(J11_VIEW("dpopp"), &(struct jwk11_err){ 0 });
	assert_null(j11_template_find(J11_VIEW("assertion/nobody")));
	assert_true(j11_template_has_claim(dpop, "htu") && !j11_template_has_claim(dpop, "exp") && !j11_template_has_claim(http, "exp"));
}

/* ---- URLs ---- */

static void urls(void **state)
{
	static const char *const bad[] = { "", "https:", "https://", "https:///a", "ftp://a/", "//a/", "https://a b/", "https://a/%4", "https://a/%zz", "https://a/\x7f",
		"https://u:p@a/", "https://a:/", "https://a:65536/", "https://a:0x1/", "https://a:80:80/", "https://[::1/", "https://[]/", "https://[::1]x/", "https://[g::1]/",
		"https://a/#b#c", "https://a/\\b", "https://a/[b", "https://a]/", "https://\xc3\xa4/", "https://a/\"" };
	struct j11_url url;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad); i++)
		if (j11_url_parse(j11_view_str(bad[i]), &url) == NULL)
			fail_msg("%s is taken", bad[i]);
	assert_null(j11_url_parse(J11_VIEW("HTTPS://[::1]:8443/a/b?c=d?e#f?g"), &url));
	assert_true(url.https && j11_view_equals(url.host, "[::1]") && j11_view_equals(url.port, "8443") && j11_view_equals(url.path, "/a/b"));
	assert_true(j11_view_equals(url.query, "c=d?e") && j11_view_equals(url.fragment, "f?g"));
	assert_null(j11_url_parse(J11_VIEW("http://a?"), &url));
	assert_true(!url.https && url.path.len == 0 && url.query.data != NULL && url.query.len == 0 && url.fragment.data == NULL && url.port.len == 0);
}

/* ---- RFC 9421 ---- */

#define RFC_FIELDS "\"fields\":{\"Date\":\"Tue, 20 Apr 2021 02:07:55 GMT\",\"Content-Type\":\"application/json\",\"Content-Digest\":" \
	"\"sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\",\"Content-Length\":\"18\"}"
#define RFC_REQUEST "\"method\":\"POST\",\"url\":\"https://example.com/foo?param=Value&Pet=dog\"," RFC_FIELDS

static enum jwk11_rc http(const char *parameters, const struct j11_httpsig_facts *f, struct j11_httpsig_made *made, struct jwk11_err *err)
{
	struct j11_json_doc *doc = read_doc(parameters);
	enum jwk11_rc rc = j11_httpsig_fill(j11_json_root(doc), f, made, err);

	j11_json_free(doc);
	return rc;
}

static void has_base(const char *parameters, const struct j11_httpsig_facts *f, const char *base, const char *input)
{
	struct j11_httpsig_made made = J11_HTTPSIG_MADE;
	struct jwk11_err err = { 0 };

	if (http(parameters, f, &made, &err) != JWK11_OK)
		fail_msg("%s: %s", parameters, err.text);
	assert_string_equal(jwk11_buf_data(&made.base), base);
	assert_string_equal(jwk11_buf_data(&made.input), input);
	j11_httpsig_made_done(&made);
}

#define B23 "(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473" \
	";keyid=\"test-key-rsa-pss\""
#define B25 "(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\""
#define B26 "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\""
#define B26_BASE "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@authority\": example.com\n" \
	"\"content-type\": application/json\n\"content-length\": 18\n\"@signature-params\": " B26

static void bases_of_the_rfc(void **state)
{
	struct j11_httpsig_facts f = { .now = 1618884473, .alg = "PS512" };

	(void)state;
	has_base("{" RFC_REQUEST ",\"keyid\":\"test-key-rsa-pss\",\"label\":\"sig-b23\",\"components\":[\"date\",\"@method\",\"@path\",\"@query\",\"@authority\","
		"\"content-type\",\"content-digest\",\"content-length\"]}", &f,
		"\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@query\": ?param=Value&Pet=dog\n\"@authority\": example.com\n"
		"\"content-type\": application/json\n\"content-digest\": "
		"sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\n"
		"\"content-length\": 18\n\"@signature-params\": " B23, "sig-b23=" B23);
	has_base("{" RFC_REQUEST ",\"keyid\":\"test-shared-secret\",\"label\":\"sig-b25\",\"components\":[\"date\",\"@authority\",\"content-type\"]}", &f,
		"\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@authority\": example.com\n\"content-type\": application/json\n\"@signature-params\": " B25,
		"sig-b25=" B25);
	has_base("{" RFC_REQUEST ",\"keyid\":\"test-key-ed25519\",\"label\":\"sig-b26\",\"components\":[\"date\",\"@method\",\"@path\",\"@authority\","
		"\"content-type\",\"content-length\"]}", &f, B26_BASE, "sig-b26=" B26);
}

/* The signature that the RFC prints is over the base that we make. */
static void signature_of_the_rfc(void **state)
{
	static const char signature[] = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(64), field = J11_BUF(256);
	struct jwk11_pub *pub = NULL;

	(void)state;
	assert_int_equal(j11_b64_decode(j11_view_str(signature), "signature", &sig, NULL), JWK11_OK);
	assert_int_equal(jwk11_pub_from_jwk(J11_VIEW("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs\"}"), &pub, NULL), JWK11_OK);
	assert_int_equal(jwk11_pub_verify(pub, "EdDSA", JWK11_INPUT_MESSAGE, J11_VIEW(B26_BASE), j11_buf_view(&sig), NULL), JWK11_OK);
	jwk11_pub_unref(pub);
	j11_httpsig_signature(&field, "sig-b26", j11_buf_view(&sig));
	assert_string_equal(jwk11_buf_data(&field), "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:");
}

static void derived_components(void **state)
{
	struct j11_httpsig_facts f = { .now = 5, .alg = "ES256", .kid = "k\"\\" };

	(void)state;
	has_base("{\"method\":\"GET\",\"url\":\"HTTPS://Www.Example.com:443\",\"components\":[\"@scheme\",\"@authority\",\"@path\",\"@query\",\"@request-target\","
		"\"@target-uri\"]}", &f, "\"@scheme\": https\n\"@authority\": www.example.com\n\"@path\": /\n\"@query\": ?\n\"@request-target\": /\n"
		"\"@target-uri\": https://www.example.com/\n"
		"\"@signature-params\": (\"@scheme\" \"@authority\" \"@path\" \"@query\" \"@request-target\" \"@target-uri\");created=5;keyid=\"k\\\"\\\\\"",
		"sig1=(\"@scheme\" \"@authority\" \"@path\" \"@query\" \"@request-target\" \"@target-uri\");created=5;keyid=\"k\\\"\\\\\"");
	f.kid = "";
	f.ttl = 7;
	has_base("{\"method\":\"GET\",\"url\":\"http://a:443/p%20q?\",\"alg\":true,\"nonce\":\"n\",\"tag\":\"t\",\"fields\":{\"X-A\":[\" 1 \",\"2,\\t3\",\"\"]}}", &f,
		"\"@method\": GET\n\"@authority\": a:443\n\"@path\": /p%20q\n\"@query\": ?\n\"x-a\": 1, 2,\t3, \n\"@signature-params\": "
		"(\"@method\" \"@authority\" \"@path\" \"@query\" \"x-a\");created=5;expires=12;alg=\"ecdsa-p256-sha256\";nonce=\"n\";tag=\"t\"",
		"sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"x-a\");created=5;expires=12;alg=\"ecdsa-p256-sha256\";nonce=\"n\";tag=\"t\"");
}

static void refuses_bad_messages(void **state)
{
	static const struct {
		const char *parameters, *code, *text;
	} rows[] = {
		{ "{\"url\":\"https://a\"}", "MEMBER_MISSING", "method" },
		{ "{\"method\":\"GET\"}", "MEMBER_MISSING", "url" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"created\":5}", "MEMBER_UNKNOWN", "created" },
		{ "{\"method\":\"G T\",\"url\":\"https://a\"}", "CLAIM_INVALID", "method" },
		{ "{\"method\":\"GET\",\"url\":\"https://a/#f\"}", "CLAIM_INVALID", "has a fragment" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[]}", "CLAIM_INVALID", "would cover nothing" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[5]}", "MEMBER_TYPE", "array of strings" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"@method\",\"@method\"]}", "CLAIM_INVALID", "stands twice" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"@status\"]}", "CLAIM_INVALID", "none that is known" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"@signature-params\"]}", "CLAIM_INVALID", "none that is known" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"@method;req\"]}", "CLAIM_INVALID", "none that is known" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"Date\"],\"fields\":{\"Date\":\"x\"}}", "CLAIM_INVALID", "lower case" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"date;sf\"],\"fields\":{\"Date\":\"x\"}}", "CLAIM_INVALID", "lower case" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"\"]}", "CLAIM_INVALID", "lower case" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"date\"]}", "CLAIM_INVALID", "not among" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"components\":[\"signature\"],\"fields\":{\"Signature\":\"x\"}}", "CLAIM_INVALID", "what comes of it" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"fields\":{\"Date\":\"x\",\"date\":\"y\"}}", "CLAIM_INVALID", "given twice" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"fields\":{\"a b\":\"x\"}}", "CLAIM_INVALID", "a name that is none" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"fields\":{\"a\":\"x\\r\\nb: c\"}}", "CLAIM_INVALID", "visible ASCII" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"fields\":{\"a\":\"\\u00e4\"}}", "CLAIM_INVALID", "visible ASCII" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"fields\":{\"a\":[]}}", "CLAIM_INVALID", "array of strings" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"fields\":{\"a\":5}}", "CLAIM_INVALID", "array of strings" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"label\":\"Sig\"}", "CLAIM_INVALID", "label" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"label\":\"1a\"}", "CLAIM_INVALID", "label" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"nonce\":\"\"}", "CLAIM_INVALID", "nonce" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"keyid\":\"\\u00e4\"}", "CLAIM_INVALID", "keyid" },
		{ "{\"method\":\"GET\",\"url\":\"https://a\",\"alg\":true}", "ALG_MISMATCH", "no name for PS256" },
	};
	const struct j11_httpsig_facts f = { .now = 5, .alg = "PS256" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_httpsig_made made = J11_HTTPSIG_MADE;
		struct jwk11_err err = { 0 };

		if (http(rows[i].parameters, &f, &made, &err) == JWK11_OK)
			fail_msg("%s is taken", rows[i].parameters);
		assert_string_equal(err.code, rows[i].code);
		if (strstr(err.text, rows[i].text) == NULL)
			fail_msg("%s: \"%s\" says no \"%s\"", rows[i].parameters, err.text, rows[i].text);
		j11_httpsig_made_done(&made);
	}
}

/* ---- memory ---- */

static enum jwk11_rc once(void *arg)
{
	struct j11_template_made made = J11_TEMPLATE_MADE;
	struct j11_httpsig_made signature = J11_HTTPSIG_MADE;
	const struct j11_json **roots = arg;
	const struct j11_httpsig_facts f = { .now = 5, .alg = "ES256", .kid = "k" };
	enum jwk11_rc rc = j11_template_fill(j11_template_find(J11_VIEW("acme-jws")), roots[0], &facts, &made, NULL);

	if (rc == JWK11_OK)
		rc = j11_httpsig_fill(roots[1], &f, &signature, NULL);
	j11_template_made_done(&made);
	j11_httpsig_made_done(&signature);
	return rc;
}

static void survives_a_lack_of_memory(void **state)
{
	struct j11_json_doc *acme = read_doc("{\"url\":\"https://ca/o/1\",\"nonce\":\"AA\",\"kid\":\"https://ca/acct/1\",\"payload\":\"e30\"}");
	struct j11_json_doc *request = read_doc("{" RFC_REQUEST "}");
	const struct j11_json *roots[] = { j11_json_root(acme), j11_json_root(request) };

	(void)state;
	each_allocation_fails(once, roots);
	j11_json_free(acme);
	j11_json_free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_assertions),
		cmocka_unit_test(fills_in_proofs),
		cmocka_unit_test(refuses_what_a_template_does_not_take),
		cmocka_unit_test(lifetimes_have_limits),
		cmocka_unit_test(keys_and_words),
		cmocka_unit_test(urls),
		cmocka_unit_test(bases_of_the_rfc),
		cmocka_unit_test(signature_of_the_rfc),
		cmocka_unit_test(derived_components),
		cmocka_unit_test(refuses_bad_messages),
		cmocka_unit_test(survives_a_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
