#include "hakmem-top/base/fmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void bytes_have_at_most_five_columns(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0B"},	    {1023, "1023B"},	   {1024, "1.00K"},
		{1536, "1.50K"},    {10234, "9.99K"},	   {10240, "10.0K"},
		{102400, "100K"},   {1048063, "1023K"},	   {1048064, "1.00M"},
		{1048576, "1.00M"}, {UINT64_MAX, "16.0E"},
	};
	char out[FMT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(fmt_bytes(out, cases[i].bytes),
				    cases[i].text);
	for (unsigned bit = 0; bit < 64; bit++)
		for (int near = -2; near <= 2; near++) {
			uint64_t value = (UINT64_C(1) << bit) + (uint64_t)near;

			assert_true(strlen(fmt_bytes(out, value)) <= 5);
			assert_true(strlen(fmt_count(out, value)) <= 5);
			assert_true(strlen(fmt_rate(out, (double)value)) <= 5);
		}
}

static void counts_round_into_the_next_unit(void **state)
{
	char out[FMT_MAX];

	(void)state;
	assert_string_equal(fmt_count(out, 999), "999");
	assert_string_equal(fmt_count(out, 1000), "1.00k");
	assert_string_equal(fmt_count(out, 999499), "999k");
	assert_string_equal(fmt_count(out, 999500), "1.00M");
	assert_string_equal(fmt_count(out, UINT64_MAX), "18.4E");
}

static void rates_are_never_negative_or_odd(void **state)
{
	char out[FMT_MAX];

	(void)state;
	assert_string_equal(fmt_rate(out, -3), "0");
	assert_string_equal(fmt_rate(out, 0.0 / 0.0), "0");
	assert_string_equal(fmt_rate(out, 1.0 / 0.0), "0");
	assert_string_equal(fmt_rate(out, 0.001), "<0.01");
	assert_string_equal(fmt_rate(out, 0.25), "0.25");
	assert_string_equal(fmt_rate(out, 12.34), "12.3");
	assert_string_equal(fmt_rate(out, 1234), "1.23k");
}

static void changes_carry_their_sign(void **state)
{
	char out[FMT_MAX];

	(void)state;
	assert_string_equal(fmt_bytes_change(out, 5, 5), "0");
	assert_string_equal(fmt_bytes_change(out, 0, 1536), "+1.50K");
	assert_string_equal(fmt_bytes_change(out, 1536, 0), "-1.50K");
	assert_string_equal(fmt_count_change(out, UINT64_MAX, 0), "-18.4E");
	assert_string_equal(fmt_count_change(out, 7, 10), "+3");
}

static void percent_tells_nothing_from_little(void **state)
{
	char out[FMT_MAX];

	(void)state;
	assert_string_equal(fmt_percent(out, 0, 0), "-");
	assert_string_equal(fmt_percent(out, 0, 9), "0");
	assert_string_equal(fmt_percent(out, 1, 100000), "<0.1");
	assert_string_equal(fmt_percent(out, 1, 8), "12.5");
	assert_string_equal(fmt_percent(out, 8, 8), "100");
	assert_string_equal(fmt_percent(out, UINT64_MAX, 1), ">999");
}

static void ages_use_two_units(void **state)
{
	const uint64_t s = 1000000000u;
	char out[FMT_MAX];

	(void)state;
	assert_string_equal(fmt_age(out, 0), "0.0s");
	assert_string_equal(fmt_age(out, 9 * s + 990000000u), "9.9s");
	assert_string_equal(fmt_age(out, 59 * s), "59s");
	assert_string_equal(fmt_age(out, 187 * s), "3m07s");
	assert_string_equal(fmt_age(out, 7500 * s), "2h05m");
	assert_string_equal(fmt_age(out, 90000 * s), "1d01h");
	assert_string_equal(fmt_age(out, 100 * 86400 * s), "100d");
}

static void groups_and_ranges(void **state)
{
	char out[FMT_MAX];

	(void)state;
	assert_string_equal(fmt_grouped(out, 0), "0");
	assert_string_equal(fmt_grouped(out, 999), "999");
	assert_string_equal(fmt_grouped(out, 1000), "1,000");
	assert_string_equal(fmt_grouped(out, UINT64_MAX),
			    "18,446,744,073,709,551,615");
	assert_string_equal(fmt_range(out, 1024, 1024), "1024");
	assert_string_equal(fmt_range(out, 1025, 1151), "1025-1151");
	assert_string_equal(fmt_range(out, 65536, UINT64_MAX), "64.0K-max");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_have_at_most_five_columns),
		cmocka_unit_test(counts_round_into_the_next_unit),
		cmocka_unit_test(rates_are_never_negative_or_odd),
		cmocka_unit_test(changes_carry_their_sign),
		cmocka_unit_test(percent_tells_nothing_from_little),
		cmocka_unit_test(ages_use_two_units),
		cmocka_unit_test(groups_and_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
