/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the counters. */
#include "count.h"

const char *count_name(enum count_id id)
{
#define COUNT_TEXT_(name) [COUNT_##name] = #name,
	static const char *const names[COUNT_N_] = { COUNT_NAMES(COUNT_TEXT_) };
#undef COUNT_TEXT_

	return (unsigned)id < COUNT_N_ ? names[id] : "unknown";
}
