#include "hakmem-top/data/bounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MIB 1048576.0

static char text[BOUNDS_MAX];

static const char *bytes(double value, double error, uint64_t samples)
{
	const struct estimate estimate = {value, error, samples};

	return bounds_bytes(text, &estimate, MIB, true);
}

static void enough_samples_are_a_number_and_its_error(void **state)
{
	const struct estimate count = {61000, 3300, 340};

	(void)state;
	assert_string_equal(bytes(12.9 * MIB, MIB, 10), "12.9M ±1.96M");
	assert_string_equal(bytes(100 * MIB, 0, 10), "100M exact");
	assert_string_equal(bytes(100 * MIB, 0.1, 99), "100M exact");
	assert_string_equal(bounds_count(text, &count, true), "61.0k ±6.47k");
	assert_string_equal(bounds_count(text, &count, false), "61.0k +-6.47k");
}

static void few_samples_are_an_interval_and_n(void **state)
{
	const struct estimate count = {30, 20, 2};
	const char *n;

	(void)state;
	assert_string_equal(bytes(1.5 * MIB, 0, 1), "1.50M-4.81M n=1");
	n = strstr(bytes(9 * MIB, 3 * MIB, 9), " n=9");
	assert_non_null(n);
	assert_null(strstr(text, "±"));
	assert_non_null(strchr(text, '-'));
	assert_non_null(strstr(bounds_count(text, &count, true), " n=2"));
}

static void no_sample_is_an_upper_bound(void **state)
{
	const struct estimate none = {0, 0, 0};

	(void)state;
	assert_string_equal(bytes(0, 0, 0), "<3.00M n=0");
	assert_string_equal(bounds_bytes(text, &none, 0, true), "-");
	assert_string_equal(bounds_count(text, &none, true), "-");
}

static void changes_have_sign_and_error(void **state)
{
	const struct estimate less = {-2 * MIB, 0.5 * MIB, 20};
	const struct estimate few = {2 * MIB, 0.75 * MIB, 2};
	const struct estimate exact = {0, 0, 30}, none = {0, 0, 0};

	(void)state;
	assert_string_equal(bounds_bytes_change(text, &less, MIB, true),
			    "-2.00M ±1004K");
	assert_string_equal(bounds_bytes_change(text, &few, MIB, true),
			    "+2.00M ±2.45M n=2");
	assert_string_equal(bounds_bytes_change(text, &exact, MIB, false),
			    "0 exact");
	assert_string_equal(bounds_bytes_change(text, &none, MIB, true),
			    "<3.00M n=0");
	assert_string_equal(bounds_count_change(text, &none, true), "-");
	assert_string_equal(bounds_count_change(text, &less, false),
			    "-2.10M +-1.03M");
}

static void rates_of_few_samples_are_bounds(void **state)
{
	(void)state;
	assert_string_equal(bounds_rate(text, 2.5 * MIB, MIB), "2.50M");
	assert_string_equal(bounds_rate(text, 0, MIB), "<307K");
	assert_int_equal(*bounds_rate(text, 0.5 * MIB, MIB), '<');
	assert_string_equal(bounds_rate(text, MIB, 0), "-");
}

static void few_samples_make_a_figure_rough(void **state)
{
	const struct estimate few = {5, 1, 9}, enough = {5, 1, 10};

	(void)state;
	assert_string_equal(bounds_rough(&few), "~");
	assert_string_equal(bounds_rough(&enough), "");
}

/* What a hostile daemon sends still fits the columns of the tables. */
static void extremes_fit_their_columns(void **state)
{
	static const double values[] = {0, 5e-324, 1023, 1e18, 1e308};

	(void)state;
	for (size_t v = 0; v < 5; v++)
		for (size_t e = 0; e < 5; e++)
			for (uint64_t n = 0; n < 12; n++) {
				struct estimate one = {values[v], values[e], n};

				bounds_bytes(text, &one, 1e18, false);
				assert_true(strlen(text) <= 18);
				bounds_count(text, &one, false);
				assert_true(strlen(text) <= 18);
				bounds_rate(text, values[v], values[e]);
				assert_true(strlen(text) <= 8);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enough_samples_are_a_number_and_its_error),
		cmocka_unit_test(few_samples_are_an_interval_and_n),
		cmocka_unit_test(no_sample_is_an_upper_bound),
		cmocka_unit_test(changes_have_sign_and_error),
		cmocka_unit_test(rates_of_few_samples_are_bounds),
		cmocka_unit_test(few_samples_make_a_figure_rough),
		cmocka_unit_test(extremes_fit_their_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
