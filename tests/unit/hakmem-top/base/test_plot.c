#include "hakmem-top/base/plot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void bars_show_something_for_something(void **state)
{
	char out[PLOT_MAX];

	(void)state;
	assert_string_equal(plot_bar(out, 0, 100, 10, true), "");
	assert_string_equal(plot_bar(out, 1, 1000000, 10, true), "▏");
	assert_string_equal(plot_bar(out, 50, 100, 3, true), "█▌");
	assert_string_equal(plot_bar(out, 100, 100, 3, true), "███");
	assert_string_equal(plot_bar(out, 1, 1000000, 10, false), "#");
	assert_string_equal(plot_bar(out, 50, 100, 10, false), "#####");
	assert_string_equal(plot_bar(out, UINT64_MAX, 1, 2, false), "##");
	assert_string_equal(plot_bar(out, 1, 0, 2, false), "");
	assert_true(strlen(plot_bar(out, 1, 1, 100000, true)) < PLOT_MAX);
}

static void charts_grow_from_the_bottom(void **state)
{
	const uint64_t values[] = {0, 8, 12, 16};
	char out[PLOT_MAX];

	(void)state;
	assert_string_equal(plot_chart(out, values, 4, 16, 6, 0, 2, true),
			    "   ███");
	assert_string_equal(plot_chart(out, values, 4, 16, 6, 1, 2, true),
			    "    ▄█");
	assert_string_equal(plot_chart(out, values, 4, 16, 2, 0, 1, true),
			    "▆█");
	assert_string_equal(plot_chart(out, values, 4, 16, 4, 0, 1, false),
			    " :|#");
}

static void slices_hold_the_largest_value(void **state)
{
	const uint64_t times[] = {0, 10, 11, 12, 40, 100};
	const uint64_t values[] = {9, 1, 2, 5, 3, 7};
	uint64_t out[10];

	(void)state;
	/* 10 slices of 10: the first value lies before all of them. */
	assert_int_equal(plot_resample(times, values, 6, 0, 100, out, 10), 10);
	assert_int_equal(out[9], 7);
	assert_int_equal(out[8], 3);
	assert_int_equal(out[4], 3);
	assert_int_equal(out[3], 3);
	assert_int_equal(out[2], 5);
	assert_int_equal(out[1], 5);
	assert_int_equal(out[0], 1);
	assert_int_equal(plot_resample(times, values, 0, 0, 100, out, 10), 0);
	assert_int_equal(plot_resample(times, values, 6, 0, 5, out, 10), 0);
}

static void few_values_fill_the_right_end(void **state)
{
	const uint64_t times[] = {80, 100};
	const uint64_t values[] = {4, 6};
	uint64_t out[10];

	(void)state;
	assert_int_equal(plot_resample(times, values, 2, 0, 100, out, 10), 3);
	assert_int_equal(out[0], 4);
	assert_int_equal(out[1], 4);
	assert_int_equal(out[2], 6);
	/* The newest value holds until now. */
	assert_int_equal(plot_resample(times, values, 2, 120, 100, out, 10), 5);
	assert_int_equal(out[1], 4);
	assert_int_equal(out[2], 6);
	assert_int_equal(out[4], 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bars_show_something_for_something),
		cmocka_unit_test(charts_grow_from_the_bottom),
		cmocka_unit_test(slices_hold_the_largest_value),
		cmocka_unit_test(few_values_fill_the_right_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
