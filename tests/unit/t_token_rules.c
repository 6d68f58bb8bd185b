/* SPDX-License-Identifier: Apache-2.0 */
/* When tokens in files are replaced, and what is read of them. */
#include "vector.h"

#include "base/b64.h"
#include "base/err.h"
#include "token_rules.h"

static void test_mode(void **state)
{
	static const struct {
		const char *text;
		bool good;
		unsigned mode;
	} rows[] = {
		{ "0600", true, 0600 }, { "640", true, 0640 }, { "0777", true, 0777 }, { "400", true, 0400 }, { "0200", false, 0 }, { "060", false, 0 },
		{ "1600", false, 0 }, { "4755", false, 0 }, { "00600", false, 0 }, { "60", false, 0 }, { "", false, 0 }, { "0680", false, 0 }, { "-600", false, 0 },
		{ "u=rw", false, 0 }, { "0x60", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		unsigned mode = 0;

		assert_int_equal(token_mode(rows[i].text, &mode), rows[i].good);
		if (rows[i].good)
			assert_int_equal(mode, rows[i].mode);
	}
}

/* -1: refused. */
static int64_t expiry_of(const char *claims, const char *end)
{
	struct jwk11_buf jwt = J11_BUF(4096);
	struct jwk11_err err = { 0 };
	int64_t expires = -1;
	enum jwk11_rc rc;

	j11_buf_add_str(&jwt, "eyJhbGciOiJFUzI1NiJ9.");
	j11_b64url_add(&jwt, j11_view_str(claims));
	j11_buf_add_str(&jwt, end);
	rc = token_expiry(j11_buf_view(&jwt), &expires, &err);
	if (rc != JWK11_OK)
		assert_string_equal(err.code, "HTTP_MALFORMED");
	assert_int_equal(rc == JWK11_OK, expires >= 0);
	j11_buf_done(&jwt);
	return expires;
}

static void test_expiry(void **state)
{
	(void)state;
	assert_int_equal(expiry_of("{\"exp\":1700000000}", ".c2ln"), 1700000000);
	assert_int_equal(expiry_of("{\"iat\":1,\"exp\":1700000000.75}", "."), 1700000000);
	assert_int_equal(expiry_of("{\"exp\":0}", ".c2ln"), 0);
	assert_int_equal(expiry_of("{\"exp\":\"1700000000\"}", ".c2ln"), -1);
	assert_int_equal(expiry_of("{\"exp\":-5}", ".c2ln"), -1);
	assert_int_equal(expiry_of("{\"exp\":1e9}", ".c2ln"), -1);
	assert_int_equal(expiry_of("{\"exp\":99999999999999999999}", ".c2ln"), -1);
	assert_int_equal(expiry_of("{\"iat\":1}", ".c2ln"), -1);
	assert_int_equal(expiry_of("[1]", ".c2ln"), -1);
	assert_int_equal(expiry_of("not json", ".c2ln"), -1);
	assert_int_equal(expiry_of("{\"exp\":1700000000}", ""), -1);
	assert_int_equal(expiry_of("{\"exp\":1700000000}", ".a.b"), -1);
	assert_int_equal(token_expiry(J11_VIEW(""), &(int64_t){ 0 }, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(token_expiry(J11_VIEW("a.***.b"), &(int64_t){ 0 }, NULL), JWK11_ERR_SYNTAX);
}

static void test_next(void **state)
{
	(void)state;
	for (uint32_t chance = 0; chance < 1000; chance++) {
		int64_t next = token_next(1000, 1000 + 3600, chance * 4294967u);

		assert_in_range(next, 1000 + 2700, 1000 + 2880);
	}
	assert_int_equal(token_next(1000, 4600, 0), 3880);
	assert_int_equal(token_next(1000, 4600, 180), 3700);
	assert_int_equal(token_next(1000, 1001, UINT32_MAX), 1000 + TOKEN_LEAST);
	assert_int_equal(token_next(1000, 1010, 0), 1008);
}

static void test_delay(void **state)
{
	static const int64_t most[] = { 2, 4, 8, 16, 32, 60, 60, 60 };

	(void)state;
	for (unsigned n = 0; n < J11_COUNT(most); n++)
		for (uint32_t chance = 0; chance < 200; chance++)
			assert_in_range(token_delay(n, 0, chance), most[n] / 2, most[n]);
	assert_int_equal(token_delay(0, 0, 0), 2);
	assert_in_range(token_delay(UINT32_MAX, 0, 7), 30, 60);
	assert_int_equal(token_delay(0, 45, 0), 45);
	assert_int_equal(token_delay(0, 86400, 0), TOKEN_BOUND);
	assert_in_range(token_delay(7, 10, 12345), 30, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode), cmocka_unit_test(test_expiry), cmocka_unit_test(test_next), cmocka_unit_test(test_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
