/* SPDX-License-Identifier: Apache-2.0 */
/* jose/jws: header and signing input, taking a JWS apart, verifying it. */
#include "vector.h"

#include <openssl/err.h>

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

/* A JWS with this header, an empty payload and one octet of signature. */
static enum jwk11_rc parse_header(struct jwk11_view header, struct jwk11_err *err)
{
	struct jwk11_buf text = J11_BUF(20000);
	struct j11_jws jws = { 0 };
	enum jwk11_rc rc;

	j11_b64url_add(&text, header);
	j11_buf_add_str(&text, "..AA");
	rc = j11_jws_parse(j11_buf_view(&text), &jws, err);
	assert_int_equal(jws.header_doc != NULL, rc == JWK11_OK);
	j11_jws_done(&jws);
	j11_buf_done(&text);
	return rc;
}

static void refuses_headers_it_does_not_understand(void **state)
{
	static const struct {
		const char *comment, *header;
		enum jwk11_rc rc;
		const char *code;
	} rows[] = {
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
		{ "a MAC", "{\"alg\":\"HS256\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "lower case", "{\"alg\":\"rs256\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "NUL in alg", "{\"alg\":\"RS256\\u0000\"}", JWK11_ERR_SYNTAX, "JSON_INVALID" },
		{ "crit unknown", "{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit empty", "{\"alg\":\"RS256\",\"crit\":[]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "crit no array", "{\"alg\":\"RS256\",\"crit\":\"exp\"}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "b64 as in RFC 7797", "{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "b64 without crit", "{\"alg\":\"RS256\",\"b64\":false}", JWK11_ERR_SYNTAX, "JWS_INVALID" },
		{ "kid no string", "{\"alg\":\"RS256\",\"kid\":1}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "too deep", "{\"alg\":\"RS256\",\"x\":[[[[[[[[1]]]]]]]]}", JWK11_ERR_LIMIT, "LIMIT" },
		{ "not UTF-8", "{\"alg\":\"RS256\",\"x\":\"\xff\"}", JWK11_ERR_SYNTAX, "JSON_INVALID" },
	};
	struct jwk11_buf big = J11_BUF(20000);

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = parse_header(j11_view_str(rows[i].header), &err);

		if (rc != rows[i].rc || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s (%s)", rows[i].comment, jwk11_rc_name(rc), err.code, err.text);
	}
	assert_int_equal(parse_header(J11_VIEW("{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":{},\"x5c\":[]}"), NULL), JWK11_OK);
	j11_buf_add_fmt(&big, "{\"alg\":\"RS256\",\"kid\":\"%0255d\"}", 0);
	assert_int_equal(parse_header(j11_buf_view(&big), NULL), JWK11_OK);
	jwk11_buf_reset(&big);
	j11_buf_add_fmt(&big, "{\"alg\":\"RS256\",\"kid\":\"%0256d\"}", 0);
	assert_int_equal(parse_header(j11_buf_view(&big), NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&big);
	j11_buf_add_fmt(&big, "{\"alg\":\"RS256\",\"x\":\"%0*d\"}", J11_JWS_HEADER_MAX - 22, 0);
	assert_int_equal(big.len, J11_JWS_HEADER_MAX);
	assert_int_equal(parse_header(j11_buf_view(&big), NULL), JWK11_OK);
	jwk11_buf_reset(&big);
	j11_buf_add_fmt(&big, "{\"alg\":\"RS256\",\"x\":\"%0*d\"}", J11_JWS_HEADER_MAX - 21, 0);
	assert_int_equal(parse_header(j11_buf_view(&big), NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&big);
}

static void refuses_texts_that_are_no_compact_jws(void **state)
{
	/* eyJhbGciOiJSUzI1NiJ9 is {"alg":"RS256"}. */
	static const char *const rows[] = { "", ".", "..", "...", "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9.AA", "eyJhbGciOiJSUzI1NiJ9.AA.AA.",
		"eyJhbGciOiJSUzI1NiJ9.AA.AA.AA.AA", ".AA.AA", "eyJhbGciOiJSUzI1NiJ9.A.AA", "eyJhbGciOiJSUzI1NiJ9.AB.AA", "eyJhbGciOiJSUzI1NiJ9.AA==.AA",
		"eyJhbGciOiJSUzI1NiJ9.AA.AA\n", " eyJhbGciOiJSUzI1NiJ9.AA.AA", "eyJhbGciOiJSUzI1NiJ9.AA.+A", "{\"payload\":\"AA\"}",
		"eyJhbGciOiJSUzI1NiJ9.A\nA.AA" };
	struct j11_jws jws = { 0 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_jws_parse(j11_view_str(rows[i]), &jws, NULL) != JWK11_ERR_SYNTAX)
			fail_msg("accepted: %s", rows[i]);
	assert_int_equal(j11_jws_parse(J11_VIEW("eyJhbGciOiJSUzI1NiJ9.AA.AA\0"), &jws, NULL), JWK11_ERR_SYNTAX);
	assert_null(jws.header_doc);
	assert_int_equal(j11_jws_parse(J11_VIEW("eyJhbGciOiJSUzI1NiJ9.."), &jws, NULL), JWK11_OK);
	assert_int_equal(jws.payload.len, 0);
	assert_int_equal(jws.signing_input.len, 21);
	j11_jws_done(&jws);
}

static void long_parts_are_a_limit(void **state)
{
	struct jwk11_buf text = J11_BUF(3 * J11_JWS_MAX);
	struct j11_jws jws = { 0 };
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
	j11_buf_add_fmt(&text, "eyJhbGciOiJSUzI1NiJ9.AA.%0*d", J11_RSA_MAX_BITS / 8 * 4 / 3 + 4, 0);
	assert_int_equal(j11_jws_parse(j11_buf_view(&text), &jws, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&text);
}

struct input {
	const char *kid, *extra;
	struct jwk11_view payload;
};

/* The signing input, decoded again into `out` as header "." payload. */
static enum jwk11_rc make_input(const struct input *in, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = in->extra ? j11_json_read(j11_view_str(in->extra), NULL, "extra", &doc, err) : JWK11_OK;

	if (rc == JWK11_OK)
		rc = j11_jws_input(j11_alg_find_str("ES256"), in->kid, doc ? j11_json_root(doc) : NULL, in->payload, out, err);
	return rc;
}

static void check_input(const char *kid, const char *extra, const char *payload, const char *header)
{
	struct input in = { kid, extra, j11_view_str(payload) };
	struct jwk11_buf out = J11_BUF(4096), decoded = J11_BUF(4096);
	struct jwk11_err err = { 0 };
	const char *dot;

	if (make_input(&in, &out, &err) != JWK11_OK)
		fail_msg("%s", err.text);
	dot = strchr(out.data, '.');
	assert_int_equal(j11_b64url_decode((struct jwk11_view){ out.data, (size_t)(dot - out.data) }, "header", &decoded, NULL), JWK11_OK);
	assert_string_equal(jwk11_buf_data(&decoded), header);
	jwk11_buf_reset(&decoded);
	assert_int_equal(j11_b64url_decode(j11_view_str(dot + 1), "payload", &decoded, NULL), JWK11_OK);
	assert_string_equal(jwk11_buf_data(&decoded), payload);
	j11_buf_done(&out);
	j11_buf_done(&decoded);
}

static void header_holds_alg_kid_and_what_the_caller_adds(void **state)
{
	(void)state;
	check_input(NULL, NULL, "", "{\"alg\":\"ES256\"}");
	check_input("k\"1", NULL, "hi", "{\"alg\":\"ES256\",\"kid\":\"k\\\"1\"}");
	check_input("k", "{\"typ\":\"at+jwt\",\"n\":1.0e2,\"o\":{\"b\":[true,null]}}", "{}",
		"{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"at+jwt\",\"n\":1.0e2,\"o\":{\"b\":[true,null]}}");
	check_input("k", "{}", "x", "{\"alg\":\"ES256\",\"kid\":\"k\"}");
	check_input(NULL, "{\"cty\":\"application/json/extra\"}", "x", "{\"alg\":\"ES256\",\"cty\":\"application/json/extra\"}");
}

static void header_refuses_what_is_not_the_callers(void **state)
{
	static const char *const rows[] = { "{\"alg\":\"none\"}", "{\"kid\":\"x\"}", "{\"b64\":false}", "{\"crit\":[\"x\"]}", "{\"jwk\":{}}",
		"{\"jku\":\"https://a\"}", "{\"x5u\":\"https://a\"}", "{\"x5c\":[]}", "{\"typ\":\"JWT\",\"alg\":\"ES256\"}", "{\"\\u0061lg\":\"ES256\"}",
		"{\"typ\":5}", "{\"typ\":\"\"}", "{\"typ\":\"application/at+jwt\"}", "{\"cty\":\"Application/json\"}", "{\"cty\":null}" };
	struct jwk11_buf out = J11_BUF(4096), big = J11_BUF(20000);
	struct jwk11_err err = { 0 };
	struct input in = { "k", "[]", J11_VIEW("x") };

	(void)state;
	assert_int_equal(make_input(&in, &out, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.code, "MEMBER_TYPE");
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		j11_err_clear(&err);
		in.extra = rows[i];
		if (make_input(&in, &out, &err) != JWK11_ERR_SYNTAX || strcmp(err.code, "HEADER_REFUSED") != 0)
			fail_msg("accepted: %s", rows[i]);
	}
	assert_int_equal(out.len, 0);
	j11_buf_add_fmt(&big, "{\"x\":\"%0*d\"}", J11_JWS_HEADER_MAX, 0);
	in.extra = jwk11_buf_data(&big);
	assert_int_equal(make_input(&in, &out, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&out);
	j11_buf_done(&big);
}

static void payload_has_a_limit(void **state)
{
	struct jwk11_buf payload = J11_BUF(2 * J11_JWS_PAYLOAD_MAX), out = J11_BUF(J11_JWS_MAX);
	struct input in = { "k", NULL, { NULL, 0 } };
	struct jwk11_err err = { 0 };
	void *place;

	(void)state;
	place = j11_buf_grow(&payload, J11_JWS_PAYLOAD_MAX + 1);
	memset(place, 'p', J11_JWS_PAYLOAD_MAX + 1);
	in.payload = j11_buf_view(&payload);
	assert_int_equal(make_input(&in, &out, &err), JWK11_ERR_LIMIT);
	assert_string_equal(err.code, "INPUT_TOO_LONG");
	in.payload.len--;
	assert_int_equal(make_input(&in, &out, NULL), JWK11_OK);
	j11_buf_done(&out);
	out = J11_BUF(1000);
	assert_int_equal(make_input(&in, &out, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&out);
	j11_buf_done(&payload);
}

/* RFC 7515 appendix A.3: header and signature around the payload give the example again. */
static void parts_go_together_as_in_the_rfc(void **state)
{
	struct jwk11_buf out = J11_BUF(2000);
	struct j11_jws jws = { 0 };
	struct subject s;
	struct input in;

	(void)state;
	subject_load(&s, "rfc7515-a3-es256.json");
	in = (struct input){ NULL, NULL, s.payload };
	assert_int_equal(make_input(&in, &out, NULL), JWK11_OK);
	assert_int_equal(j11_jws_parse(s.jws, &jws, NULL), JWK11_OK);
	assert_true(j11_view_equal(jws.signing_input, j11_buf_view(&out)));
	j11_jws_finish(&out, j11_buf_view(&jws.sig));
	assert_true(j11_view_equal(s.jws, j11_buf_view(&out)));
	assert_string_equal(jws.kid, "");
	j11_jws_done(&jws);
	j11_buf_done(&out);
	subject_done(&s);
	subject_load(&s, "rfc7520-4-1-rs256.json");
	assert_int_equal(j11_jws_parse(s.jws, &jws, NULL), JWK11_OK);
	assert_string_equal(jws.kid, "bilbo.baggins@hobbiton.example");
	assert_string_equal(jws.alg->name, "RS256");
	j11_jws_done(&jws);
	subject_done(&s);
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

static enum jwk11_rc there_and_back(void *arg)
{
	const struct subject *s = arg;
	struct input in = { "k", "{\"typ\":\"JWT\"}", s->payload };
	struct jwk11_buf out = J11_BUF(4000), payload = J11_BUF(4000);
	enum jwk11_rc rc = make_input(&in, &out, NULL);

	if (rc == JWK11_OK)
		rc = jwk11_jws_verify(s->pub, NULL, s->jws, &payload, NULL);
	j11_buf_done(&out);
	j11_buf_done(&payload);
	return rc;
}

static void survives_each_failed_allocation(void **state)
{
	struct subject s;

	(void)state;
	subject_load(&s, "rfc8037-a4-eddsa.json");
	each_allocation_fails(there_and_back, &s);
	subject_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_the_examples_of_the_rfcs),
		cmocka_unit_test(only_the_expected_algorithm_is_accepted),
		cmocka_unit_test(refuses_a_change_of_any_character),
		cmocka_unit_test(refuses_headers_it_does_not_understand),
		cmocka_unit_test(refuses_texts_that_are_no_compact_jws),
		cmocka_unit_test(long_parts_are_a_limit),
		cmocka_unit_test(header_holds_alg_kid_and_what_the_caller_adds),
		cmocka_unit_test(header_refuses_what_is_not_the_callers),
		cmocka_unit_test(payload_has_a_limit),
		cmocka_unit_test(parts_go_together_as_in_the_rfc),
		cmocka_unit_test(a_payload_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
