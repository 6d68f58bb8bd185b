/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP request parser and the readers of header values: what is taken, what is refused, and that the way the octets were cut into reads
 * makes no difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http_media.h"
#include "http_parse.h"
#include "http_reply.h"

#define GOOD J11_N_CODE_ /* parsed */
#define MORE (J11_N_CODE_ + 1)
#define H "Host: x\r\n"
#define TEXT(s) s, sizeof(s) - 1

struct sample {
	const char *octets;
	size_t len;
	unsigned want; /* a code, GOOD or MORE */
	const char *comment;
};
static const struct sample samples[] = {
	{ TEXT("GET / HTTP/1.1\r\n" H "\r\n"), GOOD, "the smallest" },
	{ TEXT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), GOOD, "an empty Host is one Host" },
	{ TEXT("GET / HTTP/1.1\r\nhOsT: [::1]:80\r\n\r\n"), GOOD, "names in any case, Host of any value" },
	{ TEXT("POST /v1/keys/k/sign HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}"), GOOD, "with a body" },
	{ TEXT("PUT /v1/transit/sign/k HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}"), GOOD, "PUT with a body" },
	{ TEXT("BREW /pot HTTP/1.1\r\n" H "\r\n"), GOOD, "another method is the router's affair" },
	{ TEXT("GET /a%20b/%C3%A4?q=%2F&r=? HTTP/1.1\r\n" H "\r\n"), GOOD, "escapes, UTF-8, a query" },
	{ TEXT("GET / HTTP/1.1\r\nX: \xff\xfe\r\n" H "\r\n"), GOOD, "obs-text in a value is opaque" },
	{ TEXT("GET / HTTP/1.1\r\nX:\t a \t\r\n" H "\r\n"), GOOD, "blanks around a value" },
	{ TEXT("GET / HTTP/1.1\r\nConnection: a\r\nConnection: b, close\r\n" H "\r\n"), GOOD, "a list in two lines" },
	{ TEXT("GET / HTTP/1.1\r\n" H "TE: trailers\r\n\r\n"), GOOD, "TE without chunked" },
	{ TEXT(""), MORE, "nothing" },
	{ TEXT("GET / HTTP/1.1\r\n" H), MORE, "no empty line yet" },
	{ TEXT("GET / HTTP/1.1\r\n" H "\r"), MORE, "half an empty line" },

	/* notes: raw probes of other parsers, line by line */
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), J11_CODE_HTTP_MALFORMED, "two different lengths" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), J11_CODE_HTTP_MALFORMED, "two equal lengths" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 2, 2\r\n\r\n{}"), J11_CODE_HTTP_MALFORMED, "a list of lengths" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "length and coding" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "coding and length" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), J11_CODE_HTTP_NOT_IMPLEMENTED, "chunked" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"), J11_CODE_HTTP_NOT_IMPLEMENTED, "gzip, chunked" },
	{ TEXT("POST / HTTP/1.1\r\n" H "TE: gzip, chunked\r\n\r\n"), J11_CODE_HTTP_NOT_IMPLEMENTED, "chunked in TE" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: +2\r\n\r\n{}"), J11_CODE_HTTP_MALFORMED, "length with a sign" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 0x2\r\n\r\n{}"), J11_CODE_HTTP_MALFORMED, "length in hexadecimal" },
	{ TEXT("GET / HTTP/1.1\r\nX: a\0b\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "NUL in a value" },
	{ TEXT("GET / HTTP/1.1\r\nX\0: a\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "NUL in a name" },
	{ TEXT("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "blank before the colon" },
	{ TEXT("GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "obs-fold" },
	{ TEXT("GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "obs-fold with a tab" },
	{ TEXT("GET / HTTP/1.1\nHost: x\n\n"), J11_CODE_HTTP_MALFORMED, "bare LF everywhere" },
	{ TEXT("GET / HTTP/1.1\r\nHost: x\n\r\n"), J11_CODE_HTTP_MALFORMED, "bare LF behind a field" },
	{ TEXT("GET / HTTP/1.1\r\n" H "\n"), J11_CODE_HTTP_MALFORMED, "bare LF as the empty line" },
	{ TEXT("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "two Hosts" },
	{ TEXT("GET /a%00b HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "escaped NUL" },
	{ TEXT("GET / HTTP/1.9\r\n" H "\r\n"), J11_CODE_HTTP_VERSION, "HTTP/1.9" },

	/* request line */
	{ TEXT("GET / HTTP/1.0\r\n" H "\r\n"), J11_CODE_HTTP_VERSION, "HTTP/1.0" },
	{ TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), J11_CODE_HTTP_VERSION, "the preface of HTTP/2" },
	{ TEXT("GET / http/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "version in small letters" },
	{ TEXT("GET / HTTP/1.11\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "version with two digits" },
	{ TEXT("GET /\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "HTTP/0.9" },
	{ TEXT("\r\nGET / HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "an empty line first" },
	{ TEXT(" GET / HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a blank first" },
	{ TEXT("GET  / HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "two blanks" },
	{ TEXT("GET\t/\tHTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "tabs" },
	{ TEXT("GET / HTTP/1.1 \r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a blank at the end" },
	{ TEXT("GET / x HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a blank in the target" },
	{ TEXT("G(T / HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a method that is no word" },
	{ TEXT("GET http://x/ HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "absolute form" },
	{ TEXT("OPTIONS * HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "asterisk form" },
	{ TEXT("CONNECT x:80 HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "authority form" },
	{ TEXT("GET /#f HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a fragment" },
	{ TEXT("GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a raw octet above 7f" },
	{ TEXT("GET /a\\b HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a backslash" },
	{ TEXT("GET /a%2Fb HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "escaped slash" },
	{ TEXT("GET /a%2fb HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "escaped slash, small letter" },
	{ TEXT("GET /a%0Ab HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "escaped newline" },
	{ TEXT("GET /a%7f HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "escaped DEL" },
	{ TEXT("GET /%C3 HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "half a UTF-8 character" },
	{ TEXT("GET /%C0%AF HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "an overlong slash" },
	{ TEXT("GET /%ED%A0%80 HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a surrogate" },
	{ TEXT("GET /% HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a lone percent sign" },
	{ TEXT("GET /%4 HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "half an escape" },
	{ TEXT("GET /%zz HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "an escape of letters" },
	{ TEXT("GET /?%zz HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a bad escape in the query" },
	{ TEXT("GET /?a\"b HTTP/1.1\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a quote in the query" },

	/* fields */
	{ TEXT("GET / HTTP/1.1\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "no Host" },
	{ TEXT("GET / HTTP/1.1\r\n X: a\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a blank before the first field" },
	{ TEXT("GET / HTTP/1.1\r\nX\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "no colon" },
	{ TEXT("GET / HTTP/1.1\r\n: a\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "no name" },
	{ TEXT("GET / HTTP/1.1\r\nX\x80: a\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a name with obs-text" },
	{ TEXT("GET / HTTP/1.1\r\nX: a\rb\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "a bare CR" },
	{ TEXT("GET / HTTP/1.1\r\nX: a\r\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "two CRs" },
	{ TEXT("GET / HTTP/1.1\r\nX: \x7f\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "DEL in a value" },
	{ TEXT("GET / HTTP/1.1\r\nX: \x1b[m\r\n" H "\r\n"), J11_CODE_HTTP_MALFORMED, "escape sequence in a value" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "empty length" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "negative length" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "length with a blank" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 02\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "length with a leading zero" },
	{ TEXT("GET / HTTP/1.1\r\n" H "Accept: a/b\r\nAccept: c/d\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "two Accepts" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n"), J11_CODE_HTTP_MALFORMED, "two types" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n"), J11_CODE_HTTP_NOT_IMPLEMENTED, "another expectation" },
};

/* The outcome as one number. */
static unsigned outcome(const char *octets, size_t len, struct http_request *http)
{
	struct http_refusal refusal = { .code = J11_CODE_INTERNAL };
	enum http_result result = http_parse((struct jwk11_view){ .data = octets, .len = len }, http, &refusal);

	if (result == HTTP_REFUSED) {
		assert_non_null(refusal.reason);
		assert_true(refusal.reason[0] != '\0');
	}
	return result == HTTP_DONE ? GOOD : result == HTTP_NEED_MORE ? MORE : refusal.code;
}

static void takes_and_refuses_by_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(samples); i++) {
		struct http_request http;
		unsigned got = outcome(samples[i].octets, samples[i].len, &http);

		if (got != samples[i].want)
			fail_msg("%s: %s, not %s", samples[i].comment, got < J11_N_CODE_ ? j11_code_name((enum j11_code)got) : got == GOOD ? "good" : "more",
				samples[i].want < J11_N_CODE_ ? j11_code_name((enum j11_code)samples[i].want) : "good or more");
	}
}

static void gives_the_same_answer_octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(samples); i++) {
		struct http_request http;
		unsigned got = MORE;

		for (size_t n = 0; n <= samples[i].len && got == MORE; n++) {
			char copy[512]; /* at its exact end, so that a sanitizer sees a read past it */
			char *start = copy + sizeof(copy) - n;

			assert_true(n <= sizeof(copy));
			memcpy(start, samples[i].octets, n);
			got = outcome(start, n, &http);
		}
		if (got != samples[i].want)
			fail_msg("octet by octet: %s", samples[i].comment);
	}
}

static void fills_the_request(void **state)
{
	static const char text[] = "POST /v1/keys/a%20b/sign?x=1?2 HTTP/1.1\r\nHost: h\r\naccept: a/b ;q=1\r\nContent-Type:application/json\r\n"
		"If-None-Match: \"t\"\r\nRequest-Id: id-1\r\nExpect: 100-Continue\r\nConnection: x , Close\r\nContent-Length: 17\r\n\r\nbody";
	struct http_request http;

	(void)state;
	assert_int_equal(outcome(text, sizeof(text) - 1, &http), GOOD);
	assert_int_equal(http.method, HTTP_POST);
	assert_true(j11_view_equals(http.path, "/v1/keys/a%20b/sign"));
	assert_true(j11_view_equals(http.query, "x=1?2"));
	assert_true(j11_view_equals(http.accept, "a/b ;q=1"));
	assert_true(j11_view_equals(http.content_type, "application/json"));
	assert_true(j11_view_equals(http.if_none_match, "\"t\""));
	assert_true(j11_view_equals(http.request_id, "id-1"));
	assert_true(http.expect_continue && http.close && http.has_length);
	assert_int_equal(http.body_len, 17);
	assert_int_equal(http.head_len, sizeof(text) - 1 - 4);
}

static void tells_methods_apart(void **state)
{
	static const struct {
		const char *word;
		enum http_method method;
	} cases[] = { { "GET", HTTP_GET }, { "HEAD", HTTP_HEAD }, { "POST", HTTP_POST }, { "PUT", HTTP_PUT }, { "put", HTTP_OTHER }, { "PUTS", HTTP_OTHER },
		{ "PU", HTTP_OTHER }, { "LIST", HTTP_OTHER }, { "DELETE", HTTP_OTHER } };
	struct http_request http;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int len = snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: h\r\n\r\n", cases[i].word);

		assert_int_equal(outcome(text, (size_t)len, &http), GOOD);
		assert_int_equal(http.method, cases[i].method);
	}
}

static void leaves_what_was_not_sent_empty(void **state)
{
	struct http_request http;

	(void)state;
	assert_int_equal(outcome(TEXT("HEAD /x HTTP/1.1\r\n" H "\r\n"), &http), GOOD);
	assert_int_equal(http.method, HTTP_HEAD);
	assert_null(http.query.data);
	assert_null(http.accept.data);
	assert_null(http.content_type.data);
	assert_false(http.has_length || http.close || http.expect_continue);
	assert_int_equal(http.body_len, 0);
}

static void saturates_a_huge_length(void **state)
{
	struct http_request http;

	(void)state;
	assert_int_equal(outcome(TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999999\r\n\r\n"), &http), GOOD);
	assert_true(http.body_len == UINT64_MAX);
	assert_int_equal(outcome(TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n"), &http), GOOD);
	assert_true(http.body_len == UINT64_MAX);
}

static void stops_at_8192_octets_of_head(void **state)
{
	static const char start[] = "GET / HTTP/1.1\r\n" H "X: ";
	char text[HTTP_HEAD_MAX + 64];
	struct http_request http;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(outcome(text, HTTP_HEAD_MAX, &http), GOOD);
	assert_int_equal(http.head_len, HTTP_HEAD_MAX);
	assert_int_equal(outcome(text, HTTP_HEAD_MAX - 1, &http), MORE);
	memset(text + HTTP_HEAD_MAX - 4, 'a', 4);
	memcpy(text + HTTP_HEAD_MAX - 3, "\r\n\r\n", 4);
	assert_int_equal(outcome(text, HTTP_HEAD_MAX - 1, &http), MORE);
	assert_int_equal(outcome(text, HTTP_HEAD_MAX, &http), J11_CODE_HTTP_HEAD_TOO_LARGE);
	assert_int_equal(outcome(text, HTTP_HEAD_MAX + 1, &http), J11_CODE_HTTP_HEAD_TOO_LARGE);
}

static void stops_at_100_fields(void **state)
{
	struct jwk11_buf buf = J11_BUF(HTTP_HEAD_MAX);
	struct http_request http;

	(void)state;
	j11_buf_add_str(&buf, "GET / HTTP/1.1\r\n" H);
	for (unsigned i = 1; i < HTTP_FIELDS_MAX; i++)
		j11_buf_add_str(&buf, "a:\r\n");
	j11_buf_add_str(&buf, "\r\n");
	assert_int_equal(outcome(buf.data, buf.len, &http), GOOD);
	j11_buf_cut(&buf, buf.len - 2);
	j11_buf_add_str(&buf, "a:\r\n\r\n");
	assert_int_equal(outcome(buf.data, buf.len, &http), J11_CODE_HTTP_HEAD_TOO_LARGE);
	j11_buf_done(&buf);
}

static void writes_nothing_on_refusal(void **state)
{
	struct http_request http;

	(void)state;
	memset(&http, 0x5a, sizeof(http));
	outcome(TEXT("GET / HTTP/1.1\r\n\r\n"), &http);
	for (size_t i = 0; i < sizeof(http); i++)
		assert_int_equal(((unsigned char *)&http)[i], 0x5a);
}

static void cuts_a_path_into_segments(void **state)
{
	struct jwk11_view path = J11_VIEW("/v1//%41%2541/"), part;
	char text[8];

	(void)state;
	assert_true(http_next_segment(&path, &part) && j11_view_equals(part, "v1"));
	assert_true(http_next_segment(&path, &part) && part.len == 0);
	assert_true(http_next_segment(&path, &part) && j11_view_equals(part, "%41%2541"));
	assert_true(http_unescape(part, text, sizeof(text)));
	assert_string_equal(text, "A%41"); /* once, not twice */
	assert_false(http_unescape(part, text, 4));
	assert_true(http_unescape(part, text, 5));
	assert_true(http_next_segment(&path, &part) && part.len == 0);
	assert_false(http_next_segment(&path, &part));
}

static void chooses_a_media_type(void **state)
{
	static const char *const types[] = { "application/jose", "application/json" };
	static const struct {
		const char *accept;
		int want;
	} rows[] = {
		{ NULL, 0 }, { "", 0 }, { "*/*", 0 }, { "application/*", 0 }, { "application/json", 1 }, { "APPLICATION/JSON", 1 },
		{ "application/json, application/jose", 0 }, { "application/json, text/plain, */*", 1 },
		{ "application/jose;q=0.5, application/json", 1 },
		{ "application/json;q=0, */*", 0 }, { "application/jose;q=0", -1 }, { "text/html", -1 }, { "application/jose;q=0, */*;q=0.1", 1 },
		{ "text/html;level=1, application/json;v=1;q=0.001", 1 }, { "application/json;q=2", -1 }, { "application/json;q=0.1234", -1 },
		{ "application/json;q=", -1 }, { ",, application/json ,", 1 }, { "application/jsonx", -1 }, { "*", -1 }, { ";q=1", -1 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_view accept = { .data = rows[i].accept, .len = rows[i].accept != NULL ? strlen(rows[i].accept) : 0 };
		int got = http_media_choose(accept, types, 2);

		if (got != rows[i].want)
			fail_msg("Accept: %s gives %d", rows[i].accept, got);
	}
}

static void knows_json_by_its_type(void **state)
{
	static const char *const good[] = { "application/json", "Application/JSON", "application/json; charset=utf-8",
		"application/json;charset=\"UTF-8\"" };
	static const char *const bad[] = { "", "text/json", "application/jsonx", "application/json;", "application/json; charset=latin1",
		"application/json; charset=utf-8; x=1", "application/json, text/plain", "application/jose+json", "application/x-www-form-urlencoded" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(good); i++)
		if (!http_media_is_json(j11_view_str(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < J11_COUNT(bad); i++)
		if (http_media_is_json(j11_view_str(bad[i])))
			fail_msg("taken: %s", bad[i]);
}

static void compares_entity_tags(void **state)
{
	(void)state;
	assert_true(http_media_has_tag(J11_VIEW("\"a\""), "\"a\""));
	assert_true(http_media_has_tag(J11_VIEW("W/\"a\""), "\"a\""));
	assert_true(http_media_has_tag(J11_VIEW("\"b\" , \"a\""), "\"a\""));
	assert_true(http_media_has_tag(J11_VIEW("*"), "\"a\""));
	assert_false(http_media_has_tag(J11_VIEW("\"b\""), "\"a\""));
	assert_false(http_media_has_tag(J11_VIEW("a"), "\"a\""));
	assert_false(http_media_has_tag(J11_VIEW(""), "\"a\""));
}

static void makes_entity_tags(void **state)
{
	char a[HTTP_TAG_MAX], b[HTTP_TAG_MAX];

	(void)state;
	http_media_make_tag(J11_VIEW(""), "", a); /* the offset basis of FNV-1a, 128 bits */
	assert_string_equal(a, "\"6c62272e07bb014262b821756295c58d\"");
	http_media_make_tag(J11_VIEW("a"), "", a);
	assert_string_equal(a, "\"d228cb696f1a8caf78912b704e4a8964\"");
	http_media_make_tag(J11_VIEW("a"), "-set", b);
	assert_string_equal(b, "\"d228cb696f1a8caf78912b704e4a8964-set\"");
	assert_false(http_media_has_tag(j11_view_str(a), b));
}

static void accepts_only_sane_request_ids(void **state)
{
	char text[66];

	(void)state;
	assert_true(http_media_is_id(J11_VIEW("a.B-9_")));
	assert_false(http_media_is_id(J11_VIEW("")));
	assert_false(http_media_is_id(J11_VIEW("a b")));
	assert_false(http_media_is_id(J11_VIEW("a\"")));
	memset(text, 'x', sizeof(text));
	assert_true(http_media_is_id((struct jwk11_view){ .data = text, .len = 64 }));
	assert_false(http_media_is_id((struct jwk11_view){ .data = text, .len = 65 }));
}

static void writes_a_reply(void **state)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct http_reply reply = { .status = 503, .type = "a/b", .body = J11_VIEW("xyz"), .cache_control = "no-store", .etag = "\"t\"",
		.allow = "GET", .request_id = "r", .vary = "Accept", .retry_after = 5, .close = true };

	(void)state;
	http_reply_write(&out, &reply);
	assert_string_equal(jwk11_buf_data(&out), "HTTP/1.1 503 Service Unavailable\r\nContent-Type: a/b\r\nContent-Length: 3\r\n"
		"Cache-Control: no-store\r\nETag: \"t\"\r\nVary: Accept\r\nAllow: GET\r\nRequest-Id: r\r\n"
		"Retry-After: 5\r\nConnection: close\r\n\r\nxyz");
	jwk11_buf_reset(&out);
	http_reply_write(&out, &(struct http_reply){ .status = 200, .type = "a/b", .body = J11_VIEW("xyz"), .head_only = true });
	assert_string_equal(jwk11_buf_data(&out), "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\n");
	jwk11_buf_reset(&out);
	http_reply_write(&out, &(struct http_reply){ .status = 304, .type = "a/b", .body = J11_VIEW("xyz"), .etag = "\"t\"" });
	assert_string_equal(jwk11_buf_data(&out), "HTTP/1.1 304 Not Modified\r\nETag: \"t\"\r\n\r\n");
	j11_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_and_refuses_by_the_table),
		cmocka_unit_test(gives_the_same_answer_octet_by_octet),
		cmocka_unit_test(fills_the_request),
		cmocka_unit_test(tells_methods_apart),
		cmocka_unit_test(leaves_what_was_not_sent_empty),
		cmocka_unit_test(saturates_a_huge_length),
		cmocka_unit_test(stops_at_8192_octets_of_head),
		cmocka_unit_test(stops_at_100_fields),
		cmocka_unit_test(writes_nothing_on_refusal),
		cmocka_unit_test(cuts_a_path_into_segments),
		cmocka_unit_test(chooses_a_media_type),
		cmocka_unit_test(knows_json_by_its_type),
		cmocka_unit_test(compares_entity_tags),
		cmocka_unit_test(makes_entity_tags),
		cmocka_unit_test(accepts_only_sane_request_ids),
		cmocka_unit_test(writes_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
