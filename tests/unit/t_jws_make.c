/* SPDX-License-Identifier: Apache-2.0 */
/* jose/jws_make: headers, signing input and serialisations, with a signer that only remembers what it was given. */
#include "vector.h"

#include "jose/chain.h"
#include "jose/jwk.h"
#include "jose/jws_make.h"

/* What a test asks for, in words. */
struct order {
	const char *kid, *extra, *header, *typ, *cty;
	enum jwk11_jws_form form;
	unsigned flags;
	const struct jwk11_pub *jwk;
	const struct jwk11_chain *x5c;
	const char *onto, *payload; /* NULL: none */
};

/* The signer's memory. Its signatures are the octets 01 02 … 09. */
struct signer {
	struct jwk11_buf input;
	enum jwk11_rc rc;
	unsigned n;
};

static enum jwk11_rc sign(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	struct signer *s = arg;

	s->n++;
	if (s->rc != JWK11_OK)
		return j11_err_set(err, s->rc, J11_CODE_TOKEN_FAILED, "the signer fails");
	jwk11_buf_reset(&s->input);
	j11_buf_add(&s->input, input.data, input.len);
	if (s->input.failed == JWK11_OK)
		j11_buf_add(ret_sig, "\1\2\3\4\5\6\7\10\11", 9);
	return j11_buf_check(&s->input, "input", err);
}

static enum jwk11_rc read_json(const char *text, struct j11_json_doc **doc, const struct j11_json **ret_root, struct jwk11_err *err)
{
	enum jwk11_rc rc = text ? j11_json_read(j11_view_str(text), NULL, "text", doc, err) : JWK11_OK;

	*ret_root = text && rc == JWK11_OK ? j11_json_root(*doc) : NULL;
	return rc;
}

static enum jwk11_rc make_of(const struct order *o, struct j11_jws_spec *spec, const struct jwk11_view *payload, struct signer *s,
	struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *onto = NULL;
	struct j11_jws_signer signer = { sign, s };
	enum jwk11_rc rc = o->onto ? j11_jws_parse(j11_view_str(o->onto), &onto, err) : JWK11_OK;

	return rc == JWK11_OK ? j11_jws_make(spec, payload, onto, &signer, out, err) : rc;
}

static enum jwk11_rc make(const struct order *o, struct signer *s, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *extra = NULL;
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *header = NULL;
	struct jwk11_view payload = o->payload ? j11_view_str(o->payload) : (struct jwk11_view){ NULL, 0 };
	struct j11_jws_spec spec = { .alg = j11_alg_find_str("ES256"), .kid = o->kid, .jwk = o->jwk, .x5c = o->x5c, .form = o->form,
		.flags = o->flags };
	enum jwk11_rc rc = read_json(o->extra, &extra, &spec.extra, err);

	if (rc == JWK11_OK)
		rc = read_json(o->header, &header, &spec.header, err);
	if (o->typ != NULL)
		spec.typ = j11_view_str(o->typ);
	if (o->cty != NULL)
		spec.cty = j11_view_str(o->cty);
	return rc == JWK11_OK ? make_of(o, &spec, o->payload ? &payload : NULL, s, out, err) : rc;
}

/* The one that must succeed. `out` is filled anew; what was signed stays in `s`. */
static void made(const struct order *o, struct signer *s, struct jwk11_buf *out)
{
	struct jwk11_err err = { 0 };

	jwk11_buf_reset(out);
	if (make(o, s, out, &err) != JWK11_OK)
		fail_msg("%s: %s", err.code, err.text);
}

/* The i-th dot-separated part of a text, decoded. */
static void part(struct jwk11_view text, unsigned i, struct jwk11_buf *out)
{
	const char *p = text.data, *end = p + text.len, *dot;

	for (; i > 0; i--)
		p = (const char *)memchr(p, '.', (size_t)(end - p)) + 1;
	dot = memchr(p, '.', (size_t)(end - p));
	jwk11_buf_reset(out);
	assert_int_equal(j11_b64url_decode((struct jwk11_view){ p, (size_t)((dot ? dot : end) - p) }, "part", out, NULL), JWK11_OK);
}

static void the_header_holds_what_is_asked_for_in_order(void **state)
{
	static const struct {
		struct order order;
		const char *header;
	} rows[] = {
		{ { .payload = "" }, "{\"alg\":\"ES256\"}" },
		{ { .kid = "k\"1", .payload = "hi" }, "{\"alg\":\"ES256\",\"kid\":\"k\\\"1\"}" },
		{ { .kid = "k", .extra = "{}", .payload = "x" }, "{\"alg\":\"ES256\",\"kid\":\"k\"}" },
		{ { .kid = "k", .extra = "{\"typ\":\"at+jwt\",\"n\":1.0e2,\"o\":{\"b\":[true,null]}}", .payload = "{}" },
			"{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"at+jwt\",\"n\":1.0e2,\"o\":{\"b\":[true,null]}}" },
		{ { .extra = "{\"cty\":\"application/json/extra\"}", .payload = "x" }, "{\"alg\":\"ES256\",\"cty\":\"application/json/extra\"}" },
		{ { .typ = "example", .cty = "json", .extra = "{\"x5t\":\"AA\"}", .payload = "x" },
			"{\"alg\":\"ES256\",\"typ\":\"example\",\"cty\":\"json\",\"x5t\":\"AA\"}" },
		{ { .extra = "{\"exp\":1,\"crit\":[\"exp\",\"http://a/b\"],\"http://a/b\":true}", .payload = "x" },
			"{\"alg\":\"ES256\",\"crit\":[\"exp\",\"http://a/b\"],\"exp\":1,\"http://a/b\":true}" },
		{ { .kid = "k", .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED, .payload = "x" },
			"{\"alg\":\"ES256\",\"kid\":\"k\",\"b64\":false,\"crit\":[\"b64\"]}" },
		{ { .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED, .extra = "{\"crit\":[\"exp\"],\"exp\":1}", .payload = "x" },
			"{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"exp\",\"b64\"],\"exp\":1}" },
	};
	struct jwk11_buf out = J11_BUF(4096), header = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		made(&rows[i].order, &s, &out);
		part(j11_buf_view(&out), 0, &header);
		assert_string_equal(jwk11_buf_data(&header), rows[i].header);
		part(j11_buf_view(&s.input), 0, &header);
		assert_string_equal(jwk11_buf_data(&header), rows[i].header);
	}
	j11_buf_done(&out);
	j11_buf_done(&header);
	j11_buf_done(&s.input);
}

/* An order that is refused, and its code. */
struct refusal {
	const char *comment;
	struct order order;
	const char *code;
};

static void refuses_each(const struct refusal *rows, size_t n)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };

	for (size_t i = 0; i < n; i++) {
		struct order o = rows[i].order;
		struct jwk11_err err = { 0 };

		o.form = JWK11_JWS_FLATTENED;
		o.payload = "x";
		if (make(&o, &s, &out, &err) != JWK11_ERR_SYNTAX || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s (%s)", rows[i].comment, err.code, err.text);
	}
	assert_int_equal(s.n, 0);
	assert_int_equal(out.len, 0);
	j11_buf_done(&out);
	j11_buf_done(&s.input);
}

/* Members by which somebody says which key, and types that are none. */
static void refuses_members_that_are_not_the_callers(void **state)
{
	static const struct refusal rows[] = {
		{ "protected header no object", { .extra = "[]" }, "MEMBER_TYPE" },
		{ "unprotected header no object", { .header = "\"x\"" }, "MEMBER_TYPE" },
		{ "alg", { .extra = "{\"alg\":\"none\"}" }, "HEADER_REFUSED" },
		{ "its own alg behind others", { .extra = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}" }, "HEADER_REFUSED" },
		{ "alg in other letters", { .extra = "{\"\\u0061lg\":\"ES256\"}" }, "HEADER_REFUSED" },
		{ "kid", { .extra = "{\"kid\":\"x\"}" }, "HEADER_REFUSED" },
		{ "b64", { .extra = "{\"b64\":false,\"crit\":[\"b64\"]}" }, "HEADER_REFUSED" },
		{ "jwk", { .extra = "{\"jwk\":{}}" }, "HEADER_REFUSED" },
		{ "jku", { .extra = "{\"jku\":\"https://a\"}" }, "HEADER_REFUSED" },
		{ "x5u", { .extra = "{\"x5u\":\"https://a\"}" }, "HEADER_REFUSED" },
		{ "x5c", { .extra = "{\"x5c\":[]}" }, "HEADER_REFUSED" },
		{ "unprotected alg", { .header = "{\"alg\":\"ES256\"}" }, "HEADER_REFUSED" },
		{ "unprotected kid", { .header = "{\"kid\":\"x\"}" }, "HEADER_REFUSED" },
		{ "unprotected jwk", { .header = "{\"jwk\":{}}" }, "HEADER_REFUSED" },
		{ "unprotected x5c", { .header = "{\"x5c\":[]}" }, "HEADER_REFUSED" },
		{ "unprotected b64", { .header = "{\"b64\":true}" }, "HEADER_REFUSED" },
		{ "unprotected crit", { .header = "{\"crit\":[\"x\"],\"x\":1}" }, "HEADER_REFUSED" },
		{ "in both", { .extra = "{\"x\":1}", .header = "{\"y\":1,\"x\":1}" }, "HEADER_REFUSED" },
		{ "typ a number", { .extra = "{\"typ\":5}" }, "HEADER_REFUSED" },
		{ "typ empty", { .extra = "{\"typ\":\"\"}" }, "HEADER_REFUSED" },
		{ "typ with application/", { .extra = "{\"typ\":\"application/at+jwt\"}" }, "HEADER_REFUSED" },
		{ "cty with Application/", { .extra = "{\"cty\":\"Application/json\"}" }, "HEADER_REFUSED" },
		{ "cty null", { .extra = "{\"cty\":null}" }, "HEADER_REFUSED" },
		{ "unprotected typ null", { .header = "{\"typ\":null}" }, "HEADER_REFUSED" },
		{ "typ asked for, empty", { .typ = "" }, "HEADER_REFUSED" },
		{ "cty asked for, with application/", { .cty = "application/json" }, "HEADER_REFUSED" },
		{ "typ twice", { .typ = "a", .extra = "{\"typ\":\"a\"}" }, "HEADER_REFUSED" },
		{ "cty in both headers", { .cty = "a", .header = "{\"cty\":\"a\"}" }, "HEADER_REFUSED" },
	};

	(void)state;
	refuses_each(rows, J11_COUNT(rows));
}

/* RFC 7515 4.1.11, RFC 7797 3, 6 and 7. */
static void refuses_what_crit_and_b64_do_not_allow(void **state)
{
	static const struct refusal rows[] = {
		{ "crit empty", { .extra = "{\"crit\":[]}" }, "HEADER_REFUSED" },
		{ "crit no list", { .extra = "{\"crit\":{\"x\":1},\"x\":1}" }, "HEADER_REFUSED" },
		{ "crit of no text", { .extra = "{\"crit\":[null],\"x\":1}" }, "HEADER_REFUSED" },
		{ "crit lists twice", { .extra = "{\"crit\":[\"x\",\"y\",\"x\"],\"x\":1,\"y\":1}" }, "HEADER_REFUSED" },
		{ "crit lists what is not there", { .extra = "{\"crit\":[\"x\"],\"y\":1}" }, "HEADER_REFUSED" },
		{ "crit lists what is unprotected", { .extra = "{\"crit\":[\"x\"]}", .header = "{\"x\":1}" }, "HEADER_REFUSED" },
		{ "crit lists a registered name", { .extra = "{\"crit\":[\"x5t\"],\"x5t\":\"AA\"}" }, "HEADER_REFUSED" },
		{ "crit lists what is written here", { .extra = "{\"crit\":[\"alg\"]}" }, "HEADER_REFUSED" },
		{ "crit lists b64, which is asked for otherwise", { .extra = "{\"crit\":[\"b64\"]}", .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED },
			"HEADER_REFUSED" },
		{ "unencoded and not detached", { .flags = JWK11_JWS_UNENCODED }, "HEADER_REFUSED" },
		{ "an unencoded JWT", { .typ = "JWT", .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED }, "HEADER_REFUSED" },
		{ "another one", { .extra = "{\"typ\":\"dpop+JWT\"}", .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED }, "HEADER_REFUSED" },
		{ "a third one", { .header = "{\"typ\":\"jwt\"}", .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED }, "HEADER_REFUSED" },
	};

	(void)state;
	refuses_each(rows, J11_COUNT(rows));
}

static void a_payload_is_needed(void **state)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };
	struct jwk11_err err = { 0 };
	struct order o = { .payload = NULL };

	(void)state;
	assert_int_equal(make(&o, &s, &out, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.code, "MEMBER_MISSING");
	assert_string_equal(err.text, "the payload is missing");
	assert_int_equal(s.n + out.len, 0);
}

/* eyJhbGciOiJFUzI1NiJ9 is {"alg":"ES256"}, eyJhbGciOiJFUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19 {"alg":"ES256","b64":false,"crit":["b64"]};
 * JC4wMg is $.02. */
#define ENCODED "eyJhbGciOiJFUzI1NiJ9"
#define UNENCODED "eyJhbGciOiJFUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19"
#define SIGNATURE "AQIDBAUGBwgJ"

static void each_serialization_has_its_exact_text(void **state)
{
	static const struct {
		struct order order;
		const char *input, *text;
	} rows[] = {
		{ { .form = JWK11_JWS_COMPACT }, ENCODED ".JC4wMg", ENCODED ".JC4wMg." SIGNATURE },
		{ { .form = JWK11_JWS_COMPACT, .flags = JWK11_JWS_DETACHED }, ENCODED ".JC4wMg", ENCODED ".." SIGNATURE },
		{ { .form = JWK11_JWS_COMPACT, .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED }, UNENCODED ".$.02", UNENCODED ".." SIGNATURE },
		{ { .form = JWK11_JWS_FLATTENED }, ENCODED ".JC4wMg",
			"{\"payload\":\"JC4wMg\",\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}" },
		{ { .form = JWK11_JWS_FLATTENED, .header = "{}" }, ENCODED ".JC4wMg",
			"{\"payload\":\"JC4wMg\",\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}" },
		{ { .form = JWK11_JWS_FLATTENED, .header = "{ \"a\":[1.50], \"\\u0062\" : \"\\/\" }" }, ENCODED ".JC4wMg",
			"{\"payload\":\"JC4wMg\",\"protected\":\"" ENCODED "\",\"header\":{\"a\":[1.50],\"b\":\"/\"},\"signature\":\"" SIGNATURE "\"}" },
		{ { .form = JWK11_JWS_FLATTENED, .flags = JWK11_JWS_DETACHED }, ENCODED ".JC4wMg",
			"{\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}" },
		{ { .form = JWK11_JWS_FLATTENED, .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED }, UNENCODED ".$.02",
			"{\"protected\":\"" UNENCODED "\",\"signature\":\"" SIGNATURE "\"}" },
		{ { .form = JWK11_JWS_GENERAL, .header = "{\"a\":1}" }, ENCODED ".JC4wMg",
			"{\"payload\":\"JC4wMg\",\"signatures\":[{\"protected\":\"" ENCODED "\",\"header\":{\"a\":1},\"signature\":\"" SIGNATURE "\"}]}" },
		{ { .form = JWK11_JWS_GENERAL, .flags = JWK11_JWS_DETACHED }, ENCODED ".JC4wMg",
			"{\"signatures\":[{\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}]}" },
	};
	struct jwk11_buf out = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };
	struct jwk11_view payload = J11_VIEW("$.02");

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_buf again = J11_BUF(4096);
		struct order o = rows[i].order;
		struct jwk11_jws *jws = NULL;

		o.payload = "$.02";
		made(&o, &s, &out);
		assert_string_equal(s.input.data, rows[i].input);
		assert_string_equal(out.data, rows[i].text);
		/* and whoever takes it apart sees the same */
		assert_int_equal(jwk11_jws_read(j11_buf_view(&out), o.flags & JWK11_JWS_DETACHED ? &payload : NULL, &jws, NULL), JWK11_OK);
		assert_int_equal(jwk11_jws_get_form(jws), o.form);
		assert_true(j11_view_equal(jwk11_jws_payload(jws), payload));
		j11_jws_add_input(jws, 0, &again);
		assert_string_equal(again.data, rows[i].input);
		jwk11_jws_free(jws);
		j11_buf_done(&again);
	}
	j11_buf_done(&out);
	j11_buf_done(&s.input);
}

static void the_compact_form_has_no_unprotected_header(void **state)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };
	struct jwk11_err err = { 0 };
	struct order o = { .header = "{\"a\":1}", .payload = "x" };

	(void)state;
	assert_int_equal(make(&o, &s, &out, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.code, "HEADER_REFUSED");
	assert_string_equal(err.text, "unprotected header: the compact serialization has none");
	o.form = JWK11_JWS_GENERAL;
	made(&o, &s, &out);
	j11_buf_done(&out);
	j11_buf_done(&s.input);
}

/* ---- a key in the header ---- */

static void the_public_key_takes_the_place_of_kid(void **state)
{
	struct jwk11_buf out = J11_BUF(4096), header = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };
	struct jwk11_pub *pub = NULL;
	struct order o = { .kid = "k", .payload = "x" };
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7515-a3-es256.json");
	assert_int_equal(jwk11_pub_from_jwk(j11_json_get(v.root, "jwk")->raw, &pub, NULL), JWK11_OK);
	o.jwk = pub;
	made(&o, &s, &out);
	part(j11_buf_view(&out), 0, &header);
	assert_string_equal(jwk11_buf_data(&header), "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
		"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}}");
	jwk11_pub_unref(pub);
	vector_done(&v);
	j11_buf_done(&out);
	j11_buf_done(&header);
	j11_buf_done(&s.input);
}

/* RFC 7515 4.1.6: plain base64 with padding, in the order given. */
static void certificates_are_plain_base64(void **state)
{
	struct jwk11_chain chain = { .der = { J11_VIEW("\xfb\xff\xfe\x01"), J11_VIEW("second") }, .n = 2 };
	struct jwk11_buf out = J11_BUF(4096), header = J11_BUF(4096), big = J11_BUF(2 * J11_JWS_HEADER_MAX);
	struct signer s = { .input = J11_BUF(4096) };
	struct order o = { .kid = "k", .payload = "x", .x5c = &chain };

	(void)state;
	made(&o, &s, &out);
	part(j11_buf_view(&out), 0, &header);
	assert_string_equal(jwk11_buf_data(&header), "{\"alg\":\"ES256\",\"kid\":\"k\",\"x5c\":[\"+//+AQ==\",\"c2Vjb25k\"]}");
	memset(j11_buf_grow(&big, J11_JWS_HEADER_MAX), 'c', J11_JWS_HEADER_MAX);
	chain.der[1] = j11_buf_view(&big);
	assert_int_equal(make(&o, &s, &out, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&out);
	j11_buf_done(&header);
	j11_buf_done(&big);
	j11_buf_done(&s.input);
}

/* ---- a signature more ---- */

static void the_signatures_that_are_there_stay_as_they_are(void **state)
{
	static const struct {
		const char *onto, *payload, *text;
		unsigned flags;
	} rows[] = {
		{ "eyJhbGciOiJSUzI1NiJ9.JC4wMg.AA", NULL, "{\"payload\":\"JC4wMg\",\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\","
			"\"signature\":\"AA\"},{\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}]}", 0 },
		{ "{\"payload\":\"JC4wMg\",\"x\":1,\"header\":{\"alg\":\"unheard\", \"n\":1.50},\"signature\":\"AA\"}", "$.02",
			"{\"payload\":\"JC4wMg\",\"signatures\":[{\"header\":{\"alg\":\"unheard\",\"n\":1.50},\"signature\":\"AA\"},"
			"{\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}]}", 0 },
		/* {"alg":"ES256","crit":["exp"],"exp":1363284000} */
		{ "{\"signatures\":[{\"protected\":\"eyJhbGciOiJFUzI1NiIsImNyaXQiOlsiZXhwIl0sImV4cCI6MTM2MzI4NDAwMH0\",\"signature\":\"AA\"},"
			"{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{\"kid\":\"k\"},\"signature\":\"Zm9v\"}]}", "$.02",
			"{\"signatures\":[{\"protected\":\"eyJhbGciOiJFUzI1NiIsImNyaXQiOlsiZXhwIl0sImV4cCI6MTM2MzI4NDAwMH0\",\"signature\":\"AA\"},"
			"{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{\"kid\":\"k\"},\"signature\":\"Zm9v\"},"
			"{\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}]}", JWK11_JWS_DETACHED },
		{ "eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..AA", "$.02", "{\"signatures\":["
			"{\"protected\":\"eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19\",\"signature\":\"AA\"},"
			"{\"protected\":\"" UNENCODED "\",\"signature\":\"" SIGNATURE "\"}]}", JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED },
		/* a payload that was carried may be left out, and one that was detached put in */
		{ "eyJhbGciOiJSUzI1NiJ9.JC4wMg.AA", NULL, "{\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\","
			"\"signature\":\"AA\"},{\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}]}", JWK11_JWS_DETACHED },
		{ "eyJhbGciOiJSUzI1NiJ9..AA", "$.02", "{\"payload\":\"JC4wMg\",\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\","
			"\"signature\":\"AA\"},{\"protected\":\"" ENCODED "\",\"signature\":\"" SIGNATURE "\"}]}", 0 },
	};
	struct jwk11_buf out = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct order o = { .form = JWK11_JWS_GENERAL, .flags = rows[i].flags, .onto = rows[i].onto, .payload = rows[i].payload };

		made(&o, &s, &out);
		assert_string_equal(out.data, rows[i].text);
		assert_string_equal(s.input.data, o.flags & JWK11_JWS_UNENCODED ? UNENCODED ".$.02" : ENCODED ".JC4wMg");
	}
	j11_buf_done(&out);
	j11_buf_done(&s.input);
}

static void refuses_a_signature_that_does_not_belong_there(void **state)
{
	static const char attached[] = "eyJhbGciOiJSUzI1NiJ9.JC4wMg.AA", detached[] = "eyJhbGciOiJSUzI1NiJ9..AA";
	static const char unencoded[] = "eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..AA";
	static const struct {
		const char *comment;
		struct order order;
		enum jwk11_rc rc;
		const char *code;
	} rows[] = {
		{ "compact", { .form = JWK11_JWS_COMPACT, .onto = attached }, JWK11_ERR_SYNTAX, "ARGUMENT" },
		{ "flattened", { .form = JWK11_JWS_FLATTENED, .onto = attached }, JWK11_ERR_SYNTAX, "ARGUMENT" },
		{ "another payload", { .form = JWK11_JWS_GENERAL, .onto = attached, .payload = "$.03" }, JWK11_ERR_MISMATCH, "MISMATCH" },
		{ "no payload", { .form = JWK11_JWS_GENERAL, .onto = attached, .payload = "" }, JWK11_ERR_MISMATCH, "MISMATCH" },
		{ "none anywhere", { .form = JWK11_JWS_GENERAL, .onto = detached }, JWK11_ERR_SYNTAX, "MEMBER_MISSING" },
		{ "unencoded to encoded", { .form = JWK11_JWS_GENERAL, .onto = attached, .flags = JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED }, JWK11_ERR_SYNTAX,
			"HEADER_REFUSED" },
		{ "encoded to unencoded", { .form = JWK11_JWS_GENERAL, .onto = unencoded, .payload = "$.02" }, JWK11_ERR_SYNTAX, "HEADER_REFUSED" },
	};
	struct jwk11_buf out = J11_BUF(4096), full = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };
	struct order o = { .form = JWK11_JWS_GENERAL };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_err err = { 0 };

		if (make(&rows[i].order, &s, &out, &err) != rows[i].rc || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s (%s)", rows[i].comment, err.code, err.text);
	}
	assert_int_equal(s.n, 0);
	assert_int_equal(out.len, 0);
	j11_buf_add_str(&full, "{\"payload\":\"AA\",\"signatures\":[");
	for (unsigned i = 0; i < J11_JWS_SIGNATURES_MAX - 1; i++)
		j11_buf_add_fmt(&full, "%s{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AA\"}", i ? "," : "");
	j11_buf_add_str(&full, "]}");
	o.onto = full.data;
	made(&o, &s, &out);
	j11_buf_done(&full);
	full = out;
	out = J11_BUF(4096);
	o.onto = full.data;
	assert_int_equal(make(&o, &s, &out, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&out);
	j11_buf_done(&full);
	j11_buf_done(&s.input);
}

/* ---- limits and failures ---- */

static void long_parts_are_a_limit(void **state)
{
	struct jwk11_buf payload = J11_BUF(2 * J11_JWS_PAYLOAD_MAX), out = J11_BUF(J11_JWS_MAX), big = J11_BUF(40000);
	struct signer s = { .input = J11_BUF(J11_JWS_MAX) };
	struct jwk11_err err = { 0 };
	struct order o = { .kid = "k" };
	char *place;

	(void)state;
	place = j11_buf_grow(&payload, J11_JWS_PAYLOAD_MAX + 1);
	memset(place, 'p', J11_JWS_PAYLOAD_MAX + 1);
	o.payload = payload.data;
	assert_int_equal(make(&o, &s, &out, &err), JWK11_ERR_LIMIT);
	assert_string_equal(err.code, "INPUT_TOO_LONG");
	j11_buf_cut(&payload, J11_JWS_PAYLOAD_MAX);
	made(&o, &s, &out);
	o.form = JWK11_JWS_GENERAL;
	made(&o, &s, &out);
	j11_buf_done(&out);
	out = J11_BUF(1000);
	j11_buf_add_str(&out, "kept");
	assert_int_equal(make(&o, &s, &out, NULL), JWK11_ERR_LIMIT);
	assert_string_equal(out.data, "kept");
	j11_buf_add_fmt(&big, "{\"x\":\"%0*d\"}", J11_JWS_HEADER_MAX, 0);
	o = (struct order){ .extra = big.data, .payload = "x" };
	assert_int_equal(make(&o, &s, &out, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&out);
	j11_buf_done(&big);
	j11_buf_done(&payload);
	j11_buf_done(&s.input);
}

static void a_signer_that_fails_leaves_nothing(void **state)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096), .rc = JWK11_ERR_DEVICE };
	struct order o = { .form = JWK11_JWS_FLATTENED, .payload = "x" };
	struct jwk11_err err = { 0 };

	(void)state;
	j11_buf_add_str(&out, "kept");
	assert_int_equal(make(&o, &s, &out, &err), JWK11_ERR_DEVICE);
	assert_string_equal(err.code, "TOKEN_FAILED");
	assert_string_equal(out.data, "kept");
	assert_int_equal(s.n, 1);
	j11_buf_done(&out);
	j11_buf_done(&s.input);
}

static enum jwk11_rc make_once(void *arg)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct signer s = { .input = J11_BUF(4096) };
	enum jwk11_rc rc = make(arg, &s, &out, NULL);

	assert_true(rc == JWK11_OK || out.len == 0);
	j11_buf_done(&out);
	j11_buf_done(&s.input);
	return rc;
}

static void survives_each_failed_allocation(void **state)
{
	static const struct jwk11_chain chain = { .der = { J11_VIEW("certificate") }, .n = 1 };
	struct order o = { .kid = "k", .form = JWK11_JWS_GENERAL, .extra = "{\"crit\":[\"x\"],\"x\":1}", .header = "{\"y\":1}", .payload = "$.02",
		.onto = "eyJhbGciOiJSUzI1NiJ9.JC4wMg.AA", .x5c = &chain };

	(void)state;
	each_allocation_fails(make_once, &o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_holds_what_is_asked_for_in_order),
		cmocka_unit_test(refuses_members_that_are_not_the_callers),
		cmocka_unit_test(refuses_what_crit_and_b64_do_not_allow),
		cmocka_unit_test(a_payload_is_needed),
		cmocka_unit_test(each_serialization_has_its_exact_text),
		cmocka_unit_test(the_compact_form_has_no_unprotected_header),
		cmocka_unit_test(the_public_key_takes_the_place_of_kid),
		cmocka_unit_test(certificates_are_plain_base64),
		cmocka_unit_test(the_signatures_that_are_there_stay_as_they_are),
		cmocka_unit_test(refuses_a_signature_that_does_not_belong_there),
		cmocka_unit_test(long_parts_are_a_limit),
		cmocka_unit_test(a_signer_that_fails_leaves_nothing),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
