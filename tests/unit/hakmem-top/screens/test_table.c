#include "hakmem-top/screens/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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

static struct value get_value(const void *row)
{
	return value_whole(VALUE_NUMBER,
			   (uint64_t)((const struct item *)row)->value);
}

static struct value get_name(const void *row)
{
	return value_text(VALUE_PATH, ((const struct item *)row)->name);
}

static const struct column columns[] = {
	{.title = "V", .letter = 'V', .width = 5, .get = get_value},
	{.title = "-", .width = 5, .get = get_value},
	{.title = "N",
	 .letter = 'N',
	 .width = 5,
	 .flags = COLUMN_ASCENDING | COLUMN_FILTER,
	 .get = get_name},
};

static struct item items[] = {
	{1, 10, "b/pear"}, {2, 30, "b/apple"}, {3, 20, "a/Fig"}};
static struct table table;

/* The first `count` items are the rows. */
static void give(size_t count)
{
	struct item *made = table_make(&table, count, sizeof(*made));

	assert_non_null(made);
	memcpy(made, items, count * sizeof(*made));
	table_show(&table, "", NULL);
}

static int setup(void **state)
{
	(void)state;
	table = (struct table){
		.columns = columns, .column_count = 3, .key = key};
	give(3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	give(0);
	free(table.made);
	free(table.rows);
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
	assert_int_equal(id_at(0), 2); /* smallest first, either case */
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
	give(3);
	assert_int_equal(key(table_selected(&table)), 3);
	assert_int_equal(table.selected, 0);
	items[2].value = 20;
	give(3);
	table_sort_letter(&table, 'V'); /* another order begins at its top */
	assert_int_equal(key(table_selected(&table)), 2);
	items[2].value = 99; /* a row that nobody chose is not followed */
	give(3);
	assert_int_equal(key(table_selected(&table)), 3);
	items[2].value = 20;
	table_move(&table, -5);
	assert_int_equal(table.selected, 0);
	table_move(&table, 50);
	assert_int_equal(table.selected, 2);
	give(0);
	assert_null(table_selected(&table));
	table_move(&table, 1);
	assert_null(table_selected(&table));
}

static uint64_t shown(const char *filter)
{
	uint64_t ids = 0;

	table_show(&table, filter, NULL);
	for (size_t i = 0; i < table.count; i++)
		ids = ids * 10 + id_at(i);
	return ids;
}

/* Also where less of the text is shown; not in other columns. */
static void the_filter_holds_on_to_the_order(void **state)
{
	(void)state;
	assert_int_equal(shown("B/"), 21);
	assert_int_equal(shown("fig"), 3);
	assert_int_equal(shown("30"), 0);
	assert_int_equal(shown(""), 231);
	table_invert(&table);
	assert_int_equal(shown(""), 132);
}

static bool backwards(void **rows, size_t count)
{
	void *first = rows[0];

	rows[0] = rows[count - 1];
	rows[count - 1] = first;
	return true;
}

static void equal_rows_keep_their_order(void **state)
{
	(void)state;
	items[1].value = 10;
	give(3);
	assert_int_equal(shown(""), 312);
	table_invert(&table);
	assert_int_equal(shown(""), 123);
	table.sort = TABLE_UNSORTED;
	assert_int_equal(shown(""), 123);
	items[1].value = 30;
	table_show(&table, "", backwards);
	assert_int_equal(id_at(0), 3);
	assert_int_equal(id_at(2), 1);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(sorts_by_letter_step_and_inversion),
		TEST(selection_follows_its_row),
		TEST(the_filter_holds_on_to_the_order),
		TEST(equal_rows_keep_their_order),
		TEST(search_goes_round),
		TEST(clicks_hit_what_was_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
