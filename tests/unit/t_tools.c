/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's own parts: the broker's answer as bytes, exit codes by code word, tables for people. */
#include "vector.h"

#include <stdio.h>
#include <unistd.h>

#include "ask.h"
#include "base/err.h"
#include "table.h"

static enum jwk11_rc parse(const char *text, struct ask_answer *answer, struct jwk11_err *err)
{
	memset(err, 0, sizeof(*err));
	return ask_parse(j11_view_str(text), answer, err);
}

static void test_answer(void **state)
{
	J11_AUTO(ask_done_auto) struct ask_answer a = { 0 };
	struct jwk11_err err;

	(void)state;
	assert_int_equal(parse("HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\nContent-Length: 2\r\nRetry-After: 5\r\n"
		"Request-Id: abc\r\n\r\n{}", &a, &err), JWK11_OK);
	assert_int_equal(a.status, 404);
	assert_string_equal(a.media_type, "application/problem+json");
	assert_string_equal(a.request_id, "abc");
	assert_int_equal(a.retry_after, 5);
	assert_int_equal(a.body.len, 2);
}

static void test_whole_answer(void **state)
{
	static const struct {
		const char *text;
		size_t whole;
	} rows[] = {
		{ "", 0 }, { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", 0 }, { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 41 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1", 41 }, { "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc", 38 },
		{ "\r\n\r\n", 4 }, { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 48 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		assert_int_equal(ask_whole(j11_view_str(rows[i].text)), rows[i].whole);
}

static void test_bare_answer(void **state)
{
	J11_AUTO(ask_done_auto) struct ask_answer a = { .media_type = "old", .request_id = "old", .retry_after = 9 };
	struct jwk11_err err;

	(void)state;
	assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &a, &err), JWK11_OK);
	assert_string_equal(a.media_type, "");
	assert_string_equal(a.request_id, "");
	assert_int_equal(a.retry_after, 0);
	assert_int_equal(a.body.len, 0);
}

static void test_bad_answers(void **state)
{
	static const char *const bad[] = { "", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nab" };
	struct jwk11_err err;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad); i++) {
		struct ask_answer a = { 0 };

		if (parse(bad[i], &a, &err) != JWK11_ERR_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
		assert_string_equal(err.code, "HTTP_MALFORMED");
	}
}

static void test_path(void **state)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf path = J11_BUF(256);

	(void)state;
	ask_path(&path, "/v1/keys/", "a/b c%\xc3\xa9~", "/sign");
	assert_string_equal(jwk11_buf_data(&path), "/v1/keys/a%2Fb%20c%25%C3%A9~/sign");
}

static void test_exits(void **state)
{
	static const struct {
		const char *code;
		enum jwk11_rc rc;
		int exit;
	} rows[] = {
		{ "KEY_UNKNOWN", JWK11_ERR_NOT_FOUND, CMD_NO_KEY }, { "PEER_DENIED", JWK11_ERR_DENIED, CMD_DENIED },
		{ "PIN_REJECTED", JWK11_ERR_ABSENT, CMD_DENIED }, { "TOKEN_ABSENT", JWK11_ERR_ABSENT, CMD_UNAVAILABLE },
		{ "ALG_MISMATCH", JWK11_ERR_MISMATCH, CMD_DATA }, { "SIGNATURE_INVALID", JWK11_ERR_SIGNATURE, CMD_NEGATIVE },
		{ "CONFIG_INVALID", JWK11_ERR_SYNTAX, CMD_CONFIG }, { "QUEUE_FULL", JWK11_ERR_BUSY, CMD_TRY_LATER },
		{ "A_WORD_FROM_THE_FUTURE", JWK11_ERR_DENIED, CMD_DENIED }, { "", JWK11_OK, CMD_BUG },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (cmd_exit_of(rows[i].code, rows[i].rc) != rows[i].exit)
			fail_msg("%s: exit %d", rows[i].code, cmd_exit_of(rows[i].code, rows[i].rc));
}

/* What a table prints, into a file that is read back. */
static void test_table(void **state)
{
	struct table table = TABLE(3);
	char path[] = "/tmp/t_tools-XXXXXX", got[256] = "";
	FILE *file;
	int keep;

	(void)state;
	fflush(stdout);
	keep = dup(STDOUT_FILENO);
	assert_true(keep >= 0);
	close(mkstemp(path));
	assert_non_null(freopen(path, "w", stdout));
	table_row(&table, "NAME", "Ä", "LAST");
	table_row(&table, "é", "", "x");
	assert_true(table_print(&table));
	fflush(stdout);
	assert_true(dup2(keep, STDOUT_FILENO) >= 0);
	close(keep);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(got, 1, sizeof(got) - 1, file) > 0);
	fclose(file);
	unlink(path);
	assert_string_equal(got, "NAME  Ä  LAST\né     -  x\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer), cmocka_unit_test(test_whole_answer),
		cmocka_unit_test(test_bare_answer), cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_path),
		cmocka_unit_test(test_exits), cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
