/* SPDX-License-Identifier: Apache-2.0 */
/* jose/takers: each row refuses a key, and takes one that keeps to it. */
#include "vector.h"

#include "jose/takers.h"
#include "lint_keys.h"

#define KEY(members) "{" members "}"
#define RS256 ",\"use\":\"sig\",\"alg\":\"RS256\""

/* The verdict on the last key of the text. */
static const struct row {
	const char *taker, *text;
	enum j11_takes takes;
	const char *why;
} rows[] = {
	{ "google", KEY(EC_KEY), J11_TAKES_YES, "" },
	{ "google", KEY(RSA_KEY), J11_TAKES_YES, "" },
	{ "google", KEY(ED_KEY), J11_TAKES_NO, "takes RSA and EC keys only; here it is OKP" },
	{ "google", KEY(EC_KEY ",\"x5t\":\"AAECAwQFBgcICQoLDA0ODxAREhM\""), J11_TAKES_NO,
		"refuses a set with members other than kty, alg, use, kid, n, e, x, y and crv; here it is x5t" },
	{ "google-sa", KEY(RSA_KEY), J11_TAKES_NEVER, "takes no JWKS: upload the RSA key in an X.509 v3 certificate; Google then chooses the kid" },
	{ "aws", KEY(EC_KEY), J11_TAKES_YES, "" },
	{ "aws", KEY(RSA ",\"kid\":\"" N_KID "\""), J11_TAKES_YES, "" },
	{ "aws", KEY(P521_KEY), J11_TAKES_YES, "" },
	{ "aws", KEY(ED_KEY), J11_TAKES_NO, "verifies RS256, RS384, RS512, ES256, ES384 and ES512 only; here it is OKP" },
	{ "aws", KEY(RSA ",\"use\":\"sig\",\"alg\":\"PS256\"" KID), J11_TAKES_NO,
		"verifies RS256, RS384, RS512, ES256, ES384 and ES512 only; here it is PS256" },
	{ "aws", KEY(EC ES256), J11_TAKES_NO, "finds keys by kid only" },
	{ "aws", KEY(EC ",\"alg\":\"ES256\",\"key_ops\":[\"verify\"]" KID), J11_TAKES_NO, "refuses a key with key_ops, [\"verify\"] included" },
	{ "aws", KEY(EC ",\"use\":\"enc\"" KID), J11_TAKES_NO, "verifies with no key that is for encryption" },
	{ "aws", KEY(RSA_N(N_SIGNED) RS256 KID), J11_TAKES_NO, "refuses a modulus of 257 octets" },
	{ "aws", SET(KEY(EC_KEY) "," KEY(RSA RS256 ",\"kid\":\"" EC_KID "\"")), J11_TAKES_NO, "takes the last of the keys with one kid" },
	{ "aws", KEY(EC_XY(X, X) ES256 KID), J11_TAKES_NO, "broken for everybody: ec-off-curve" },
	{ "aws", SET(KEY(EC_KEY)) "]", J11_TAKES_NO, "broken for everybody: json-trailing" },
	{ "entra", KEY(RSA_KEY), J11_TAKES_YES, "" },
	{ "entra", KEY(EC_KEY), J11_TAKES_NO, "RS256 is the only algorithm Microsoft has tested; here it is EC" },
	{ "entra", KEY(RSA ",\"use\":\"sig\",\"alg\":\"RS512\"" KID), J11_TAKES_NO, "RS256 is the only algorithm Microsoft has tested; here it is RS512" },
	{ "entra", KEY(RSA ",\"alg\":\"RS256\"" KID), J11_TAKES_NO, "demands \"use\":\"sig\" in these letters" },
	{ "entra", KEY(RSA ",\"use\":\"Sig\",\"alg\":\"RS256\"" KID), J11_TAKES_NO, "demands \"use\":\"sig\" in these letters; here it is Sig" },
	{ "entra-certificate", KEY(RSA_KEY), J11_TAKES_NEVER,
		"takes no JWKS: upload an X.509 certificate; the assertion's header is PS256 with x5t#S256" },
	{ "auth0", KEY(RSA_KEY), J11_TAKES_YES, "" },
	{ "auth0", KEY(RSA ",\"use\":\"sig\",\"alg\":\"PS256\"" KID), J11_TAKES_YES, "" },
	{ "auth0", KEY(RSA ",\"use\":\"sig\",\"alg\":\"RS512\"" KID), J11_TAKES_NO, "verifies RS256, RS384 and PS256 only; here it is RS512" },
	{ "auth0", KEY(EC_KEY), J11_TAKES_NO, "verifies RS256, RS384 and PS256 only; here it is EC" },
	{ "okta", KEY(EC_KEY), J11_TAKES_YES, "" },
	{ "okta", KEY(ED_KEY), J11_TAKES_NO, "takes RSA and EC keys only; here it is OKP" },
	{ "keycloak", KEY(ED_KEY), J11_TAKES_YES, "" },
	{ "keycloak", KEY(EC ",\"alg\":\"ES256\"" KID), J11_TAKES_WARN, "older versions skip a key without use (keycloak#28004)" },
	{ "keycloak", KEY(EC ES256), J11_TAKES_WARN, "version 21 does not find a key without kid (keycloak#19632)" },
	{ "keycloak", KEY(EC_XY(X, X) ",\"alg\":\"ES256\"" KID), J11_TAKES_NO, "broken for everybody: ec-off-curve" },
	{ "github", KEY(RSA_KEY), J11_TAKES_NEVER, "takes no JWKS: GitHub makes the RSA key of an app itself; import it into the token" },
	{ "spiffe", KEY(EC ",\"use\":\"jwt-svid\"" KID), J11_TAKES_YES, "" },
	{ "spiffe", KEY(EC ",\"use\":\"x509-svid\""), J11_TAKES_YES, "" },
	{ "spiffe", KEY(EC ",\"use\":\"jwt-svid\""), J11_TAKES_NO, "demands a kid for JWT-SVIDs" },
	{ "spiffe", KEY(EC_KEY), J11_TAKES_NO, "reads only keys whose use is jwt-svid or x509-svid; here it is sig" },
	{ "spiffe", KEY(EC KID), J11_TAKES_NO, "reads only keys whose use is jwt-svid or x509-svid" },
	{ "k8s", KEY(P521_KEY), J11_TAKES_YES, "" },
	{ "k8s", KEY(ED_KEY), J11_TAKES_NO, "takes RSA and P-256, P-384, P-521 keys only; here it is OKP" },
	{ "k8s", KEY(RSA ",\"use\":\"sig\",\"alg\":\"RS384\"" KID), J11_TAKES_NO, "verifies RS256, ES256, ES384 and ES512 only; here it is RS384" },
	{ "k8s", KEY(EC ES256), J11_TAKES_NO, "demands a kid" },
	{ "oracle", KEY(EC_KEY), J11_TAKES_YES, "" },
	{ "foxids", KEY(ED_KEY), J11_TAKES_YES, "" },
	{ "nimbus", KEY(EC_KEY), J11_TAKES_YES, "" },
	{ "appsync", KEY(EC ",\"use\":\"sig\"" KID), J11_TAKES_NO, "demands alg" },
	{ "pulsar", KEY(EC_KEY), J11_TAKES_YES, "" },
	{ "bookstack", KEY(EC KID), J11_TAKES_NO, "demands alg" },
	{ "php-jwt", KEY(RSA KID), J11_TAKES_NO, "demands alg" },
	{ "oidf", SET(KEY(EC_KEY) "," KEY(RSA RS256 ",\"kid\":\"" EC_KID "\"")), J11_TAKES_NO,
		"fails any set that repeats a kid, across key types too" },
	{ "oidf", SET(KEY(EC_KEY) "," KEY(RSA_KEY)), J11_TAKES_YES, "" },
	{ "okta", SET("7"), J11_TAKES_NO, "broken for everybody: set-shape" },
};

static void check(const char *name, struct jwk11_view text, enum j11_takes takes, const char *why)
{
	const struct j11_taker *taker = j11_taker_find(j11_view_str(name));
	struct j11_verdict verdict = { 0 };
	struct j11_lint *lint = NULL;

	assert_non_null(taker);
	assert_int_equal(j11_lint_run(text, &lint, NULL), JWK11_OK);
	j11_taker_judge(taker, lint, &lint->keys[lint->n_keys - 1], &verdict);
	if (verdict.takes != takes || strcmp(verdict.why, why) != 0)
		fail_msg("%s says %s (%s) to %.*s", name, j11_takes_name(verdict.takes), verdict.why, (int)text.len, (const char *)text.data);
	j11_lint_free(lint);
}

static void each_says_yes_or_no_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		check(rows[i].taker, j11_view_str(rows[i].text), rows[i].takes, rows[i].why);
}

static void each_taker_is_tested(void **state)
{
	(void)state;
	for (size_t i = 0; j11_taker_at(i) != NULL; i++) {
		const char *name = j11_taker_name(j11_taker_at(i));
		bool tested = false;

		assert_ptr_equal(j11_taker_find(j11_view_str(name)), j11_taker_at(i));
		assert_string_not_equal(j11_taker_title(j11_taker_at(i)), "");
		for (size_t j = 0; j < J11_COUNT(rows); j++)
			tested = tested || strcmp(rows[j].taker, name) == 0;
		if (!tested)
			fail_msg("%s is not tested", name);
	}
	assert_null(j11_taker_find(J11_VIEW("nobody")));
	assert_null(j11_taker_find(J11_VIEW("AWS")));
}

/* n P-256 keys with kids of their own; what their numbers are does not matter to a count. */
static void many(struct jwk11_buf *text, unsigned n)
{
	j11_buf_add_str(text, "{\"keys\":[");
	for (unsigned i = 0; i < n; i++)
		j11_buf_add_fmt(text, "%s{\"kty\":\"PQ\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"%u\"}", i > 0 ? "," : "", i);
	j11_buf_add_str(text, "," KEY(EC_KEY) "]}");
}

static void counts_and_sizes_have_limits(void **state)
{
	struct jwk11_buf text = J11_BUF(J11_LINT_MAX);

	(void)state;
	many(&text, 9);
	check("oracle", j11_buf_view(&text), J11_TAKES_YES, "");
	jwk11_buf_reset(&text);
	many(&text, 10);
	check("oracle", j11_buf_view(&text), J11_TAKES_NO, "reads at most 10 keys");
	check("foxids", j11_buf_view(&text), J11_TAKES_NO, "reads at most 10 keys");
	jwk11_buf_reset(&text);
	j11_buf_add_str(&text, KEY(EC_KEY));
	while (text.len < 51200)
		j11_buf_add_byte(&text, ' ');
	check("nimbus", j11_buf_view(&text), J11_TAKES_YES, "");
	j11_buf_add_byte(&text, ' ');
	check("nimbus", j11_buf_view(&text), J11_TAKES_NO, "reads 51,200 octets unless told otherwise");
	j11_buf_done(&text);
}

/* AWS counts each type of key by itself, and Kubernetes the octets of a kid. */
static void limits_of_aws_and_kubernetes(void **state)
{
	struct jwk11_buf text = J11_BUF(J11_LINT_MAX);

	(void)state;
	for (unsigned n = 100; n <= 101; n++) {
		jwk11_buf_reset(&text);
		j11_buf_add_str(&text, "{\"keys\":[" KEY(RSA_KEY));
		for (unsigned i = 1; i < n; i++)
			j11_buf_add_fmt(&text, ",{" EC ES256 ",\"kid\":\"%u\"}", i);
		j11_buf_add_str(&text, "," KEY(ZERO_KEY) "]}");
		check("aws", j11_buf_view(&text), n > 100 ? J11_TAKES_NO : J11_TAKES_YES,
			n > 100 ? "reads no keys of a type of which there are more than 100" : "");
	}
	for (size_t len = 1024; len <= 1025; len++) {
		jwk11_buf_reset(&text);
		j11_buf_add_str(&text, "{" EC ES256 ",\"kid\":\"");
		for (size_t i = 0; i < len; i++)
			j11_buf_add_byte(&text, 'k');
		j11_buf_add_str(&text, "\"}");
		check("k8s", j11_buf_view(&text), len > 1024 ? J11_TAKES_NO : J11_TAKES_YES, len > 1024 ? "takes a kid of at most 1024 octets" : "");
	}
	j11_buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_says_yes_or_no_and_why),
		cmocka_unit_test(each_taker_is_tested),
		cmocka_unit_test(counts_and_sizes_have_limits),
		cmocka_unit_test(limits_of_aws_and_kubernetes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
