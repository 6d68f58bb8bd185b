/* SPDX-License-Identifier: Apache-2.0 */
/* jose/jws: taking a JWS apart in each serialisation, its headers' rules, checking its signatures. */
#include "vector.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "jose/jws.h"

static const char *const files[] = { "rfc7515-a2-rs256.json", "rfc7515-a3-es256.json", "rfc7515-a4-es512.json", "rfc7520-4-1-rs256.json",
	"rfc7520-4-2-ps384.json", "rfc7520-4-3-es512.json", "rfc8037-a4-eddsa.json" };

struct subject {
	struct vector v;
	struct jwk11_pub *pub;
	const char *alg;
	struct jwk11_view jws, payload;
};

static void subject_load(struct subject *s, const char *file)
{
	*s = (struct subject){ .pub = NULL };
	vector_load(&s->v, file);
	assert_int_equal(jwk11_pub_from_jwk(j11_json_get(s->v.root, "jwk")->raw, &s->pub, NULL), JWK11_OK);
	s->alg = vector_text(s->v.root, "alg").data;
	s->jws = vector_text(s->v.root, "jws");
	s->payload = vector_text(s->v.root, "payload");
}

static void subject_done(struct subject *s)
{
	jwk11_pub_unref(s->pub);
	vector_done(&s->v);
}

static void verifies_the_examples_of_the_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(files); i++) {
		struct jwk11_buf *out = jwk11_buf_new(1000);
		struct jwk11_err err = { 0 };
		struct subject s;

		subject_load(&s, files[i]);
		j11_buf_add_str(out, "before:");
		if (jwk11_jws_verify(s.pub, s.alg, s.jws, out, &err) != JWK11_OK)
			fail_msg("%s: %s", files[i], err.text);
		j11_buf_drop(out, 7);
		assert_true(j11_view_equal(j11_buf_view(out), s.payload));
		assert_int_equal(jwk11_jws_verify(s.pub, s.alg, s.jws, NULL, NULL), JWK11_OK);
		jwk11_buf_free(out);
		subject_done(&s);
	}
}

static void only_the_expected_algorithm_is_accepted(void **state)
{
	struct jwk11_err err = { 0 };
	struct subject s;

	(void)state;
	subject_load(&s, "rfc7520-4-2-ps384.json");
	assert_int_equal(jwk11_jws_verify(s.pub, NULL, s.jws, NULL, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.code, "ALG_MISMATCH");
	assert_string_equal(err.text, "JWS: its algorithm is PS384, only RS256 is accepted");
	assert_string_equal(err.hint, "say that PS384 is expected if it is");
	assert_int_equal(jwk11_jws_verify(s.pub, "RS384", s.jws, NULL, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(jwk11_jws_verify(s.pub, "ps384", s.jws, NULL, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(jwk11_jws_verify(s.pub, "none", s.jws, NULL, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(jwk11_jws_verify(s.pub, "ES256", s.jws, NULL, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(jwk11_jws_verify(NULL, "PS384", s.jws, NULL, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_jws_verify(s.pub, "PS384", (struct jwk11_view){ NULL, 0 }, NULL, NULL), JWK11_ERR_ARGUMENT);
	subject_done(&s);
	subject_load(&s, "rfc8037-a4-eddsa.json");
	assert_int_equal(jwk11_jws_verify(s.pub, NULL, s.jws, NULL, NULL), JWK11_OK);
	assert_int_equal(jwk11_jws_verify(s.pub, "Ed25519", s.jws, NULL, NULL), JWK11_ERR_MISMATCH);
	subject_done(&s);
}

/* Any other character anywhere makes another JWS: none of them verifies, and nothing comes out. */
static void refuses_a_change_of_any_character(void **state)
{
	static const char replacements[] = "A_=.+ ";
	char copy[1000];
	struct subject s;

	(void)state;
	subject_load(&s, "rfc7515-a3-es256.json");
	for (size_t at = 0; at < s.jws.len; at++) {
		for (size_t r = 0; r < sizeof(replacements); r++) { /* the NUL too */
			struct jwk11_buf out = J11_BUF(1000);
			enum jwk11_rc rc;

			memcpy(copy, s.jws.data, s.jws.len);
			if (copy[at] == replacements[r])
				continue;
			copy[at] = replacements[r];
			rc = jwk11_jws_verify(s.pub, "ES256", (struct jwk11_view){ copy, s.jws.len }, &out, NULL);
			assert_true(rc == JWK11_ERR_SYNTAX || rc == JWK11_ERR_SIGNATURE || rc == JWK11_ERR_UNSUPPORTED || rc == JWK11_ERR_MISMATCH);
			assert_int_equal(out.len, 0);
			assert_int_equal(ERR_peek_error(), 0);
			j11_buf_done(&out);
		}
	}
	for (size_t len = 0; len < s.jws.len; len++)
		assert_int_not_equal(jwk11_jws_verify(s.pub, "ES256", (struct jwk11_view){ s.jws.data, len }, NULL, NULL), JWK11_OK);
	subject_done(&s);
}

/* Both of a step that may fail: taking apart, and understanding the only signature. */
static enum jwk11_rc parse(struct jwk11_view text, const char *const *understood, struct jwk11_err *err)
{
	struct jwk11_jws *jws = NULL;
	const struct j11_alg *alg = NULL;
	enum jwk11_rc rc = j11_jws_parse(text, &jws, err);

	assert_int_equal(jws != NULL, rc == JWK11_OK);
	if (rc == JWK11_OK)
		rc = j11_jws_understand(jws, 0, understood, &alg, err);
	assert_int_equal(alg != NULL, rc == JWK11_OK);
	jwk11_jws_free(jws);
	return rc;
}

/* A JWS with this header, no payload and one octet of signature. */
static enum jwk11_rc parse_header(struct jwk11_view header, struct jwk11_err *err)
{
	struct jwk11_buf text = J11_BUF(2 * J11_JWS_HEADER_MAX);
	enum jwk11_rc rc;

	j11_b64url_add(&text, header);
	j11_buf_add_str(&text, "..AA");
	rc = parse(j11_buf_view(&text), NULL, err);
	j11_buf_done(&text);
	return rc;
}

/* A header that is refused, when it is read or when it is to be understood. */
struct refusal {
	const char *comment, *header;
	enum jwk11_rc rc;
	const char *code;
};

static void refuses_each(const struct refusal *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = parse_header(j11_view_str(rows[i].header), &err);

		if (rc != rows[i].rc || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s (%s)", rows[i].comment, jwk11_rc_name(rc), err.code, err.text);
	}
}

static void refuses_headers_it_does_not_understand(void **state)
{
	static const struct refusal rows[] = {
		{ "no JSON", "alg", JWK11_ERR_SYNTAX, "JSON_INVALID" },
		{ "empty", "", JWK11_ERR_SYNTAX, "JSON_INVALID" },
		{ "no object", "[\"alg\",\"RS256\"]", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "alg missing", "{\"typ\":\"JWT\"}", JWK11_ERR_SYNTAX, "MEMBER_MISSING" },
		{ "alg twice", "{\"alg\":\"none\",\"alg\":\"RS256\"}", JWK11_ERR_SYNTAX, "JSON_DUPLICATE" },
		{ "alg no string", "{\"alg\":256}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "alg null", "{\"alg\":null}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "alg empty", "{\"alg\":\"\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "none", "{\"alg\":\"none\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "None", "{\"alg\":\"None\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "NONE", "{\"alg\":\"NONE\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "another MAC", "{\"alg\":\"HS1\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "lower case", "{\"alg\":\"rs256\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "NUL in alg", "{\"alg\":\"RS256\\u0000\"}", JWK11_ERR_SYNTAX, "JSON_INVALID" },
		{ "kid no string", "{\"alg\":\"RS256\",\"kid\":1}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "too deep", "{\"alg\":\"RS256\",\"x\":[[[[[[[[1]]]]]]]]}", JWK11_ERR_LIMIT, "LIMIT" },
		{ "not UTF-8", "{\"alg\":\"RS256\",\"x\":\"\xff\"}", JWK11_ERR_SYNTAX, "JSON_INVALID" },
	};
	struct jwk11_buf big = J11_BUF(J11_JWS_HEADER_MAX + 100);

	(void)state;
	refuses_each(rows, J11_COUNT(rows));
	assert_int_equal(parse_header(J11_VIEW("{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":{},\"x5c\":[]}"), NULL), JWK11_OK);
	j11_buf_add_fmt(&big, "{\"alg\":\"RS256\",\"x\":\"%0*d\"}", J11_JWS_HEADER_MAX - 22, 0);
	assert_int_equal(big.len, J11_JWS_HEADER_MAX);
	assert_int_equal(parse_header(j11_buf_view(&big), NULL), JWK11_OK);
	jwk11_buf_reset(&big);
	j11_buf_add_fmt(&big, "{\"alg\":\"RS256\",\"x\":\"%0*d\"}", J11_JWS_HEADER_MAX - 21, 0);
	assert_int_equal(parse_header(j11_buf_view(&big), NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&big);
}

/* RFC 7515 4.1.11, RFC 7797 3, 6 and 7. */
static void refuses_what_crit_and_b64_do_not_allow(void **state)
{
	static const struct refusal rows[] = {
		{ "crit not understood", "{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1}", JWK11_ERR_UNSUPPORTED, "CRIT_UNKNOWN" },
		{ "one of two not understood", "{\"alg\":\"RS256\",\"b64\":true,\"crit\":[\"b64\",\"exp\"],\"exp\":1}", JWK11_ERR_UNSUPPORTED,
			"CRIT_UNKNOWN" },
		{ "crit empty", "{\"alg\":\"RS256\",\"crit\":[]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit no array", "{\"alg\":\"RS256\",\"crit\":\"exp\",\"exp\":1}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit null", "{\"alg\":\"RS256\",\"crit\":null}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit of numbers", "{\"alg\":\"RS256\",\"crit\":[1]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit twice the same", "{\"alg\":\"RS256\",\"crit\":[\"exp\",\"exp\"],\"exp\":1}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit twice the same, escaped", "{\"alg\":\"RS256\",\"crit\":[\"exp\",\"\\u0065xp\"],\"exp\":1}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit of a name that is not there", "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit of alg", "{\"alg\":\"RS256\",\"crit\":[\"alg\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit of typ", "{\"alg\":\"RS256\",\"typ\":\"x\",\"crit\":[\"typ\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit of x5t#S256", "{\"alg\":\"RS256\",\"x5t#S256\":\"x\",\"crit\":[\"x5t#S256\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit of crit", "{\"alg\":\"RS256\",\"crit\":[\"crit\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "b64 without crit", "{\"alg\":\"RS256\",\"b64\":false}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "b64 true without crit", "{\"alg\":\"RS256\",\"b64\":true}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "b64 beside a crit of others", "{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"exp\"],\"exp\":1}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "b64 no boolean", "{\"alg\":\"RS256\",\"b64\":\"false\",\"crit\":[\"b64\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "b64 null", "{\"alg\":\"RS256\",\"b64\":null,\"crit\":[\"b64\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit of b64 that is not there", "{\"alg\":\"RS256\",\"crit\":[\"b64\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "an unencoded JWT", "{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"],\"typ\":\"JWT\"}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "an unencoded at+jwt", "{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"],\"typ\":\"at+jwt\"}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
	};

	(void)state;
	refuses_each(rows, J11_COUNT(rows));
	assert_int_equal(parse_header(J11_VIEW("{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}"), NULL), JWK11_OK);
	assert_int_equal(parse_header(J11_VIEW("{\"alg\":\"RS256\",\"b64\":true,\"crit\":[\"b64\"],\"typ\":\"JWT\"}"), NULL), JWK11_OK);
}

/* eyJhbGciOiJSUzI1NiJ9 is {"alg":"RS256"}, e30 is {}. */
static void refuses_texts_that_are_no_compact_jws(void **state)
{
	static const char *const rows[] = { "", ".", "..", "...", "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9.AA", "eyJhbGciOiJSUzI1NiJ9.AA.AA.",
		"eyJhbGciOiJSUzI1NiJ9.AA.AA.AA.AA", ".AA.AA", "eyJhbGciOiJSUzI1NiJ9.A.AA", "eyJhbGciOiJSUzI1NiJ9.AB.AA", "eyJhbGciOiJSUzI1NiJ9.AA==.AA",
		"eyJhbGciOiJSUzI1NiJ9.AA.AA\n", " eyJhbGciOiJSUzI1NiJ9.AA.AA", "eyJhbGciOiJSUzI1NiJ9.AA.+A", "eyJhbGciOiJSUzI1NiJ9.A\nA.AA" };
	struct jwk11_jws *jws = NULL;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_jws_parse(j11_view_str(rows[i]), &jws, NULL) != JWK11_ERR_SYNTAX)
			fail_msg("accepted: %s", rows[i]);
	assert_int_equal(j11_jws_parse(J11_VIEW("eyJhbGciOiJSUzI1NiJ9.AA.AA\0"), &jws, NULL), JWK11_ERR_SYNTAX);
	assert_null(jws);
	assert_int_equal(jwk11_jws_read(J11_VIEW("eyJhbGciOiJSUzI1NiJ9.."), NULL, &jws, NULL), JWK11_OK);
	assert_int_equal(jwk11_jws_payload(jws).len, 0);
	assert_int_equal(jwk11_jws_get_form(jws), JWK11_JWS_COMPACT);
	jwk11_jws_free(jws);
	jwk11_jws_free(NULL);
}

struct bad_text {
	const char *comment, *text, *code;
};

static void refuses_each_text(const struct bad_text *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jwk11_jws *jws = NULL;
		struct jwk11_err err = { 0 };

		if (j11_jws_parse(j11_view_str(rows[i].text), &jws, &err) == JWK11_OK || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s (%s)", rows[i].comment, err.code, err.text);
		assert_null(jws);
	}
}

static void refuses_texts_that_are_no_flattened_jws(void **state)
{
	static const struct bad_text rows[] = {
		{ "empty", "{}", "MEMBER_MISSING" },
		{ "no signature", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\"}", "MEMBER_MISSING" },
		{ "no header at all", "{\"payload\":\"AA\",\"signature\":\"AA\"}", "MEMBER_MISSING" },
		{ "protected header an object", "{\"payload\":\"AA\",\"protected\":{\"alg\":\"RS256\"},\"signature\":\"AA\"}", "MEMBER_TYPE" },
		{ "unprotected header a string", "{\"payload\":\"AA\",\"header\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}", "MEMBER_TYPE" },
		{ "unprotected header null", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":null,\"signature\":\"AA\"}", "MEMBER_TYPE" },
		{ "protected header empty", "{\"payload\":\"AA\",\"protected\":\"e30\",\"header\":{\"alg\":\"RS256\"},\"signature\":\"AA\"}", "JWS_INVALID" },
		{ "protected header no text", "{\"payload\":\"AA\",\"protected\":\"\",\"header\":{\"alg\":\"RS256\"},\"signature\":\"AA\"}", "JSON_INVALID" },
		{ "unprotected header empty", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{},\"signature\":\"AA\"}", "JWS_INVALID" },
		{ "payload null", "{\"payload\":null,\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}", "MEMBER_TYPE" },
		{ "payload not base64url", "{\"payload\":\"A+\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}", "BASE64_INVALID" },
		{ "signature padded", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA==\"}", "BASE64_INVALID" },
		{ "header padded", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9==\",\"signature\":\"AA\"}", "BASE64_INVALID" },
		{ "payload twice", "{\"payload\":\"AA\",\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}", "JSON_DUPLICATE" },
		{ "something behind", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"} x", "JSON_INVALID" },
		{ "alg in both headers", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{\"alg\":\"RS256\"},\"signature\":\"AA\"}",
			"JWS_INVALID" },
		{ "alg unprotected of another type", "{\"payload\":\"AA\",\"header\":{\"alg\":256},\"signature\":\"AA\"}", "MEMBER_TYPE" },
		{ "crit unprotected", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{\"crit\":[\"x\"],\"x\":1},\"signature\":\"AA\"}",
			"JWS_INVALID" },
		{ "b64 unprotected", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{\"b64\":true},\"signature\":\"AA\"}", "JWS_INVALID" },
		/* {"alg":"RS256","crit":["x"]} */
		{ "crit of an unprotected member", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdfQ\",\"header\":{\"x\":1},"
			"\"signature\":\"AA\"}", "JWS_INVALID" },
		{ "unprotected header too deep", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{\"x\":[[[[[[[[[[[1]]]]]]]]]]]},"
			"\"signature\":\"AA\"}", "LIMIT" },
	};

	(void)state;
	refuses_each_text(rows, J11_COUNT(rows));
}

static void refuses_texts_that_are_no_general_jws(void **state)
{
	static const struct bad_text rows[] = {
		{ "no signatures", "{\"payload\":\"AA\",\"signatures\":[]}", "JWS_INVALID" },
		{ "signatures an object", "{\"payload\":\"AA\",\"signatures\":{}}", "MEMBER_TYPE" },
		{ "a signature that is a string", "{\"payload\":\"AA\",\"signatures\":[\"AA\"]}", "MEMBER_TYPE" },
		{ "one of two without signature", "{\"payload\":\"AA\",\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"},"
			"{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\"}]}", "MEMBER_MISSING" },
		{ "general and flattened", "{\"payload\":\"AA\",\"signature\":\"AA\",\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}]}",
			"JWS_INVALID" },
		{ "general and protected", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signatures\":[{\"signature\":\"AA\"}]}", "JWS_INVALID" },
		{ "general and header", "{\"payload\":\"AA\",\"header\":{\"alg\":\"RS256\"},\"signatures\":[{\"signature\":\"AA\"}]}", "JWS_INVALID" },
		/* the second is {"alg":"RS256","b64":false,"crit":["b64"]}, the third {"alg":"RS256","b64":true,"crit":["b64"]} */
		{ "b64 not the same", "{\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"},"
			"{\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19\",\"signature\":\"AA\"}]}", "JWS_INVALID" },
		{ "b64 not the same, the other way round", "{\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19\","
			"\"signature\":\"AA\"},{\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6dHJ1ZSwiY3JpdCI6WyJiNjQiXX0\",\"signature\":\"AA\"}]}", "JWS_INVALID" },
		{ "unencoded and not detached", "{\"payload\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19\",\"signature\":\"AA\"}",
			"JWS_INVALID" },
		{ "an unencoded JWT", "{\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19\",\"header\":{\"typ\":\"jwt\"},"
			"\"signature\":\"AA\"}", "JWS_INVALID" },
	};

	(void)state;
	refuses_each_text(rows, J11_COUNT(rows));
}

/* RFC 7515 7.2.1: what is not known beside the known members is ignored; and b64 may be said where it changes nothing. */
static void passes_over_members_it_does_not_know(void **state)
{
	static const char *const rows[] = {
		"{\"x\":[1],\"signature\":\"AA\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"payload\":\"AA\"}",
		"{ \"payload\" : \"AA\",\n \"header\":{\"kid\":\"k\"}, \"protected\":\"eyJhbGciOiJSUzI1NiJ9\", \"signature\":\"AA\" }\n",
		"{\"y\":{},\"signatures\":[{\"z\":null,\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}],\"payload\":\"AA\"}",
		("{\"payload\":\"AA\",\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"},"
			"{\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6dHJ1ZSwiY3JpdCI6WyJiNjQiXX0\",\"signature\":\"AA\"}]}"),
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_jws *jws = NULL;
		struct jwk11_err err = { 0 };

		if (jwk11_jws_read(j11_view_str(rows[i]), NULL, &jws, &err) != JWK11_OK)
			fail_msg("%s: %s", rows[i], err.text);
		assert_int_equal(jwk11_jws_payload(jws).len, 1);
		assert_string_equal(jwk11_jws_kid(jws, 0), i == 1 ? "k" : "");
		assert_true(j11_view_equals(jwk11_jws_header(jws, 0), i == 1 ? "{\"kid\":\"k\"}" : ""));
		assert_true(j11_view_equals(jwk11_jws_protected(jws, 0), "{\"alg\":\"RS256\"}"));
		assert_int_equal(jwk11_jws_count(jws), i == 3 ? 2 : 1);
		assert_string_equal(jwk11_jws_alg(jws, 2), "");
		assert_string_equal(jwk11_jws_kid(jws, 2), "");
		assert_int_equal(jwk11_jws_protected(jws, 2).len + jwk11_jws_header(jws, 2).len, 0);
		jwk11_jws_free(jws);
	}
}

static void signatures_add(struct jwk11_buf *text, unsigned n)
{
	j11_buf_add_str(text, "{\"payload\":\"AA\",\"signatures\":[");
	for (unsigned i = 0; i < n; i++)
		j11_buf_add_fmt(text, "%s{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}", i ? "," : "");
	j11_buf_add_str(text, "]}");
}

static void long_parts_are_a_limit(void **state)
{
	struct jwk11_buf text = J11_BUF(3 * J11_JWS_MAX);
	struct jwk11_jws *jws = NULL;
	char *place;

	(void)state;
	j11_buf_add_str(&text, "eyJhbGciOiJSUzI1NiJ9.");
	place = j11_buf_grow(&text, (J11_JWS_PAYLOAD_MAX + 2) / 3 * 4);
	memset(place, 'A', (J11_JWS_PAYLOAD_MAX + 2) / 3 * 4);
	j11_buf_add_str(&text, ".AA");
	assert_int_equal(j11_jws_parse(j11_buf_view(&text), &jws, NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&text);
	place = j11_buf_grow(&text, J11_JWS_MAX + 1);
	memset(place, 'A', J11_JWS_MAX + 1);
	assert_int_equal(j11_jws_parse(j11_buf_view(&text), &jws, NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&text);
	j11_buf_add_fmt(&text, "eyJhbGciOiJSUzI1NiJ9.AA.%0*d", (J11_SIG_MAX + 2) / 3 * 4 + 4, 0);
	assert_int_equal(j11_jws_parse(j11_buf_view(&text), &jws, NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&text);
	j11_buf_add_fmt(&text, "{\"payload\":\"AA\",\"header\":{\"alg\":\"RS256\",\"x\":\"%0*d\"},\"signature\":\"AA\"}", J11_JWS_HEADER_MAX, 0);
	assert_int_equal(j11_jws_parse(j11_buf_view(&text), &jws, NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&text);
	signatures_add(&text, J11_JWS_SIGNATURES_MAX + 1);
	assert_int_equal(j11_jws_parse(j11_buf_view(&text), &jws, NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&text);
	signatures_add(&text, J11_JWS_SIGNATURES_MAX);
	assert_int_equal(j11_jws_parse(j11_buf_view(&text), &jws, NULL), JWK11_OK);
	assert_int_equal(jwk11_jws_count(jws), J11_JWS_SIGNATURES_MAX);
	jwk11_jws_free(jws);
	j11_buf_done(&text);
}

/* ---- the JSON serialisations of the RFCs ---- */

static void general_load(struct vector *v, const char *file, struct jwk11_view *ret_text, struct jwk11_pub *ret_pubs[2])
{
	const struct j11_json *signer;

	vector_load(v, file);
	*ret_text = j11_json_get(v->root, "general")->raw;
	signer = j11_json_get(v->root, "signers")->child;
	for (size_t i = 0; i < 2; i++, signer = signer->next)
		assert_int_equal(jwk11_pub_from_jwk(j11_json_get(signer, "jwk")->raw, &ret_pubs[i], NULL), JWK11_OK);
}

/* RFC 7515 A.6, RFC 7520 4.8: each signature verifies with its own key and no other. */
static void each_signature_has_its_own_key(void **state)
{
	static const char *const general[] = { "rfc7515-a6-general.json", "rfc7520-4-8-multiple.json" };
	static const char *const kids[][2] = { { "2010-12-29", "e9bc097a-ce51-4036-9562-d2ade882db0d" },
		{ "bilbo.baggins@hobbiton.example", "bilbo.baggins@hobbiton.example" } };

	(void)state;
	for (size_t f = 0; f < J11_COUNT(general); f++) {
		struct jwk11_pub *pubs[2] = { NULL };
		struct jwk11_buf out = J11_BUF(1000);
		struct jwk11_jws *jws = NULL;
		struct jwk11_err err = { 0 };
		struct jwk11_view text;
		struct vector v;

		general_load(&v, general[f], &text, pubs);
		assert_int_equal(jwk11_jws_read(text, NULL, &jws, NULL), JWK11_OK);
		assert_int_equal(jwk11_jws_get_form(jws), JWK11_JWS_GENERAL);
		assert_true(j11_view_equal(jwk11_jws_payload(jws), vector_text(v.root, "payload")));
		for (size_t i = 0; i < 2; i++) {
			assert_string_equal(jwk11_jws_kid(jws, i), kids[f][i]);
			assert_int_equal(jwk11_jws_check(jws, i, pubs[i], NULL, NULL, NULL), JWK11_OK);
			assert_int_equal(jwk11_jws_check(jws, i, pubs[1 - i], NULL, NULL, &err), JWK11_ERR_MISMATCH);
			assert_int_equal(jwk11_jws_verify(pubs[i], NULL, text, &out, NULL), JWK11_OK);
			assert_true(j11_view_equal(j11_buf_view(&out), vector_text(v.root, "payload")));
			jwk11_buf_reset(&out);
			/* any octet of this signature: this one fails, the other one does not */
			jws->signatures[i].sig.data[i + 3] ^= 1;
			assert_int_equal(jwk11_jws_check(jws, i, pubs[i], NULL, NULL, NULL), JWK11_ERR_SIGNATURE);
			assert_int_equal(jwk11_jws_check(jws, 1 - i, pubs[1 - i], NULL, NULL, NULL), JWK11_OK);
			jws->signatures[i].sig.data[i + 3] ^= 1;
		}
		jws->payload.data[0] ^= 1;
		assert_int_equal(jwk11_jws_check(jws, 0, pubs[0], NULL, NULL, NULL), JWK11_ERR_SIGNATURE);
		assert_int_equal(jwk11_jws_check(jws, 1, pubs[1], NULL, NULL, NULL), JWK11_ERR_SIGNATURE);
		assert_int_equal(jwk11_jws_check(jws, jws->n, pubs[1], NULL, NULL, NULL), JWK11_ERR_ARGUMENT);
		jwk11_jws_free(jws);
		j11_buf_done(&out);
		jwk11_pub_unref(pubs[0]);
		jwk11_pub_unref(pubs[1]);
		vector_done(&v);
	}
}

static void none_of_several_is_a_refusal(void **state)
{
	struct jwk11_pub *pubs[2] = { NULL }, *other = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_view text;
	struct vector v, k;

	(void)state;
	general_load(&v, "rfc7515-a6-general.json", &text, pubs);
	vector_load(&k, "rfc7520-4-1-rs256.json");
	assert_int_equal(jwk11_pub_from_jwk(j11_json_get(k.root, "jwk")->raw, &other, NULL), JWK11_OK);
	assert_int_equal(jwk11_jws_verify(other, NULL, text, NULL, &err), JWK11_ERR_SIGNATURE);
	assert_string_equal(err.code, "SIGNATURE_INVALID");
	assert_string_equal(err.text, "none of the 2 signatures verifies with this key");
	assert_int_equal(jwk11_jws_verify(pubs[0], "RS384", text, NULL, NULL), JWK11_ERR_SIGNATURE);
	jwk11_pub_unref(other);
	jwk11_pub_unref(pubs[0]);
	jwk11_pub_unref(pubs[1]);
	vector_done(&v);
	vector_done(&k);
}

/* RFC 7515 A.7. */
static void verifies_a_flattened_jws(void **state)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_buf out = J11_BUF(1000);
	struct jwk11_view text;
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7515-a7-flattened.json");
	text = j11_json_get(v.root, "flattened")->raw;
	assert_int_equal(jwk11_pub_from_jwk(j11_json_get(v.root, "jwk")->raw, &pub, NULL), JWK11_OK);
	assert_int_equal(jwk11_jws_verify(pub, NULL, text, &out, NULL), JWK11_OK);
	assert_true(j11_view_equal(j11_buf_view(&out), vector_text(v.root, "payload")));
	jwk11_pub_unref(pub);
	j11_buf_done(&out);
	vector_done(&v);
}

/* One signature with HMAC, over what this library says was signed. */
static void check_hmac(const struct jwk11_jws *jws, size_t i, const struct j11_json *jwk)
{
	struct jwk11_buf key = J11_BUF(100), input = J11_BUF(10000);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	assert_int_equal(j11_b64url_decode(vector_text(jwk, "k"), "k", &key, NULL), JWK11_OK);
	j11_jws_add_input(jws, i, &input);
	assert_non_null(HMAC(EVP_sha256(), key.data, (int)key.len, (unsigned char *)input.data, input.len, mac, &len));
	assert_string_equal(jwk11_jws_alg(jws, i), "HS256");
	assert_true(j11_view_equal(j11_buf_view(&jws->signatures[i].sig), (struct jwk11_view){ mac, len }));
	j11_buf_done(&key);
	j11_buf_done(&input);
}

/* RFC 7520 4.4 to 4.8, RFC 7797 4: what is signed in each form, shown by the examples' own MAC. */
static void what_is_signed_is_that_of_the_examples(void **state)
{
	static const char *const names[] = { "rfc7520-4-4-hs256.json", "rfc7520-4-5-detached.json", "rfc7520-4-6-protected-alg.json",
		"rfc7520-4-7-content-only.json", "rfc7797-4-1-b64-true.json", "rfc7797-4-2-b64-false.json" };
	static const char *const forms[] = { "jws", "flattened", "general" };
	struct jwk11_jws *jws = NULL;
	struct vector v;
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(names) * J11_COUNT(forms); i++) {
		const struct j11_json *form;
		struct jwk11_view text, payload;

		vector_load(&v, names[i / J11_COUNT(forms)]);
		form = j11_json_get(v.root, forms[i % J11_COUNT(forms)]);
		payload = vector_text(v.root, "payload");
		if (form != NULL) {
			text = form->type == J11_JSON_STRING ? form->text : form->raw;
			assert_int_equal(j11_jws_parse(text, &jws, NULL), JWK11_OK);
			assert_int_equal(j11_jws_settle(jws, jws->carries ? NULL : &payload, NULL), JWK11_OK);
			assert_true(j11_view_equal(jwk11_jws_payload(jws), payload));
			check_hmac(jws, 0, j11_json_get(v.root, "private"));
			jwk11_jws_free(jws);
			n++;
		}
		vector_done(&v);
	}
	assert_int_equal(n, 3 + 3 + 2 + 2 + 2 + 2);
	vector_load(&v, "rfc7520-4-8-multiple.json");
	assert_int_equal(j11_jws_parse(j11_json_get(v.root, "general")->raw, &jws, NULL), JWK11_OK);
	check_hmac(jws, 2, j11_json_get(j11_json_get(v.root, "signers")->child->next->next, "private"));
	jwk11_jws_free(jws);
	vector_done(&v);
}

/* RFC 7797 4.2 in the form that carries the payload as it is: offered detached only. */
static void an_unencoded_payload_comes_detached(void **state)
{
	struct jwk11_buf input = J11_BUF(1000);
	struct jwk11_jws *jws = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_view payload;
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7797-4-2-b64-false.json");
	payload = vector_text(v.root, "payload");
	assert_int_equal(jwk11_jws_read(j11_json_get(v.root, "flattened_attached")->raw, NULL, &jws, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.text, "JWS: a payload that is not encoded (\"b64\": false) must be detached");
	assert_int_equal(jwk11_jws_read(vector_text(v.root, "jws"), NULL, &jws, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(jwk11_jws_read(vector_text(v.root, "jws"), &payload, &jws, NULL), JWK11_OK);
	assert_true(jws->unencoded);
	j11_jws_add_input(jws, 0, &input);
	assert_true(j11_view_equal(j11_buf_view(&input), vector_text(v.root, "signing_input")));
	jwk11_jws_free(jws);
	j11_buf_done(&input);
	vector_done(&v);
}

/* RFC 7515 appendix F over A.3: the payload is cut out and given again. */
static void a_detached_payload_is_given_again(void **state)
{
	static const char flattened[] = "{\"protected\":\"%.*s\",\"signature\":\"%.*s\"}";
	struct jwk11_buf text[2] = { J11_BUF(1000), J11_BUF(1000) };
	struct jwk11_view other = J11_VIEW("other"), empty = { NULL, 0 }, nowhere = { NULL, 1 };
	struct jwk11_jws *jws = NULL;
	struct jwk11_err err = { 0 };
	const char *dot, *last;
	struct subject s;

	(void)state;
	subject_load(&s, "rfc7515-a3-es256.json");
	dot = memchr(s.jws.data, '.', s.jws.len);
	last = memrchr(s.jws.data, '.', s.jws.len);
	j11_buf_add_fmt(&text[0], "%.*s.%s", (int)(dot - (const char *)s.jws.data), (const char *)s.jws.data, last);
	j11_buf_add_fmt(&text[1], flattened, (int)(dot - (const char *)s.jws.data), (const char *)s.jws.data,
		(int)((const char *)s.jws.data + s.jws.len - last - 1), last + 1);
	for (size_t i = 0; i < 2; i++) {
		struct jwk11_view detached = j11_buf_view(&text[i]);

		assert_int_equal(jwk11_jws_read(detached, &s.payload, &jws, NULL), JWK11_OK);
		assert_int_equal(jwk11_jws_check(jws, 0, s.pub, s.alg, NULL, NULL), JWK11_OK);
		assert_true(j11_view_equal(jwk11_jws_payload(jws), s.payload));
		jwk11_jws_free(jws);
		assert_int_equal(jwk11_jws_read(detached, &other, &jws, NULL), JWK11_OK);
		assert_int_equal(jwk11_jws_check(jws, 0, s.pub, s.alg, NULL, NULL), JWK11_ERR_SIGNATURE);
		jwk11_jws_free(jws);
		assert_int_equal(jwk11_jws_read(detached, &empty, &jws, NULL), JWK11_OK);
		jwk11_jws_free(jws);
		jws = NULL;
		assert_int_equal(jwk11_jws_read(detached, &nowhere, &jws, NULL), JWK11_ERR_ARGUMENT);
		/* the compact form may have an empty payload */
		assert_int_equal(jwk11_jws_read(detached, NULL, &jws, &err), i == 0 ? JWK11_OK : JWK11_ERR_SYNTAX);
		jwk11_jws_free(jws);
		jws = NULL;
	}
	assert_string_equal(err.text, "JWS: its payload is detached and must be given");
	j11_err_clear(&err);
	assert_int_equal(jwk11_jws_read(s.jws, &s.payload, &jws, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.text, "JWS: it carries its payload, and another one is given");
	assert_null(jws);
	j11_buf_done(&text[0]);
	j11_buf_done(&text[1]);
	subject_done(&s);
}

/* Some libraries leave an empty member where appendix F has it deleted. */
static void an_empty_payload_may_be_a_detached_one(void **state)
{
	static const char text[] = "{\"payload\":\"\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}";
	static const char unencoded[] = "{\"payload\":\"\",\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19\",\"signature\":\"AA\"}";
	struct jwk11_view given = J11_VIEW("given");
	struct jwk11_jws *jws = NULL;

	(void)state;
	assert_int_equal(jwk11_jws_read(J11_VIEW(text), &given, &jws, NULL), JWK11_OK);
	assert_true(j11_view_equal(jwk11_jws_payload(jws), given));
	jwk11_jws_free(jws);
	assert_int_equal(jwk11_jws_read(J11_VIEW(text), NULL, &jws, NULL), JWK11_OK);
	assert_int_equal(jwk11_jws_payload(jws).len, 0);
	jwk11_jws_free(jws);
	jws = NULL;
	assert_int_equal(jwk11_jws_read(J11_VIEW(unencoded), NULL, &jws, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(jwk11_jws_read(J11_VIEW(unencoded), &given, &jws, NULL), JWK11_OK);
	jwk11_jws_free(jws);
}

/* RFC 7515 4.1.11: an extension that the caller says it processes. {"alg":"ES256","crit":["exp"],"exp":1363284000} */
static void an_extension_is_understood_by_who_says_so(void **state)
{
	static const char *const exp[] = { "other", "exp", NULL }, *const others[] = { "EXP", "ex", "expo", NULL };
	static const char text[] = "eyJhbGciOiJFUzI1NiIsImNyaXQiOlsiZXhwIl0sImV4cCI6MTM2MzI4NDAwMH0.AA.AA";
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(parse(J11_VIEW(text), exp, NULL), JWK11_OK);
	assert_int_equal(parse(J11_VIEW(text), others, &err), JWK11_ERR_UNSUPPORTED);
	assert_string_equal(err.code, "CRIT_UNKNOWN");
	assert_string_equal(err.text, "JWS: its header demands \"exp\", which is not understood");
}

static void a_payload_that_does_not_fit_leaves_nothing(void **state)
{
	struct jwk11_buf out = J11_BUF(20);
	struct subject s;

	(void)state;
	subject_load(&s, "rfc8037-a4-eddsa.json");
	j11_buf_add_str(&out, "kept");
	assert_int_equal(jwk11_jws_verify(s.pub, NULL, s.jws, &out, NULL), JWK11_ERR_LIMIT);
	assert_string_equal(jwk11_buf_data(&out), "kept");
	j11_buf_done(&out);
	subject_done(&s);
}

struct several {
	struct jwk11_view text;
	struct jwk11_pub *pubs[2];
};

static enum jwk11_rc read_and_check(void *arg)
{
	const struct several *s = arg;
	struct jwk11_buf payload = J11_BUF(4000);
	struct jwk11_jws *jws = NULL;
	enum jwk11_rc rc = jwk11_jws_verify(s->pubs[1], NULL, s->text, &payload, NULL);

	if (rc == JWK11_OK)
		rc = jwk11_jws_read(s->text, NULL, &jws, NULL);
	assert_int_equal(jws != NULL, rc == JWK11_OK);
	if (rc == JWK11_OK)
		rc = jwk11_jws_check(jws, 0, s->pubs[0], NULL, NULL, NULL);
	jwk11_jws_free(jws);
	j11_buf_done(&payload);
	return rc;
}

static void survives_each_failed_allocation(void **state)
{
	struct several s = { .pubs = { NULL } };
	struct vector v;

	(void)state;
	general_load(&v, "rfc7515-a6-general.json", &s.text, s.pubs);
	each_allocation_fails(read_and_check, &s);
	jwk11_pub_unref(s.pubs[0]);
	jwk11_pub_unref(s.pubs[1]);
	vector_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_the_examples_of_the_rfcs),
		cmocka_unit_test(only_the_expected_algorithm_is_accepted),
		cmocka_unit_test(refuses_a_change_of_any_character),
		cmocka_unit_test(refuses_headers_it_does_not_understand),
		cmocka_unit_test(refuses_what_crit_and_b64_do_not_allow),
		cmocka_unit_test(refuses_texts_that_are_no_compact_jws),
		cmocka_unit_test(refuses_texts_that_are_no_flattened_jws),
		cmocka_unit_test(refuses_texts_that_are_no_general_jws),
		cmocka_unit_test(passes_over_members_it_does_not_know),
		cmocka_unit_test(long_parts_are_a_limit),
		cmocka_unit_test(each_signature_has_its_own_key),
		cmocka_unit_test(none_of_several_is_a_refusal),
		cmocka_unit_test(verifies_a_flattened_jws),
		cmocka_unit_test(what_is_signed_is_that_of_the_examples),
		cmocka_unit_test(an_unencoded_payload_comes_detached),
		cmocka_unit_test(a_detached_payload_is_given_again),
		cmocka_unit_test(an_empty_payload_may_be_a_detached_one),
		cmocka_unit_test(an_extension_is_understood_by_who_says_so),
		cmocka_unit_test(a_payload_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
