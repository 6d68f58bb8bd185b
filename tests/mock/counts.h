/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the script's `counts` line, mapped by the mock and by tests: MOCK_N_COUNTS records, the first for all calls together, then
 * one per C_* function in the order of CK_FUNCTION_LIST, then one per token ("pin:NAME": wrong PINs so far, over all processes), then
 * "objects": those that were written less those that were destroyed, "sessions": those that are open, and "secrets": agreed secrets that nobody has destroyed yet. */
#ifndef MOCK_COUNTS_H
#define MOCK_COUNTS_H

#include <stdint.h>

struct mock_count {
	char name[24]; /* "any", "C_Sign", "pin:t1" */
	_Atomic uint64_t n;
};

enum { MOCK_N_FUNCTIONS = 68, MOCK_MAX_TOKENS = 16, MOCK_N_COUNTS = 1 + MOCK_N_FUNCTIONS + MOCK_MAX_TOKENS + 3 };

#endif
