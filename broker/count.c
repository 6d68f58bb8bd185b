/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the counters. */
#include "count.h"

#define COUNT_ROW_(name, help) { #name, help },
static const struct {
	const char *name, *help;
} rows[COUNT_N_] = { COUNT_ROWS(COUNT_ROW_) };
#undef COUNT_ROW_

const char *count_name(enum count_id id)
{
	return rows[id].name;
}

const char *count_help(enum count_id id)
{
	return rows[id].help;
}
