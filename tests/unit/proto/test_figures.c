#include "proto/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct figures_map map;

static void our_own_names_are_in_order(void **state)
{
	(void)state;
	assert_true(figures_map(figures_names, &map));
	assert_int_equal(map.count, FIGURES);
	for (unsigned i = 0; i < FIGURES; i++)
		assert_int_equal(map.figure[i], i);
}

static void names_are_told_apart(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FIGURES; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(figures_table[i].name,
						figures_table[j].name);
}

/* Names that scripts rely on say their unit and kind. */
static void names_end_in_their_unit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FIGURES; i++) {
		const struct figure_row *row = &figures_table[i];
		bool total = strstr(row->name, "_total") != NULL;

		if (row->unit == FIGURE_BYTES && !strstr(row->name, "_bytes"))
			fail_msg("%s does not say its unit", row->name);
		if (row->unit == FIGURE_NS && !strstr(row->name, "_ns"))
			fail_msg("%s does not say its unit", row->name);
		if (total && row->kind != FIGURE_COUNTER)
			fail_msg("%s is no counter", row->name);
		if (!total && row->kind == FIGURE_COUNTER &&
		    row->group != FIGURE_REJECTED)
			fail_msg("%s does not say that it is a counter",
				 row->name);
	}
}

static void what_both_know_is_taken(void **state)
{
	const uint64_t values[] = {10, 11, 12, 13};
	uint64_t figures[FIGURES];

	(void)state;
	assert_true(figures_map("rss_bytes from_the_future live_bytes", &map));
	assert_int_equal(map.count, 3);
	figures_take(&map, values, 4, figures);
	for (unsigned i = 0; i < FIGURES; i++)
		if (i == FIGURE_RSS_BYTES)
			assert_int_equal(figures[i], 10);
		else if (i == FIGURE_LIVE_BYTES)
			assert_int_equal(figures[i], 12);
		else
			assert_true(figures[i] == FIGURE_UNKNOWN);
	assert_int_equal(figure_or_0(figures, FIGURE_RSS_BYTES), 10);
	assert_int_equal(figure_or_0(figures, FIGURE_ALLOCS), 0);
}

static void fewer_values_than_names_are_not_known(void **state)
{
	const uint64_t values[] = {10};
	uint64_t figures[FIGURES];

	(void)state;
	assert_true(figures_map("rss_bytes live_bytes", &map));
	figures_take(&map, values, 1, figures);
	assert_int_equal(figures[FIGURE_RSS_BYTES], 10);
	assert_true(figures[FIGURE_LIVE_BYTES] == FIGURE_UNKNOWN);
}

static void no_names_are_an_order_too(void **state)
{
	(void)state;
	assert_true(figures_map("", &map));
	assert_int_equal(map.count, 0);
}

static void names_that_make_no_sense_are_refused(void **state)
{
	char many[2 * FIGURES_NAMES_MAX + 3];

	(void)state;
	assert_false(figures_map(" live_bytes", &map));
	assert_false(figures_map("live_bytes  rss_bytes", &map));
	assert_false(figures_map("live_bytes\n", &map));
	assert_false(figures_map("Live", &map));
	assert_false(figures_map("live_bytes rss_bytes live_bytes", &map));
	assert_true(figures_map("new new", &map)); /* not ours to judge */
	for (unsigned i = 0; i <= FIGURES_NAMES_MAX; i++)
		memcpy(many + 2 * i, "x ", 3);
	assert_false(figures_map(many, &map));
	many[2 * FIGURES_NAMES_MAX] = '\0';
	assert_true(figures_map(many, &map));
}

static void rejects_have_a_counter_each(void **state)
{
	char name[64];

	(void)state;
	assert_int_equal(FIGURE_REJECT(REJECT_FOREIGN), FIGURE_REJECTS_FOREIGN);
	assert_int_equal(FIGURE_REJECT(REJECT_KINDS - 1) - FIGURE_REJECT(0),
			 REJECT_KINDS - 1);
	for (unsigned i = 0; i < REJECT_KINDS; i++) {
		snprintf(name, sizeof(name), "rejects_");
		assert_memory_equal(figures_table[FIGURE_REJECT(i)].name, name,
				    strlen(name));
	}
	assert_string_equal(figures_reject_text[REJECT_DOUBLE_FREE],
			    "double free");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_names_are_in_order),
		cmocka_unit_test(names_are_told_apart),
		cmocka_unit_test(names_end_in_their_unit),
		cmocka_unit_test(what_both_know_is_taken),
		cmocka_unit_test(fewer_values_than_names_are_not_known),
		cmocka_unit_test(no_names_are_an_order_too),
		cmocka_unit_test(names_that_make_no_sense_are_refused),
		cmocka_unit_test(rejects_have_a_counter_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
