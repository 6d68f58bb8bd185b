/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are kept as NUL-terminated cells one after another until the widths are known. */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* Characters on the screen: every octet but those that continue one. */
static int width(const char *cell)
{
	int n = 0;

	for (; *cell != '\0'; cell++)
		n += ((unsigned char)*cell & 0xc0) != 0x80;
	return n;
}

void table_row(struct table *table, ...)
{
	va_list ap;

	va_start(ap, table);
	for (unsigned i = 0; i < table->n_columns; i++) {
		const char *cell = va_arg(ap, const char *);

		if (cell[0] == '\0')
			cell = "-";
		j11_buf_add(&table->cells, cell, strlen(cell) + 1);
	}
	va_end(ap);
}

/* Calls for each cell; the last of a row is not followed by blanks. */
static void print_cell(const char *cell, unsigned column, const struct table *table)
{
	if (column + 1 == table->n_columns)
		printf("%s\n", cell);
	else
		printf("%s%*s", cell, table->widths[column] - width(cell) + 2, "");
}

bool table_print(struct table *table)
{
	const char *end = (const char *)table->cells.data + table->cells.len;
	unsigned column = 0;
	bool whole = table->cells.failed == JWK11_OK;

	for (const char *cell = (const char *)table->cells.data; whole && cell < end; cell += strlen(cell) + 1) {
		if (width(cell) > table->widths[column])
			table->widths[column] = width(cell);
		column = (column + 1) % table->n_columns;
	}
	for (const char *cell = (const char *)table->cells.data; whole && cell < end; cell += strlen(cell) + 1) {
		print_cell(cell, column, table);
		column = (column + 1) % table->n_columns;
	}
	j11_buf_done(&table->cells);
	return whole;
}
