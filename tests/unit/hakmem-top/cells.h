/*
 * What was drawn, by its names: the cells of a table by row and title of the
 * column, the figures of a block by their label.
 */
#ifndef TESTS_CELLS_H
#define TESTS_CELLS_H

#include <string.h>

#include "hakmem-top/screens/table.h"
#include "tests/unit/hakmem-top/terminal.h"

/* The first column of that title, or of that title while a baseline is set. */
static inline size_t cells_column(const struct table *table, const char *title)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];

		if (strcmp(column->title, title) == 0 ||
		    (column->change_title &&
		     strcmp(column->change_title, title) == 0))
			return i;
	}
	abort(); /* the test names a column that is not there */
}

/* What row `row` (0 is the highest that is drawn) shows in a column. */
static inline const char *cells_text(const struct table *table, size_t row,
				     size_t column)
{
	const char *text;

	if (table->column_width[column] == 0)
		return "(hidden)";
	text = terminal_text(table->y + 1 + (int)row, table->column_x[column],
			     table->column_width[column]);
	return text + strspn(text, " ");
}

static inline const char *cells_at(const struct table *table, size_t row,
				   const char *title)
{
	return cells_text(table, row, cells_column(table, title));
}

/* How the last character of that cell looks. */
static inline chtype cells_look(const struct table *table, size_t row,
				const char *title)
{
	size_t column = cells_column(table, title);

	return mvinch(table->y + 1 + (int)row,
		      table->column_x[column] + table->column_width[column] -
			      1);
}

/* The role it was drawn in. */
static inline int cells_role(const struct table *table, size_t row,
			     const char *title)
{
	return PAIR_NUMBER(cells_look(table, row, title) & A_COLOR) - 1;
}

/*
 * The figure and note behind a label that starts in the third column of a
 * block `width` columns wide, and the role of the figure, -1 without it.
 */
static inline const char *cells_figure(const char *label, int width, int *role)
{
	const char *text;

	for (int y = 0; y < getmaxy(stdscr); y++)
		for (int x = 0; x < getmaxx(stdscr); x += width) {
			if (strncmp(terminal_text(y, x + 2, 12), label,
				    strlen(label)) != 0)
				continue;
			*role = PAIR_NUMBER(mvinch(y, x + 23) & A_COLOR) - 1;
			text = terminal_text(y, x + 14, width - 14);
			return text + strspn(text, " ");
		}
	*role = -1;
	return "(no such label)";
}

#endif
