/* SPDX-License-Identifier: Apache-2.0 */
/* The breaker of a token: when it opens, how long it stays open, what closes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "breaker.h"

static void open_it(struct breaker *b)
{
	for (unsigned i = 1; i < BREAKER_FAILURES; i++)
		assert_false(breaker_failed(b));
	assert_true(breaker_failed(b));
	assert_true(b->open);
}

static void opens_after_failures_in_a_row(void **state)
{
	struct breaker b = { .open = false };

	(void)state;
	for (unsigned round = 0; round < 10; round++) { /* what works in between keeps it closed for ever */
		for (unsigned i = 1; i < BREAKER_FAILURES; i++)
			assert_false(breaker_failed(&b));
		breaker_worked(&b);
		assert_false(b.open);
	}
	open_it(&b);
}

static void says_once_that_it_has_opened(void **state)
{
	struct breaker b = { .open = false };

	(void)state;
	open_it(&b);
	for (unsigned i = 0; i < 3 * BREAKER_FAILURES; i++) /* what was under way */
		assert_false(breaker_failed(&b));
	breaker_trip(&b);
	assert_int_equal(b.openings, 1);
}

static void what_began_before_it_opened_does_not_close_it(void **state)
{
	struct breaker b = { .open = false };

	(void)state;
	open_it(&b);
	breaker_worked(&b);
	assert_true(b.open);
}

static void one_failure_on_trial_opens_it_for_twice_as_long(void **state)
{
	struct breaker b = { .open = false };

	(void)state;
	open_it(&b);
	assert_int_equal(breaker_wait_ms(&b), 0); /* tried at once */
	breaker_try(&b);
	assert_true(breaker_failed(&b));
	for (int wait = BREAKER_MIN_MS; wait < 100 * BREAKER_MAX_MS; wait *= 2) {
		assert_int_equal(breaker_wait_ms(&b), wait < BREAKER_MAX_MS ? wait : BREAKER_MAX_MS);
		breaker_try(&b);
		assert_false(b.open);
		assert_true(breaker_failed(&b));
	}
}

static void something_that_works_on_trial_forgets_it_all(void **state)
{
	struct breaker b = { .open = false };

	(void)state;
	open_it(&b);
	breaker_try(&b);
	assert_true(breaker_failed(&b));
	breaker_try(&b);
	breaker_worked(&b);
	open_it(&b); /* as many failures as the first time */
	assert_int_equal(breaker_wait_ms(&b), 0);
}

static void a_token_that_is_gone_opens_it_at_once(void **state)
{
	struct breaker b = { .open = false };

	(void)state;
	breaker_trip(&b);
	assert_true(b.open);
	assert_int_equal(b.openings, 1);
}

static void is_spent_after_some_trials(void **state)
{
	struct breaker b = { .open = false };

	(void)state;
	open_it(&b);
	for (unsigned i = 0; i < BREAKER_TRIES; i++) {
		assert_false(breaker_is_spent(&b));
		breaker_try(&b);
		assert_true(breaker_failed(&b));
	}
	assert_true(breaker_is_spent(&b));
	breaker_try(&b);
	assert_false(breaker_is_spent(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_after_failures_in_a_row),
		cmocka_unit_test(says_once_that_it_has_opened),
		cmocka_unit_test(what_began_before_it_opened_does_not_close_it),
		cmocka_unit_test(one_failure_on_trial_opens_it_for_twice_as_long),
		cmocka_unit_test(something_that_works_on_trial_forgets_it_all),
		cmocka_unit_test(a_token_that_is_gone_opens_it_at_once),
		cmocka_unit_test(is_spent_after_some_trials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
