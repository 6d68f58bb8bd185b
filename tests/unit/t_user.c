/* SPDX-License-Identifier: Apache-2.0 */
/* Users: rates to the request and to the millisecond, who has the most connections, and that nobody stays for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "user.h"

#define HOUR 3600000u

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
	struct users users = { .first = NULL };
	struct user *user = users_get(&users, 1000, 5);

	(void)state;
	for (unsigned i = 0; i < 20; i++) /* ten a second, twenty at once */
		assert_int_equal(user_ask(user, 0, 36000, 20, 5), 0);
	assert_int_equal(user_ask(user, 0, 36000, 20, 5), 1);
	assert_int_equal(user_ask(user, 0, 36000, 20, 104), 1); /* one millisecond short */
	assert_int_equal(user_ask(user, 0, 36000, 20, 105), 0);
	assert_int_equal(user_ask(user, 0, 36000, 20, 105), 1);
	assert_int_equal(user_ask(user, 1, 36000, 20, 105), 0); /* another section */
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(user_ask(user, 0, 36000, 20, 60000), 0); /* never more than the burst */
	assert_int_equal(user_ask(user, 0, 36000, 20, 60000), 1);
	users_forget_rates(&users);
	assert_int_equal(user_ask(user, 0, 36000, 20, 60000), 0);
	users_free(&users);
}

static void says_when_the_next_one_is_there(void **state)
{
	static const struct {
		int64_t rate;
		unsigned burst, wait;
	} rows[] = { { 1, 1, 3600 }, { 2, 1, 1800 }, { 7, 1, 515 }, { 3600, 1, 1 }, { 3599, 1, 2 }, { 3600000000, 1, 1 }, { 1, 1000000, 3600 } };
	struct users users = { .first = NULL };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct user *user = users_get(&users, (uid_t)i, 0);

		for (unsigned n = 0; n < rows[i].burst; n++)
			assert_int_equal(user_ask(user, 0, rows[i].rate, rows[i].burst, 0), 0);
		assert_int_equal(user_ask(user, 0, rows[i].rate, rows[i].burst, 0), rows[i].wait);
		assert_int_equal(user_ask(user, 0, rows[i].rate, rows[i].burst, rows[i].wait * 1000), 0);
	}
	users_free(&users);
}

static void a_long_silence_is_no_more_than_a_full_bucket(void **state)
{
	struct users users = { .first = NULL };
	struct user *user = users_get(&users, 1, 0);

	(void)state;
	assert_int_equal(user_ask(user, 0, 3600000000, 1, 0), 0);
	assert_int_equal(user_ask(user, 0, 3600000000, 1, UINT64_MAX - 1), 0);
	assert_true(user_ask(user, 0, 3600000000, 1, UINT64_MAX - 1) > 0);
	users_free(&users);
}

static void knows_who_has_the_most(void **state)
{
	struct users users = { .first = NULL };
	struct user *a = users_get(&users, 1, 0), *b;

	(void)state;
	assert_null(users_greediest(&users, 1));
	a->n_conns[1] = 3;
	b = users_get(&users, 2, 0);
	b->n_conns[1] = 4;
	b->n_conns[2] = 1;
	assert_ptr_equal(users_greediest(&users, 1), b);
	assert_ptr_equal(users_greediest(&users, 2), b);
	a->n_conns[2] = 2;
	assert_ptr_equal(users_greediest(&users, 2), a);
	assert_ptr_equal(users_get(&users, 1, 0), a);
	users_free(&users);
}

static size_t count(const struct users *users)
{
	size_t n = 0;

	for (const struct user *user = users->first; user != NULL; user = user->next)
		n++;
	return n;
}

static void forgets_who_owes_nothing(void **state)
{
	struct users users = { .first = NULL };
	struct user *here = users_get(&users, 0, 0), *poor;

	(void)state;
	here->n_conns[1] = 1;
	poor = users_get(&users, 1, 0);
	assert_int_equal(user_ask(poor, 0, 1, 1, 0), 0);
	for (uid_t uid = 100; uid < 5000; uid++)
		assert_non_null(users_get(&users, uid, 0));
	assert_true(count(&users) < 10);
	assert_ptr_equal(users_get(&users, 0, 0), here);
	assert_ptr_equal(users_get(&users, 1, 0), poor);
	assert_true(user_ask(poor, 0, 1, 1, 0) > 0);
	for (uid_t uid = 100; uid < 200; uid++)
		assert_non_null(users_get(&users, uid, HOUR));
	assert_true(count(&users) < 10);
	assert_int_equal(users_get(&users, 1, HOUR)->n_buckets, 0); /* a new one */
	users_free(&users);
}

static void without_memory_nobody_gets_more(void **state)
{
	struct users users = { .first = NULL };
	struct user *user = users_get(&users, 1, 0);

	(void)state;
	user->n_conns[1] = 1; /* so that it stays */
	j11_mem_fail_at(1, 0);
	assert_null(users_get(&users, 2, 0));
	j11_mem_fail_at(1, 0);
	assert_int_equal(user_ask(user, 0, 3600, 1, 0), 1);
	j11_mem_fail_at(0, 0);
	assert_int_equal(user_ask(user, 0, 3600, 1, 0), 0);
	users_free(&users);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
		cmocka_unit_test(says_when_the_next_one_is_there),
		cmocka_unit_test(a_long_silence_is_no_more_than_a_full_bucket),
		cmocka_unit_test(knows_who_has_the_most),
		cmocka_unit_test(forgets_who_owes_nothing),
		cmocka_unit_test(without_memory_nobody_gets_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
