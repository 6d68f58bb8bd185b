/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are kept as NUL-terminated cells one after another until the widths are known. */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "look.h"

enum { LEAST_CUT = 8, LEAST_LAST = 24 };

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

/* Widths to print with: those of the cells, less what a terminal has no room for. The last column keeps a part in which a sentence can be read. */
static void fit(const struct table *table, unsigned ret_widths[TABLE_COLUMNS])
{
	unsigned columns = look_columns(), last = table->n_columns - 1, total = 0, widest;
	unsigned least = table->widths[last] < LEAST_LAST ? table->widths[last] : LEAST_LAST;

	for (unsigned i = 0; i < table->n_columns; i++)
		ret_widths[i] = table->widths[i];
	for (unsigned i = 0; i < last; i++)
		total += ret_widths[i] + 2;
	while (columns > 0 && total + least > columns) {
		widest = 0;
		for (unsigned i = 1; i < last; i++)
			if (ret_widths[i] > ret_widths[widest])
				widest = i;
		if (ret_widths[widest] <= LEAST_CUT)
			return;
		ret_widths[widest]--;
		total--;
	}
}

static enum look look_at(const struct table *table, const char *cell, unsigned column)
{
	return table->headed ? LOOK_HEAD : column + 1 == table->states ? look_of_word(cell) : LOOK_PLAIN;
}

/* Calls for each cell; the last of a row is not followed by blanks. */
static void print_cell(const struct table *table, const char *cell, unsigned column, const unsigned widths[TABLE_COLUMNS])
{
	enum look look = look_at(table, cell, column);
	unsigned used = 0, is;

	for (unsigned i = 0; i < column; i++)
		used += widths[i] + 2;
	fputs(look_on(look), stdout);
	if (column + 1 < table->n_columns) {
		is = look_width(cell);
		look_cut(cell, widths[column]);
		printf("%s%*s", look_off(look), (int)(widths[column] + 2 - (is < widths[column] ? is : widths[column])), "");
		return;
	}
	look_paragraph(cell, used);
	printf("%s\n", look_off(look));
}

static void print_rows(struct table *table)
{
	const char *end = (const char *)table->cells.data + table->cells.len;
	unsigned column = 0, widths[TABLE_COLUMNS];

	fit(table, widths);
	for (const char *cell = (const char *)table->cells.data; cell < end; cell += strlen(cell) + 1) {
		print_cell(table, cell, column, widths);
		column = (column + 1) % table->n_columns;
		table->headed = table->headed && column != 0;
	}
}

bool table_print(struct table *table)
{
	const char *end = (const char *)table->cells.data + table->cells.len;
	unsigned column = 0;
	bool whole = table->cells.failed == JWK11_OK;

	for (const char *cell = (const char *)table->cells.data; whole && cell < end; cell += strlen(cell) + 1) {
		if (look_width(cell) > table->widths[column])
			table->widths[column] = look_width(cell);
		column = (column + 1) % table->n_columns;
	}
	if (whole && table->cells.len > 0)
		print_rows(table);
	j11_buf_done(&table->cells);
	return whole;
}
