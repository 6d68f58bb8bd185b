/* SPDX-License-Identifier: Apache-2.0 */
/* A table for people: columns as wide as their widest cell. */
#ifndef TABLE_H
#define TABLE_H

#include "base/buf.h"

#define TABLE_COLUMNS 9

struct table {
	unsigned n_columns; /* at most TABLE_COLUMNS */
	struct jwk11_buf cells;
	int widths[TABLE_COLUMNS]; /* of all rows that were printed */
};
#define TABLE(columns) { .n_columns = (columns), .cells = J11_BUF(4 * 1024 * 1024) }

/* Takes n_columns strings, copied; "" is shown as "-". */
void table_row(struct table *table, ...);
/* Prints all rows on standard output and empties the table; columns of rows that come later are as wide or wider. False when it could not be kept
 * in memory. */
bool table_print(struct table *table) J11_MUST_USE;

#endif
