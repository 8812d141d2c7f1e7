#include "hakmem-top/screens/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct item {
	uint64_t id;
	int value;
	const char *name;
};

static uint64_t key(const void *row)
{
	return ((const struct item *)row)->id;
}

static int by_value(const void *a, const void *b)
{
	return ((const struct item *)a)->value -
	       ((const struct item *)b)->value;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->name,
		      ((const struct item *)b)->name);
}

static void show_value(const void *row, char out[TABLE_TEXT_MAX])
{
	snprintf(out, TABLE_TEXT_MAX, "%d", ((const struct item *)row)->value);
}

static void show_name(const void *row, char out[TABLE_TEXT_MAX])
{
	strcpy(out, ((const struct item *)row)->name);
}

static const struct column columns[] = {
	{.title = "V",
	 .letter = 'V',
	 .width = 5,
	 .compare = by_value,
	 .format = show_value},
	{.title = "-", .width = 5, .format = show_value},
	{.title = "N",
	 .letter = 'N',
	 .width = 5,
	 .ascending = true,
	 .compare = by_name,
	 .format = show_name},
};

static struct item items[] = {
	{1, 10, "pear"}, {2, 30, "apple"}, {3, 20, "Fig"}};
static void *rows[3];
static struct table table;

static int setup(void **state)
{
	(void)state;
	table = (struct table){
		.columns = columns, .column_count = 3, .key = key};
	for (size_t i = 0; i < 3; i++)
		rows[i] = &items[i];
	table_set_rows(&table, rows, 3, false);
	return 0;
}

static uint64_t id_at(size_t index)
{
	return key(table.rows[index]);
}

static void sorts_by_letter_step_and_inversion(void **state)
{
	(void)state;
	assert_int_equal(id_at(0), 2); /* largest first */
	assert_true(table_sort_letter(&table, 'N'));
	assert_int_equal(id_at(0), 3); /* smallest first */
	assert_false(table_sort_letter(&table, 'Q'));
	table_invert(&table);
	assert_int_equal(id_at(0), 1);
	table_sort_step(&table, 1);
	assert_int_equal(table.sort, 0);
	assert_false(table.invert);
	table_sort_step(&table, 1); /* over the column that cannot sort */
	assert_int_equal(table.sort, 2);
	table_sort_step(&table, -1);
	assert_int_equal(table.sort, 0);
}

static void selection_follows_its_row(void **state)
{
	(void)state;
	table_select(&table, 1);
	assert_int_equal(key(table_selected(&table)), 3);
	items[2].value = 99; /* now the largest */
	table_set_rows(&table, rows, 3, false);
	assert_int_equal(key(table_selected(&table)), 3);
	assert_int_equal(table.selected, 0);
	items[2].value = 20;
	table_sort_letter(&table, 'V'); /* another order begins at its top */
	assert_int_equal(key(table_selected(&table)), 2);
	items[2].value = 99; /* a row that nobody chose is not followed */
	table_set_rows(&table, rows, 3, false);
	assert_int_equal(key(table_selected(&table)), 3);
	items[2].value = 20;
	table_move(&table, -5);
	assert_int_equal(table.selected, 0);
	table_move(&table, 50);
	assert_int_equal(table.selected, 2);
	table_set_rows(&table, rows, 0, false);
	assert_null(table_selected(&table));
	table_move(&table, 1);
	assert_null(table_selected(&table));
}

static void search_goes_round(void **state)
{
	(void)state;
	table_select(&table, 0); /* apple, Fig, pear */
	assert_true(table_search(&table, "p", 1, true));
	assert_int_equal(id_at(table.selected), 2);
	assert_true(table_search(&table, "p", 1, false));
	assert_int_equal(id_at(table.selected), 1);
	assert_true(table_search(&table, "p", 1, false));
	assert_int_equal(id_at(table.selected), 2);
	assert_true(table_search(&table, "FIG", -1, false));
	assert_int_equal(id_at(table.selected), 3);
	assert_false(table_search(&table, "plum", 1, false));
}

static void clicks_hit_what_was_drawn(void **state)
{
	size_t index = 9;

	(void)state;
	table.y = 4;
	table.height = 3;
	table.top = 1;
	for (size_t i = 0; i < 3; i++) {
		table.column_x[i] = (int)i * 6;
		table.column_width[i] = 5;
	}
	assert_int_equal(table_click(&table, 4, 13, &index), TABLE_HIT_COLUMN);
	assert_int_equal(index, 2);
	assert_int_equal(table_click(&table, 5, 0, &index), TABLE_HIT_ROW);
	assert_int_equal(index, 1);
	assert_int_equal(table_click(&table, 3, 0, &index), TABLE_MISS);
	assert_int_equal(table_click(&table, 7, 0, &index), TABLE_MISS);
	table.top = 2;
	assert_int_equal(table_click(&table, 6, 0, &index), TABLE_MISS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sorts_by_letter_step_and_inversion,
				       setup),
		cmocka_unit_test_setup(selection_follows_its_row, setup),
		cmocka_unit_test_setup(search_goes_round, setup),
		cmocka_unit_test_setup(clicks_hit_what_was_drawn, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
