/* SPDX-License-Identifier: Apache-2.0 */
/* A table for people: columns as wide as their widest cell; on a terminal no wider than that. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>

#include "base/buf.h"

#define TABLE_COLUMNS 9

struct table {
	unsigned n_columns; /* at most TABLE_COLUMNS */
	struct jwk11_buf cells;
	unsigned widths[TABLE_COLUMNS]; /* of all rows that were printed */
	bool headed;        /* the row that is printed next is the heading */
	unsigned states;    /* the column whose words mean good or bad (look.h), and one more; 0: none has */
};
#define TABLE(columns) { .n_columns = (columns), .cells = J11_BUF(4 * 1024 * 1024) }
#define TABLE_HEADED(columns, states_in) { .n_columns = (columns), .cells = J11_BUF(4 * 1024 * 1024), .headed = true, .states = (states_in) }

/* Takes n_columns strings, copied; "" is shown as "-". */
void table_row(struct table *table, ...);
/* Prints all rows on standard output and empties the table; columns of rows that come later are as wide or wider. Where a terminal is too narrow, the last
 * column goes on below its beginning, and others are cut ("…"). False when it could not be kept in memory. */
bool table_print(struct table *table) J11_MUST_USE;

#endif
