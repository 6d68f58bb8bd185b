/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of workers' numbers: late news, workers that go and come, numbers that are not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "meter.h"

static void tell(struct meter *meter, unsigned index, uint64_t logins, uint64_t sessions)
{
	uint64_t n[TALLY_N_] = { [TALLY_logins] = logins, [TALLY_sessions] = sessions };

	meter_tally(meter, "m", index, n);
}

static void adds_up_workers_that_are_there_and_those_that_were(void **state)
{
	struct meter *meter = j11_mem_new(sizeof(*meter));
	const uint64_t *total;

	(void)state;
	tell(meter, 2, 5, 3);
	tell(meter, 0, 1, 2);
	total = meter->modules->total;
	assert_int_equal(total[TALLY_logins], 6);
	assert_int_equal(total[TALLY_sessions], 5);
	tell(meter, 2, 4, 1); /* a counter never shrinks, a gauge does */
	assert_int_equal(total[TALLY_logins], 6);
	assert_int_equal(total[TALLY_sessions], 3);
	meter_lost(meter, "m", 2);
	assert_int_equal(total[TALLY_logins], 6);
	assert_int_equal(total[TALLY_sessions], 2);
	tell(meter, 2, 1, 3);
	assert_int_equal(total[TALLY_logins], 7);
	assert_int_equal(total[TALLY_sessions], 5);
	tell(meter, 1000000, 1, 1); /* no such worker */
	meter_lost(meter, "m", 1000000);
	meter_lost(meter, "other", 0);
	assert_int_equal(total[TALLY_logins], 7);
	meter_done(meter);
	j11_mem_free(meter);
}

static void finds_keys_by_name(void **state)
{
	struct meter *meter = j11_mem_new(sizeof(*meter));
	char name[16] = "k0000";

	(void)state;
	for (unsigned i = 0; i < 3000; i++) { /* several in each place */
		for (unsigned d = 0, n = i; d < 4; d++, n /= 10)
			name[1 + d] = (char)('0' + n % 10);
		assert_null(meter_find(meter, name));
		meter_key(meter, name)->n[CONF_OP_SIGN][METER_ok] = i;
		assert_int_equal(meter_find(meter, name)->n[CONF_OP_SIGN][METER_ok], i);
	}
	assert_int_equal(meter_find(meter, "k7000")->n[CONF_OP_SIGN][METER_ok], 7);
	j11_mem_fail_at(1, 0);
	assert_null(meter_key(meter, "new"));
	j11_mem_fail_at(0, 0);
	meter_done(meter);
	j11_mem_free(meter);
}

static void knows_results_and_times(void **state)
{
	static const struct {
		unsigned status;
		enum meter_result result;
	} rows[] = { { 200, METER_ok }, { 400, METER_refused }, { 413, METER_refused }, { 403, METER_denied }, { 404, METER_denied },
		{ 429, METER_limited }, { 503, METER_unavailable }, { 504, METER_late }, { 500, METER_failed }, { 502, METER_failed } };
	struct meter *meter = j11_mem_new(sizeof(*meter));

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		assert_int_equal(meter_result_of(rows[i].status), rows[i].result);
	meter_time(meter, CONF_OP_JWT, 100);
	meter_time(meter, CONF_OP_JWT, 101);
	meter_time(meter, CONF_OP_JWT, 10000001);
	assert_int_equal(meter->times[CONF_OP_JWT].bucket[0], 1);
	assert_int_equal(meter->times[CONF_OP_JWT].bucket[1], 1);
	assert_int_equal(meter->times[CONF_OP_JWT].bucket[METER_BUCKETS], 1);
	assert_int_equal(meter->times[CONF_OP_JWT].sum_us, 10000202);
	meter_done(meter);
	j11_mem_free(meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_workers_that_are_there_and_those_that_were),
		cmocka_unit_test(finds_keys_by_name),
		cmocka_unit_test(knows_results_and_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
