/* SPDX-License-Identifier: Apache-2.0 */
/* json: what the strict reader takes and refuses, field tables, writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "json/json_take.h"
#include "json/json_write.h"

static enum jwk11_rc read_text(struct jwk11_view text, struct j11_json_doc **doc, struct jwk11_err *err)
{
	return j11_json_read(text, NULL, "test", doc, err);
}

static void refuses_what_yajl_lets_through(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *code;
	} rows[] = {
#define ROW(text, code) { text, sizeof(text) - 1, code }
		ROW("{\"alg\":1,\"alg\":2}", "JSON_DUPLICATE"),
		ROW("{\"a\":1,\"\\u0061\":2}", "JSON_DUPLICATE"),
		ROW("[{\"x\":{\"y\":1,\"y\":1}}]", "JSON_DUPLICATE"),
		ROW("\"\xc0\xaf\"", "JSON_INVALID"),
		ROW("\"\xed\xa0\x80\"", "JSON_INVALID"),
		ROW("\"\\ud800\"", "JSON_INVALID"),
		ROW("\"\\udc00\"", "JSON_INVALID"),
		ROW("\"\\ud800\\u0041\"", "JSON_INVALID"),
		ROW("\"\\u0000\"", "JSON_INVALID"),
		ROW("{\"a\\u0000b\":1}", "JSON_INVALID"),
		ROW("\"a\0b\"", "JSON_INVALID"),
		ROW("\"a\nb\"", "JSON_INVALID"),
		ROW("{\"a\":1}/**/", "JSON_INVALID"),
		ROW("{\"a\":1} x", "JSON_INVALID"),
		ROW("\xef\xbb\xbf{}", "JSON_INVALID"),
		ROW("{\"a\":01}", "JSON_INVALID"),
		ROW("{\"a\":+1}", "JSON_INVALID"),
		ROW("{\"a\":NaN}", "JSON_INVALID"),
		ROW("{\"a\":1,}", "JSON_INVALID"),
		ROW("{'a':1}", "JSON_INVALID"),
		ROW("", "JSON_INVALID"),
		ROW("  ", "JSON_INVALID"),
		ROW("{\"a\":\"", "JSON_INVALID"),
		ROW("{", "JSON_INVALID"),
		ROW("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "LIMIT"),
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_json_doc *doc = NULL;
		struct jwk11_err err = { 0 };

		if (read_text((struct jwk11_view){ rows[i].text, rows[i].len }, &doc, &err) == JWK11_OK)
			fail_msg("row %zu was accepted: %s", i, rows[i].text);
		assert_string_equal(err.code, rows[i].code);
		assert_null(doc);
	}
}

static void keeps_order_numbers_and_raw_text(void **state)
{
	struct j11_json_doc *doc = NULL;
	const struct j11_json *root, *m;

	(void)state;
	assert_int_equal(read_text(J11_VIEW(" {\"b\":1.50,\"a\":{ \"x\" : [1,-2e3] },\"c\":\"\\ud83d\\ude00\\n\"} "), &doc, NULL), JWK11_OK);
	root = j11_json_root(doc);
	assert_int_equal(root->n_children, 3);
	assert_true(j11_view_equals(root->child->name, "b"));
	assert_true(j11_view_equals(root->child->text, "1.50"));
	m = j11_json_get(root, "a");
	assert_true(j11_view_equals(m->raw, "{ \"x\" : [1,-2e3] }"));
	assert_true(j11_view_equals(j11_json_get(m, "x")->raw, "[1,-2e3]"));
	assert_true(j11_view_equals(j11_json_get(root, "c")->text, "\xf0\x9f\x98\x80\n"));
	assert_null(j11_json_get(root, "d"));
	j11_json_free(doc);
}

static void holds_its_limits_exactly(void **state)
{
	struct j11_json_limits limits = { .max_len = 10, .max_depth = 2, .max_values = 3 };
	struct j11_json_doc *doc = NULL;

	(void)state;
	assert_int_equal(j11_json_read(J11_VIEW("[1,2]     "), &limits, "t", &doc, NULL), JWK11_OK);
	j11_json_free(doc);
	assert_int_equal(j11_json_read(J11_VIEW("[1,2]      "), &limits, "t", &doc, NULL), JWK11_ERR_LIMIT);
	assert_int_equal(j11_json_read(J11_VIEW("[1,2,3]"), &limits, "t", &doc, NULL), JWK11_ERR_LIMIT);
	assert_int_equal(j11_json_read(J11_VIEW("[[1]]"), &limits, "t", &doc, NULL), JWK11_OK);
	j11_json_free(doc);
	assert_int_equal(j11_json_read(J11_VIEW("[[[]]]"), &limits, "t", &doc, NULL), JWK11_ERR_LIMIT);
}

struct taken {
	struct jwk11_view text;
	int64_t number;
	bool flag;
	const struct j11_json *object, *any;
};

static const struct j11_json_field fields[] = {
	{ "text", J11_JSON_STRING, offsetof(struct taken, text), true },
	{ "number", J11_JSON_NUMBER, offsetof(struct taken, number), false },
	{ "flag", J11_JSON_BOOL, offsetof(struct taken, flag), false },
	{ "object", J11_JSON_OBJECT, offsetof(struct taken, object), false },
	{ "any", J11_JSON_ANY, offsetof(struct taken, any), false },
};

static void takes_members_by_table(void **state)
{
	static const struct {
		const char *text, *code;
	} rows[] = {
		{ "{\"text\":\"x\",\"number\":-5,\"flag\":true,\"object\":{}}", "" },
		{ "{\"number\":1}", "MEMBER_MISSING" },
		{ "{\"text\":1}", "MEMBER_TYPE" },
		{ "{\"text\":\"\",\"number\":1.5}", "MEMBER_TYPE" },
		{ "{\"text\":\"\",\"number\":1.50}", "MEMBER_TYPE" },
		{ "{\"text\":\"\",\"number\":1.0e0}", "MEMBER_TYPE" },
		{ "{\"text\":\"\",\"number\":100}", "" },
		{ "{\"text\":\"\",\"number\":100.00}", "" },
		{ "{\"text\":\"\",\"number\":0.0}", "" },
		{ "{\"text\":\"\",\"number\":9223372036854775808}", "MEMBER_TYPE" },
		{ "{\"text\":\"\",\"Number\":1}", "MEMBER_UNKNOWN" },
		{ "[]", "MEMBER_TYPE" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct taken taken = { .number = 1 };
		struct j11_json_doc *doc = NULL;
		struct jwk11_err err = { 0 };

		assert_int_equal(read_text(j11_view_str(rows[i].text), &doc, NULL), JWK11_OK);
		(void)!j11_json_take(j11_json_root(doc), fields, J11_COUNT(fields), false, "test", &taken, &err);
		assert_string_equal(err.code, rows[i].code);
		if (i == 0) {
			assert_int_equal(taken.number, -5);
			assert_true(taken.flag);
			assert_non_null(taken.object);
		}
		if (strstr(rows[i].text, "100") != NULL)
			assert_int_equal(taken.number, 100);
		j11_json_free(doc);
	}
}

static void takes_a_member_of_any_type(void **state)
{
	static const struct {
		const char *text;
		enum j11_json_type type;
	} rows[] = {
		{ "{\"text\":\"\",\"any\":null}", J11_JSON_NULL }, { "{\"text\":\"\",\"any\":true}", J11_JSON_BOOL },
		{ "{\"text\":\"\",\"any\":1.5}", J11_JSON_NUMBER }, { "{\"text\":\"\",\"any\":\"x\"}", J11_JSON_STRING },
		{ "{\"text\":\"\",\"any\":[]}", J11_JSON_ARRAY }, { "{\"text\":\"\",\"any\":{}}", J11_JSON_OBJECT },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct taken taken = { .any = NULL };
		struct j11_json_doc *doc = NULL;

		assert_int_equal(read_text(j11_view_str(rows[i].text), &doc, NULL), JWK11_OK);
		assert_int_equal(j11_json_take(j11_json_root(doc), fields, J11_COUNT(fields), false, "test", &taken, NULL), JWK11_OK);
		assert_int_equal(taken.any->type, rows[i].type);
		j11_json_free(doc);
	}
}

static void knows_names_that_two_objects_share(void **state)
{
	static const struct {
		const char *text;
		bool share;
	} rows[] = {
		{ "[{},{}]", false }, { "[{\"a\":1},{\"b\":1}]", false }, { "[{\"a\":1},{\"A\":1,\"aa\":1,\"\":1}]", false },
		{ "[{\"a\":1,\"b\":2},{\"c\":1,\"b\":2}]", true }, { "[{\"a\":1},{\"\\u0061\":1}]", true }, { "[{\"\":1},{\"\":1}]", true },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_json_doc *doc = NULL;
		const struct j11_json *pair;

		assert_int_equal(read_text(j11_view_str(rows[i].text), &doc, NULL), JWK11_OK);
		pair = j11_json_root(doc)->child;
		assert_int_equal(j11_json_shares_a_name(pair, pair->next), rows[i].share);
		assert_int_equal(j11_json_shares_a_name(pair->next, pair), rows[i].share);
		assert_false(j11_json_shares_a_name(pair, NULL));
		assert_false(j11_json_shares_a_name(NULL, pair));
		j11_json_free(doc);
	}
}

static void writes_what_it_reads(void **state)
{
	static const char text[] = "{\"a\":[1,2.50,\"x\\\"\\\\\\n\\u0001\"],\"b\":{\"c\":null,\"d\":true}}";
	struct jwk11_buf out = J11_BUF(1000);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct j11_json_doc *doc = NULL;

	(void)state;
	assert_int_equal(read_text(J11_VIEW(text), &doc, NULL), JWK11_OK);
	j11_json_value(&o, NULL, j11_json_root(doc));
	assert_string_equal(jwk11_buf_data(&out), text);
	j11_json_free(doc);
	j11_buf_done(&out);
}

static void repairs_invalid_octets(void **state)
{
	struct jwk11_buf out = J11_BUF(1000);
	struct j11_json_out o = J11_JSON_OUT(&out);

	(void)state;
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "x", "a\xff\"");
	j11_json_num(&o, "n", -3);
	j11_json_close(&o);
	assert_string_equal(jwk11_buf_data(&out), "{\"x\":\"a\xef\xbf\xbd\\\"\",\"n\":-3}");
	j11_buf_done(&out);
}

static void survives_each_failing_allocation(void **state)
{
	enum jwk11_rc rc = JWK11_ERR_MEMORY;
	unsigned long n = 0;

	(void)state;
	while (rc != JWK11_OK) {
		struct j11_json_doc *doc = NULL;

		j11_mem_fail_at(++n, 0);
		rc = read_text(J11_VIEW("{\"a\":[1,2,{\"b\":\"c\",\"d\":1}],\"e\":2}"), &doc, NULL);
		j11_mem_fail_at(0, 0);
		assert_true(rc == JWK11_OK || rc == JWK11_ERR_MEMORY);
		j11_json_free(doc);
		assert_true(n < 100);
	}
	assert_true(n > 2);
}

/* Asked to, the reader keeps names that appear twice and marks one member for each. */
static void repeated_names_can_be_kept_and_are_marked(void **state)
{
	static const struct {
		const char *text;
		unsigned n_members, n_marked;
	} rows[] = {
		{ "{\"a\":1,\"b\":2}", 2, 0 }, { "{\"a\":1,\"a\":2}", 2, 1 }, { "{\"a\":1,\"b\":2,\"\\u0061\":3,\"a\":4,\"a\":5}", 5, 1 },
		{ "{\"a\":1,\"b\":2,\"b\":3,\"a\":4,\"c\":5}", 5, 2 }, { "{\"\":1,\"\":2}", 2, 1 },
	};
	struct j11_json_limits limits = { .max_len = 1024, .max_depth = 4, .max_values = 16, .keep_repeated = true };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_json_doc *doc = NULL;
		unsigned n = 0, marked = 0;

		assert_int_equal(j11_json_read(j11_view_str(rows[i].text), &limits, "test", &doc, NULL), JWK11_OK);
		for (const struct j11_json *m = j11_json_root(doc)->child; m != NULL; m = m->next, n++)
			marked += m->repeated;
		assert_int_equal(n, rows[i].n_members);
		assert_int_equal(marked, rows[i].n_marked);
		j11_json_free(doc);
		doc = NULL;
		limits.keep_repeated = false;
		assert_int_equal(j11_json_read(j11_view_str(rows[i].text), &limits, "test", &doc, NULL), marked ? JWK11_ERR_SYNTAX : JWK11_OK);
		j11_json_free(doc);
		limits.keep_repeated = true;
	}
}

static void takes_a_member_out(void **state)
{
	static const struct {
		const char *name;
		unsigned n_left;
		const char *left;
	} rows[] = {
		{ "b", 3, "acd" }, { "x", 3, "acd" }, { "a", 2, "cd" }, { "d", 1, "c" }, { "c", 0, "" }, { "c", 0, "" },
	};
	struct j11_json_doc *doc = NULL;

	(void)state;
	assert_int_equal(read_text(j11_view_str("{\"a\":1,\"b\":\"two\",\"c\":3,\"d\":4}"), &doc, NULL), JWK11_OK);
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		const struct j11_json *root = j11_json_root(doc), *out = j11_json_remove(doc, root, rows[i].name), *m = root->child;

		if (i == 0)
			assert_true(j11_view_equals(out->text, "two"));
		assert_int_equal(root->n_children, rows[i].n_left);
		for (const char *p = rows[i].left; *p != '\0'; p++, m = m->next)
			assert_memory_equal(m->name.data, p, 1);
		assert_null(m);
	}
	j11_json_free(doc);
}

static void says_where_a_text_goes_wrong(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "", "test: not valid JSON at byte 0: it is empty" }, { "{\"a\":1", "test: not valid JSON at byte 6: it ends too early" },
		{ "  ", "test: not valid JSON at byte 2: it ends too early" }, { "{\"a\":1,}", "test: not valid JSON at byte 8: syntax error" },
		{ "{} x", "test: not valid JSON at byte 4: syntax error" }, { "[\"a", "test: not valid JSON at byte 3: a string does not end" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_json_doc *doc = NULL;
		struct jwk11_err err = { 0 };

		assert_int_equal(read_text(j11_view_str(rows[i].text), &doc, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.text, rows[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeated_names_can_be_kept_and_are_marked),
		cmocka_unit_test(says_where_a_text_goes_wrong),
		cmocka_unit_test(refuses_what_yajl_lets_through),
		cmocka_unit_test(keeps_order_numbers_and_raw_text),
		cmocka_unit_test(holds_its_limits_exactly),
		cmocka_unit_test(takes_members_by_table),
		cmocka_unit_test(takes_a_member_out),
		cmocka_unit_test(takes_a_member_of_any_type),
		cmocka_unit_test(knows_names_that_two_objects_share),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(repairs_invalid_octets),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
