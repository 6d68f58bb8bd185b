/* SPDX-License-Identifier: Apache-2.0 */
/* front_csr: what goes out as a certificate request is one SEQUENCE in DER and nothing else. */
#include "vector.h"

#include "front_csr.h"

static void one_sequence_and_nothing_behind_it(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		bool good;
	} cases[] = {
		{ "\x30\x00", 2, true }, { "\x30\x01x", 3, true }, { "\x30\x01", 2, false }, { "\x30\x01xy", 4, false }, { "\x31\x00", 2, false }, { "\x30", 1, false },
		{ "", 0, false }, { "\x30\x80\x00\x00", 4, false }, { "\x30\x81\x01x", 4, false }, { "\x30\x82\x00\x01x", 5, false }, { "\x30\x84\x00\x00\x00\x01x", 7, false },
		{ "\x30\x82\x01", 3, false },
	};
	unsigned char longer[3 + 128] = { 0x30, 0x81, 128 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(cases); i++)
		assert_int_equal(front_csr_is((struct jwk11_view){ cases[i].octets, cases[i].len }), cases[i].good);
	assert_true(front_csr_is((struct jwk11_view){ longer, sizeof(longer) }));
	assert_false(front_csr_is((struct jwk11_view){ longer, sizeof(longer) - 1 }));
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(one_sequence_and_nothing_behind_it) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
