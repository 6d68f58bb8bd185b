/* SPDX-License-Identifier: Apache-2.0 */
/* form/profile: which keys each taker gets, and with which members. */
#include "vector.h"

#include "form/profile.h"

#define EC "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"k\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"BB\"}"
#define RSA(alg) "{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"" alg "\",\"kid\":\"k\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"
#define ED "{\"kty\":\"OKP\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"k\",\"crv\":\"Ed25519\",\"x\":\"AA\"}"
#define K256 "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256K\",\"kid\":\"k\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"BB\"}"
#define ENC "{\"kty\":\"RSA\",\"use\":\"enc\",\"alg\":\"RSA-OAEP\",\"kid\":\"k\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"
#define NAMELESS "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"BB\"}"

static struct j11_json_doc *read_doc(const char *text)
{
	struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };

	if (j11_json_read(j11_view_str(text), NULL, "JWK", &doc, &err) != JWK11_OK)
		fail_msg("%s: %s", text, err.text);
	return doc;
}

/* "" when it is taken, else why not. */
static const char *judge(const char *profile, const char *jwk, const char *x5c, struct j11_tally *tally)
{
	static char why[J11_PROFILE_WHY_MAX];
	struct j11_json_doc *doc = read_doc(jwk), *certs = x5c != NULL ? read_doc(x5c) : NULL;
	struct j11_form form = { .jwk = j11_json_root(doc), .x5c = certs != NULL ? j11_json_root(certs) : NULL, .x5t = J11_VIEW("t") };
	const struct j11_profile *p = j11_profile_find(j11_view_str(profile));
	bool taken;

	assert_non_null(p);
	why[0] = '\0';
	taken = j11_profile_takes(p, &form, tally, why);
	assert_int_equal(taken, why[0] == '\0');
	j11_json_free(doc);
	j11_json_free(certs);
	return why;
}

static void takes_what_the_taker_takes(void **state)
{
	static const struct {
		const char *profile, *jwk, *why;
	} rows[] = {
		{ "google", EC, "" },
		{ "google", RSA("PS256"), "" },
		{ "google", ED, "Google Workload Identity Federation takes RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512; this key is for EdDSA" },
		{ "google", NAMELESS, "Google Workload Identity Federation takes keys with a kid; this one has none" },
		{ "aws", EC, "" },
		{ "aws", RSA("RS512"), "" },
		{ "aws", RSA("PS256"), "AWS IAM takes RS256, RS384, RS512, ES256, ES384, ES512; this key is for PS256" },
		{ "aws", K256, "AWS IAM takes RS256, RS384, RS512, ES256, ES384, ES512; this key is for ES256K" },
		{ "aws", ENC, "AWS IAM takes keys that sign; this one is for encryption" },
		{ "entra", RSA("RS256"), "" },
		{ "entra", RSA("RS384"), "Microsoft Entra takes RS256; this key is for RS384" },
		{ "auth0", RSA("PS256"), "" },
		{ "auth0", RSA("RS512"), "Auth0 takes RS256, RS384, PS256; this key is for RS512" },
		{ "auth0", EC, "Auth0 takes RS256, RS384, PS256; this key is for ES256" },
		{ "keycloak", ED, "" },
		{ "keycloak", NAMELESS, "Keycloak takes keys with a kid; this one has none" },
		{ "spiffe", EC, "" },
		{ "spiffe", NAMELESS, "SPIFFE takes keys with a kid; this one has none" },
		{ "spiffe", ED, "SPIFFE takes RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512; this key is for EdDSA" },
		{ "k8s", RSA("RS256"), "" },
		{ "k8s", RSA("PS256"), "Kubernetes takes RS256, ES256, ES384, ES512; this key is for PS256" },
		{ "x509", ED, "no certificate for it is known" },
		{ "x509", ENC, "X.509 takes keys that sign; this one is for encryption" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		assert_string_equal(judge(rows[i].profile, rows[i].jwk, NULL, &(struct j11_tally){ 0 }), rows[i].why);
	assert_string_equal(judge("x509", NAMELESS, "[\"AAAA\"]", &(struct j11_tally){ 0 }), "");
}

/* AWS reads no keys of a type of which there are more than 100; those of the other type are not its concern. */
static void counts_the_keys_of_a_type(void **state)
{
	struct j11_tally tally = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_string_equal(judge("aws", EC, NULL, &tally), "");
		assert_string_equal(judge("aws", ED, NULL, &tally)[0] != '\0' ? "refused" : "", "refused"); /* and is not counted */
	}
	assert_string_equal(judge("aws", EC, NULL, &tally), "AWS IAM takes at most 100 EC keys");
	assert_string_equal(judge("aws", RSA("RS256"), NULL, &tally), "");
	assert_string_equal(judge("keycloak", EC, NULL, &tally), "");
}

/* Auth0: 4096 bits and no more. */
static void measures_rsa_keys(void **state)
{
	char jwk[1200], n[700];

	(void)state;
	for (int octets = 511; octets <= 513; octets++) {
		size_t len = j11_b64_len((size_t)octets);

		memset(n, '_', len);
		n[len] = '\0';
		snprintf(jwk, sizeof(jwk), "{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"n\":\"%s\",\"e\":\"AQAB\"}", n);
		assert_string_equal(judge("auth0", jwk, NULL, &(struct j11_tally){ 0 }), octets > 512 ? "Auth0 takes RSA keys of at most 4096 bits" : "");
	}
}

static void write(const char *profile, const char *jwk, const char *kid, bool x5c, const char *wanted)
{
	struct j11_json_doc *doc = read_doc(jwk), *certs = read_doc("[\"AA/+\",\"BBBB\"]");
	struct j11_form form = { .jwk = j11_json_root(doc), .kid = kid, .x5c = j11_json_root(certs), .x5t = J11_VIEW("t-_") };
	struct jwk11_buf out = J11_BUF(4096);
	struct j11_json_out o = J11_JSON_OUT(&out);

	j11_form_jwk(&o, profile != NULL ? j11_profile_find(j11_view_str(profile)) : NULL, &form, x5c);
	assert_string_equal(jwk11_buf_data(&out), wanted);
	j11_buf_done(&out);
	j11_json_free(doc);
	j11_json_free(certs);
}

static void writes_the_members_of_the_profile(void **state)
{
	(void)state;
	write(NULL, EC, NULL, false, EC);
	write("google", EC, NULL, false, EC);
	write("spiffe", EC, NULL, false, "{\"kty\":\"EC\",\"use\":\"jwt-svid\",\"alg\":\"ES256\",\"kid\":\"k\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"BB\"}");
	write(NULL, EC, "", false, NAMELESS);
	write(NULL, ENC, "other", false, "{\"kty\":\"RSA\",\"use\":\"enc\",\"alg\":\"RSA-OAEP\",\"kid\":\"other\",\"n\":\"AQAB\",\"e\":\"AQAB\"}");
	write(NULL, NAMELESS, "new", false, "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"BB\",\"kid\":\"new\"}");
	write("aws", EC, NULL, true, "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"k\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"BB\","
		"\"x5c\":[\"AA/+\",\"BBBB\"],\"x5t#S256\":\"t-_\"}");
	write(NULL, "{\"kty\":\"AKP\",\"use\":\"sig\",\"alg\":\"ML-DSA-44\",\"kid\":\"k\",\"pub\":\"AA\"}", NULL, false,
		"{\"kty\":\"AKP\",\"use\":\"sig\",\"alg\":\"ML-DSA-44\",\"kid\":\"k\",\"pub\":\"AA\"}");
	/* Whatever else the source has stays behind, key_ops and private members in front. */
	write("aws", "{\"kty\":\"EC\",\"key_ops\":[\"verify\"],\"use\":\"sig\",\"alg\":\"ES256\",\"d\":\"CC\",\"ext\":true,\"kid\":\"k\",\"crv\":\"P-256\","
		"\"x\":\"AA\",\"y\":\"BB\",\"x5c\":[\"ZZZZ\"]}", NULL, false, EC);
}

static void every_profile_is_complete(void **state)
{
	struct jwk11_buf names = J11_BUF(256);
	size_t n = 0;

	(void)state;
	for (const struct j11_profile *p; (p = j11_profile_at(n)) != NULL; n++) {
		assert_ptr_equal(j11_profile_find(j11_view_str(p->name)), p);
		assert_true(p->taker[0] != '\0' && p->use[0] != '\0');
		assert_int_equal(p->kid_style != JWK11_N_KID_, p->kid_word != NULL);
	}
	assert_int_equal(n, 8);
	assert_null(j11_profile_find(J11_VIEW("AWS")));
	j11_profile_names(J11_HANDOUT_SET, &names);
	assert_string_equal(names.data, "google, aws, entra, keycloak, spiffe, k8s");
	jwk11_buf_reset(&names);
	j11_profile_names(J11_N_HANDOUT_, &names);
	assert_string_equal(names.data, "google, aws, entra, auth0, keycloak, spiffe, k8s, x509");
	j11_buf_done(&names);
}

static void certificates_become_pem(void **state)
{
	char x5c[400], line[130];
	struct jwk11_buf out = J11_BUF(4096);
	struct j11_json_doc *doc;
	struct j11_form form = { .jwk = NULL };

	(void)state;
	memset(line, 'A', 128);
	line[128] = '\0';
	snprintf(x5c, sizeof(x5c), "[\"%s\",\"%.*s\"]", line, 68, line);
	doc = read_doc(x5c);
	form.x5c = j11_json_root(doc);
	assert_true(j11_form_is_x5c(form.x5c));
	j11_form_certs(&out, &form, 1);
	snprintf(x5c, sizeof(x5c), "-----BEGIN CERTIFICATE-----\n%.*s\n%.*s\n-----END CERTIFICATE-----\n", 64, line, 64, line);
	assert_string_equal(out.data, x5c);
	j11_form_certs(&out, &form, 0);
	assert_non_null(strstr(out.data + strlen(x5c), "\nAAAA\n-----END"));
	j11_buf_done(&out);
	j11_json_free(doc);
}

static void knows_an_x5c(void **state)
{
	static const char *const bad[] = { "[]", "{}", "\"AAAA\"", "[1]", "[\"\"]", "[\"AAA\"]", "[\"A===\"]", "[\"AA-_\"]", "[\"AAA\\n\"]", "[\"=AAA\"]",
		"[\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\"]", "[[\"AAAA\"]]" };
	static const char *const good[] = { "[\"AAAA\"]", "[\"AA==\"]", "[\"AAA=\",\"+/+/\"]" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad) + J11_COUNT(good); i++) {
		struct j11_json_doc *doc = read_doc(i < J11_COUNT(bad) ? bad[i] : good[i - J11_COUNT(bad)]);

		assert_int_equal(j11_form_is_x5c(j11_json_root(doc)), i >= J11_COUNT(bad));
		j11_json_free(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_the_taker_takes),
		cmocka_unit_test(counts_the_keys_of_a_type),
		cmocka_unit_test(measures_rsa_keys),
		cmocka_unit_test(writes_the_members_of_the_profile),
		cmocka_unit_test(every_profile_is_complete),
		cmocka_unit_test(certificates_become_pem),
		cmocka_unit_test(knows_an_x5c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
