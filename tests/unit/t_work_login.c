/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker is told of operators' logins: news change what stands, what was overtaken changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "work_login.h"

static unsigned n_heard;

static void hear(const struct work_login *login, void *arg)
{
	(void)login;
	(void)arg;
	n_heard++;
}

/* As if the supervisor told it: how many of them were news. */
static unsigned told(uint64_t at_us, const char *token, bool out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf buf = J11_BUF(WIRE_MAX);
	struct wire_msg msg;

	wire_login_set(&buf, at_us, token, out);
	assert_int_equal(wire_decode(j11_buf_view(&buf), &msg, NULL), JWK11_OK);
	work_login_post(&msg, -1);
	n_heard = 0;
	work_login_collect(hear, NULL);
	return n_heard;
}

static void news_change_what_stands(void **state)
{
	(void)state;
	assert_null(work_login_of("t1"));
	assert_int_equal(told(10, "t1", true), 1);
	assert_true(work_login_of("t1")->out);
	assert_null(work_login_of("t2"));
	assert_int_equal(told(20, "t1", false), 1);
	assert_null(work_login_of("t1"));
	assert_int_equal(told(20, "t1", true), 1); /* the same moment: the one that is heard of last */
	assert_non_null(work_login_of("t1"));
	assert_int_equal(told(21, "t1", false), 1);
}

static void what_was_overtaken_changes_nothing(void **state)
{
	uint64_t now;

	(void)state;
	assert_int_equal(told(100, "t3", false), 1);
	assert_int_equal(told(99, "t3", true), 0);
	assert_null(work_login_of("t3"));
	now = (uint64_t)j11_clock_us();
	work_login_stamp("t3"); /* this worker has just logged in itself */
	assert_int_equal(told(now - 1, "t3", true), 0);
	assert_null(work_login_of("t3"));
	assert_int_equal(told(now - 1, "t4", true), 1); /* another token is another matter */
	assert_int_equal(told((uint64_t)j11_clock_us() + 1, "t3", true), 1);
	assert_true(work_login_of("t3")->out);
	assert_int_equal(told(UINT64_MAX, "t3", false), 1);
	assert_int_equal(told(UINT64_MAX, "t4", false), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(news_change_what_stands),
		cmocka_unit_test(what_was_overtaken_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
