/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: labels, and states by the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "form/version.h"

enum { DAY = 86400, OVERLAP = 100 };

static void labels_are_exact(void **state)
{
	static const struct {
		const char *label;
		enum j11_version_label is;
		int64_t moment;
	} rows[] = {
		{ "issuer", J11_LABEL_VERSION, 0 },
		{ "issuer@20261127T010203Z", J11_LABEL_VERSION, 1795741323 },
		{ "issuer@20240229T000000Z", J11_LABEL_VERSION, 1709164800 },
		{ "issuer@20230229T000000Z", J11_LABEL_MISLEADING, -1 }, /* no such day */
		{ "issuer@20261127T240000Z", J11_LABEL_MISLEADING, -1 },
		{ "issuer@20261127T015960Z", J11_LABEL_MISLEADING, -1 },
		{ "issuer@19700101T000000Z", J11_LABEL_MISLEADING, -1 }, /* is the moment of a plain label */
		{ "issuer@20261127T010203", J11_LABEL_MISLEADING, -1 },
		{ "issuer@20261127T010203z", J11_LABEL_MISLEADING, -1 },
		{ "issuer@20261127T010203Z ", J11_LABEL_MISLEADING, -1 },
		{ "issuer@2026-11-27T010203Z", J11_LABEL_MISLEADING, -1 },
		{ "issuer@+0261127T010203Z", J11_LABEL_MISLEADING, -1 },
		{ "issuer@", J11_LABEL_MISLEADING, -1 },
		{ "issuer@old", J11_LABEL_MISLEADING, -1 },
		{ "issuer2", J11_LABEL_OTHER, -1 },
		{ "issuer2@20261127T010203Z", J11_LABEL_OTHER, -1 },
		{ "Issuer@20261127T010203Z", J11_LABEL_OTHER, -1 },
		{ "issue", J11_LABEL_OTHER, -1 },
		{ "", J11_LABEL_OTHER, -1 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		int64_t moment = -1;

		if (j11_version_read(j11_view_str(rows[i].label), J11_VIEW("issuer"), &moment) != rows[i].is || moment != rows[i].moment)
			fail_msg("%s: %lld", rows[i].label, (long long)moment);
	}
}

static void stamps_come_back(void **state)
{
	static const int64_t moments[] = { 1, 86399, 951782400, 1795741323, 4107542400, J11_VERSION_MOMENT_MAX };
	char stamp[J11_VERSION_STAMP];

	(void)state;
	for (size_t i = 0; i < J11_COUNT(moments); i++) {
		int64_t back = 0;

		j11_version_stamp(moments[i], stamp);
		assert_true(j11_version_unstamp(j11_view_str(stamp), &back));
		assert_int_equal(back, moments[i]);
	}
	j11_version_stamp(1795741323, stamp);
	assert_string_equal(stamp, "20261127T010203Z");
}

/* "narx": next, active, retiring, retired, in the order of the versions. */
static void expect(struct j11_version *v, size_t n, int64_t now, const char *states, int64_t due)
{
	static const char letters[] = "narx";
	int64_t got_due;
	long active = j11_versions_settle(v, n, now, OVERLAP, &got_due);

	assert_int_equal(strlen(states), n);
	for (size_t i = 0; i < n; i++)
		if (letters[v[i].state] != states[i])
			fail_msg("at %lld version %zu is %s, not %c", (long long)now, i, j11_version_state_name(v[i].state), states[i]);
	assert_int_equal(got_due, due);
	assert_int_equal(active, strchr(states, 'a') != NULL ? strchr(states, 'a') - states : -1);
}

static void each_follows_the_one_before(void **state)
{
	struct j11_version v[] = { { 0, .fit = true }, { 1000, .fit = true }, { 2000, .fit = true } };

	(void)state;
	expect(v, 3, 1, "ann", 1000);
	expect(v, 3, 999, "ann", 1000);
	expect(v, 3, 1000, "ran", 1100);
	assert_int_equal(v[0].until, 1000 + OVERLAP);
	assert_int_equal(v[1].until, 2000);
	assert_int_equal(v[2].until, 2000);
	expect(v, 3, 1099, "ran", 1100);
	expect(v, 3, 1100, "xan", 2000);
	expect(v, 3, 2000, "xra", 2100);
	expect(v, 3, 2100, "xxa", INT64_MAX);
	assert_int_equal(v[2].until, INT64_MAX);
	expect(v, 3, 999, "ann", 1000); /* the clock was put back: so was everything else */
	expect(v, 0, 5, "", INT64_MAX);
}

static void a_single_one_signs_at_once(void **state)
{
	struct j11_version v[] = { { 1000, .fit = true }, { 2000, .fit = true } };

	(void)state;
	expect(v, 1, 5, "a", 1000);
	expect(v, 2, 5, "an", 1000);
	expect(v, 2, 1500, "an", 2000);
}

static void a_disputed_moment_is_nobodys(void **state)
{
	struct j11_version v[] = { { 0, .fit = true }, { 1000, .fit = true }, { 1000, .fit = true }, { 3000, .fit = true } };

	(void)state;
	expect(v, 4, 1500, "arrn", 3000);
	expect(v, 4, 3000, "rrra", 3100);
	expect(v, 4, 3100, "xxxa", INT64_MAX);
	v[2].fit = false; /* the other one alone claims it then */
	expect(v, 4, 1500, "xarn", 3000);
	expect(v, 2, 1500, "xa", INT64_MAX);
	v[2].fit = true;
	expect(v + 1, 2, 1500, "rr", INT64_MAX); /* nobody to go on: published, and nothing signs */
}

static void an_unfit_one_never_signs(void **state)
{
	struct j11_version v[] = { { 0, .fit = true }, { 1000, .fit = false }, { 2000, .fit = true } };

	(void)state;
	expect(v, 3, 1500, "arn", 2000);
	expect(v, 3, 2050, "rra", 2100);
	expect(v + 1, 1, 5, "n", 1000);
	expect(v + 1, 1, 1005, "r", INT64_MAX);
}

static int by_moment(const void *a, const void *b)
{
	const struct j11_version *x = a, *y = b;

	return (x->moment > y->moment) - (x->moment < y->moment);
}

/* Between two dues nothing changes, at most one signs, and one that has signed is published for the whole overlap. */
static void states_hold_until_due(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct j11_version v[8];
		size_t n = 1 + (unsigned)rand_r(&seed) % J11_COUNT(v);
		int64_t due = 0, last_signed[8];

		for (size_t i = 0; i < n; i++) {
			v[i] = (struct j11_version){ .moment = rand_r(&seed) % 600, .fit = rand_r(&seed) % 5 != 0 };
			last_signed[i] = -1;
		}
		qsort(v, n, sizeof(v[0]), by_moment);
		for (int64_t now = 0; now < 1000; now++) {
			struct j11_version before[8];
			int64_t was_due = due;
			long active;

			memcpy(before, v, sizeof(v));
			active = j11_versions_settle(v, n, now, OVERLAP, &due);
			for (size_t i = 0; i < n; i++) {
				if (now > 0 && now < was_due && v[i].state != before[i].state)
					fail_msg("round %u: version %zu changed at %lld, before %lld", round, i, (long long)now, (long long)was_due);
				assert_true((v[i].state == J11_VERSION_ACTIVE) == (active == (long)i));
				if (active == (long)i)
					last_signed[i] = now;
				if (last_signed[i] >= 0 && now <= last_signed[i] + OVERLAP)
					assert_true(j11_version_is_published(v[i].state));
			}
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_exact),
		cmocka_unit_test(stamps_come_back),
		cmocka_unit_test(each_follows_the_one_before),
		cmocka_unit_test(a_single_one_signs_at_once),
		cmocka_unit_test(a_disputed_moment_is_nobodys),
		cmocka_unit_test(an_unfit_one_never_signs),
		cmocka_unit_test(states_hold_until_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
