#include "hakmem-top/screens/table.h"

#include <stdlib.h>
#include <string.h>

#include "hakmem-top/base/text.h"

/* A row with the value that it is sorted by. */
struct sorted {
	struct value value;
	void *row;
	size_t index;
};

static int table_in_order(const void *a, const void *b, void *data)
{
	const struct sorted *left = a, *right = b;
	const bool *descending = data;
	int result = value_compare(&left->value, &right->value);

	if (result == 0)
		return left->index < right->index ? -1 : 1;
	return *descending ? -result : result;
}

void table_sort(struct table *table)
{
	const struct column *column;
	struct sorted *sorted;
	bool descending;

	if (table->sort >= table->column_count || table->count < 2)
		return;
	column = &table->columns[table->sort];
	descending = !(column->flags & COLUMN_ASCENDING) == !table->invert;
	sorted = calloc(table->count, sizeof(*sorted));
	if (!column->letter || !sorted) {
		free(sorted);
		return;
	}
	for (size_t i = 0; i < table->count; i++)
		sorted[i] = (struct sorted){column->get(table->rows[i]),
					    table->rows[i], i};
	qsort_r(sorted, table->count, sizeof(*sorted), table_in_order,
		&descending);
	for (size_t i = 0; i < table->count; i++)
		table->rows[i] = sorted[i].row;
	free(sorted);
}

/* Selects without holding on to the row. */
static void table_point(struct table *table, size_t index)
{
	if (table->count == 0) {
		table->selected = 0;
		return;
	}
	table->selected = index < table->count ? index : table->count - 1;
	table->selected_key = table->key(table->rows[table->selected]);
}

/* Finds the row that was selected; else stays at the same place. */
static void table_find_selected(struct table *table)
{
	if (!table->held) {
		table_point(table, 0);
		return;
	}
	for (size_t i = 0; i < table->count; i++)
		if (table->key(table->rows[i]) == table->selected_key) {
			table->selected = i;
			return;
		}
	table_point(table, table->selected);
}

void *table_make(struct table *table, size_t count, size_t row_bytes)
{
	free(table->made);
	free(table->rows);
	table->made = calloc(count + 1, row_bytes);
	table->rows = calloc(count + 1, sizeof(*table->rows));
	table->made_count = table->made && table->rows ? count : 0;
	table->row_bytes = row_bytes;
	table->count = 0;
	return table->rows ? table->made : NULL;
}

void table_cell(const struct column *column, const void *row, int cells,
		char out[VALUE_TEXT_MAX])
{
	struct value value;

	if (column->show) {
		column->show(row, out);
		return;
	}
	value = column->get(row);
	value_show(out, &value, cells, term_utf8());
}

/* The whole of a text is sought in, also where less of it is shown. */
static bool table_holds(const struct table *table, const void *row,
			const char *filter)
{
	char shown[VALUE_TEXT_MAX];

	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		struct value value;
		const char *text;

		if (!(column->flags & COLUMN_FILTER))
			continue;
		value = column->get(row);
		text = value_whole_text(&value);
		if (!text)
			table_cell(column, row, 0, shown);
		if (text_has(text ? text : shown, filter))
			return true;
	}
	return false;
}

void table_show(struct table *table, const char *filter,
		bool (*arrange)(void **rows, size_t count))
{
	table->count = 0;
	for (size_t i = 0; i < table->made_count; i++) {
		void *row = table->made + i * table->row_bytes;

		if (!*filter || table_holds(table, row, filter))
			table->rows[table->count++] = row;
	}
	table_sort(table);
	if (arrange)
		arrange(table->rows, table->count);
	table_find_selected(table);
}

void table_select(struct table *table, size_t index)
{
	table->held = index > 0;
	table_point(table, index);
}

void table_move(struct table *table, long step)
{
	size_t back = step < 0 ? (size_t)-step : 0;

	if (back > table->selected)
		table_select(table, 0);
	else if (step < 0)
		table_select(table, table->selected - back);
	else
		table_select(table, table->selected + (size_t)step);
}

void *table_selected(const struct table *table)
{
	return table->selected < table->count ? table->rows[table->selected]
					      : NULL;
}

void table_sort_by(struct table *table, size_t index)
{
	if (index >= table->column_count || !table->columns[index].letter)
		return;
	if (table->sort != index)
		table->invert = false;
	table->sort = index;
	table_sort(table);
	table_select(table, 0); /* what comes first now is why one sorts */
}

void table_invert(struct table *table)
{
	table->invert = !table->invert;
	table_sort(table);
	table_select(table, 0);
}

bool table_sort_letter(struct table *table, int letter)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (!table->columns[i].letter ||
		    table->columns[i].letter != letter)
			continue;
		table_sort_by(table, i);
		return true;
	}
	return false;
}

void table_sort_step(struct table *table, int step)
{
	size_t at = table->sort;

	for (size_t i = 0; i < table->column_count; i++) {
		at = (at + table->column_count + (size_t)step) %
		     table->column_count;
		if (table->columns[at].letter)
			break;
	}
	table_sort_by(table, at);
}

void table_scroll(struct table *table, int step)
{
	if (step < 0 && table->skip > 0)
		table->skip--;
	else if (step > 0 && table->skip + 2 < table->column_count)
		table->skip++;
}

/* The columns a set of widths needs, with a blank between two. */
static int table_needed(const struct table *table)
{
	int sum = -1;

	for (size_t i = 0; i < table->column_count; i++)
		if (table->column_width[i])
			sum += table->column_width[i] + 1;
	return sum;
}

/* The column that leaves first; column_count when none may. */
static size_t table_expendable(const struct table *table)
{
	size_t worst = table->column_count;
	uint8_t rank = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (table->column_width[i] && table->columns[i].rank > rank) {
			rank = table->columns[i].rank;
			worst = i;
		}
	return worst;
}

static void table_lay_out(struct table *table, int width)
{
	size_t hidden = table->skip, worst;
	int x = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		bool skipped = hidden > 0 && table->columns[i].rank > 0;

		table->column_width[i] = skipped ? 0 : table->columns[i].width;
		hidden -= skipped;
	}
	while (table_needed(table) > width &&
	       (worst = table_expendable(table)) < table->column_count)
		table->column_width[worst] = 0;
	for (size_t i = 0; i < table->column_count; i++)
		if ((table->columns[i].flags & COLUMN_FLEXIBLE) &&
		    table->column_width[i] && table_needed(table) < width)
			table->column_width[i] += width - table_needed(table);
	for (size_t i = 0; i < table->column_count; i++) {
		table->column_x[i] = x;
		if (table->column_width[i])
			x += table->column_width[i] + 1;
	}
}

static void table_draw_header(const struct table *table, int y, int width)
{
	term_put(y, 0, width, TERM_HEADER, "");
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		const char *title = table->has_baseline && column->change_title
					    ? column->change_title
					    : column->title;
		enum term_role role =
			table->sort == i ? TERM_SORTED : TERM_HEADER;

		if (!table->column_width[i])
			continue;
		if (column->flags & COLUMN_LEFT)
			term_put(y, table->column_x[i], table->column_width[i],
				 role, title);
		else
			term_put_right(y, table->column_x[i],
				       table->column_width[i], role, title);
	}
}

static void table_draw_cell(const struct table *table, int y, size_t i,
			    const void *row, bool selected)
{
	const struct column *column = &table->columns[i];
	enum term_role role = selected	     ? TERM_SELECTED
			      : column->role ? column->role(row)
					     : TERM_TEXT;
	char text[VALUE_TEXT_MAX];

	table_cell(column, row, table->column_width[i], text);
	if (column->flags & COLUMN_LEFT)
		term_put(y, table->column_x[i], table->column_width[i], role,
			 text);
	else
		term_put_right(y, table->column_x[i], table->column_width[i],
			       role, text);
}

static void table_draw_row(const struct table *table, int y, size_t index,
			   int width)
{
	bool selected = index == table->selected;

	if (selected)
		term_put(y, 0, width, TERM_SELECTED, "");
	for (size_t i = 0; i < table->column_count; i++)
		if (table->column_width[i])
			table_draw_cell(table, y, i, table->rows[index],
					selected);
}

void table_draw(struct table *table, int y, int height, int width)
{
	if (height < 2)
		return;
	table->y = y;
	table->height = height;
	table->page = (size_t)height - 1;
	if (table->selected < table->top)
		table->top = table->selected;
	if (table->selected >= table->top + table->page)
		table->top = table->selected - table->page + 1;
	if (table->top + table->page > table->count)
		table->top = table->count > table->page
				     ? table->count - table->page
				     : 0;
	table_lay_out(table, width);
	table_draw_header(table, y, width);
	for (size_t i = 0; i < table->page && table->top + i < table->count;
	     i++)
		table_draw_row(table, y + 1 + (int)i, table->top + i, width);
}

/* A bar holds no text. */
static bool table_row_has(const struct table *table, size_t index,
			  const char *text)
{
	char cell[VALUE_TEXT_MAX];

	for (size_t i = 0; i < table->column_count; i++) {
		table_cell(&table->columns[i], table->rows[index], 0, cell);
		if (text_has(cell, text))
			return true;
	}
	return false;
}

bool table_search(struct table *table, const char *text, int step,
		  bool from_here)
{
	size_t at = table->selected;

	for (size_t i = 0; i <= table->count && table->count > 0; i++) {
		if (i > 0 || !from_here)
			at = (at + table->count + (size_t)step) % table->count;
		if (table_row_has(table, at, text)) {
			table_select(table, at);
			return true;
		}
	}
	return false;
}

enum table_hit table_click(struct table *table, int y, int x, size_t *index)
{
	if (y == table->y) {
		for (size_t i = 0; i < table->column_count; i++)
			if (table->column_width[i] && x >= table->column_x[i] &&
			    x <= table->column_x[i] + table->column_width[i]) {
				*index = i;
				return TABLE_HIT_COLUMN;
			}
		return TABLE_MISS;
	}
	if (y <= table->y || y >= table->y + table->height)
		return TABLE_MISS;
	*index = table->top + (size_t)(y - table->y - 1);
	return *index < table->count ? TABLE_HIT_ROW : TABLE_MISS;
}
