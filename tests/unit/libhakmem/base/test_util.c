#include "libhakmem/base/util.h"
#include "tests/unit/libhakmem/unit.h"

static void aligning_goes_to_the_next_multiple(void **state)
{
	(void)state;
	for (uintptr_t align = 1; align <= 4096; align *= 2)
		for (uintptr_t value = 0; value < 9000; value += 7) {
			uintptr_t up = align_up(value, align);
			uintptr_t down = align_down(value, align);

			assert_true(up % align == 0 && down % align == 0);
			assert_true(up >= value && up - value < align);
			assert_true(down <= value && value - down < align);
			assert_int_equal(is_aligned(value, align),
					 value % align == 0);
		}
}

static void powers_of_two_are_known(void **state)
{
	(void)state;
	assert_false(is_power_of_two(0));
	for (int bit = 0; bit < 64; bit++) {
		size_t power = (size_t)1 << bit;

		assert_true(is_power_of_two(power));
		if (bit > 1)
			assert_false(is_power_of_two(power - 1));
		if (bit > 0)
			assert_false(is_power_of_two(power + 1));
	}
}

static void rounding_up_reaches_the_top_bit(void **state)
{
	(void)state;
	assert_int_equal(round_up_power(0), 1);
	assert_int_equal(round_up_power(1), 1);
	for (int bit = 1; bit < 64; bit++) {
		size_t power = (size_t)1 << bit;

		assert_true(round_up_power(power) == power);
		assert_true(round_up_power(power / 2 + 1) == power);
		if (bit > 1)
			assert_true(round_up_power(power - 1) == power);
	}
}

static void smaller_and_larger(void **state)
{
	(void)state;
	assert_int_equal(min_size(3, 4), 3);
	assert_int_equal(min_size(SIZE_MAX, 4), 4);
	assert_int_equal(max_size(3, 4), 4);
	assert_true(max_size(SIZE_MAX, 4) == SIZE_MAX);
}

static void counters_wrap_and_return(void **state)
{
	uint64_t counter = 0;

	(void)state;
	uncount64(&counter, 3);
	assert_true(peek64(&counter) == UINT64_MAX - 2);
	count64(&counter, 5);
	assert_int_equal(peek64(&counter), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligning_goes_to_the_next_multiple),
		cmocka_unit_test(powers_of_two_are_known),
		cmocka_unit_test(rounding_up_reaches_the_top_bit),
		cmocka_unit_test(smaller_and_larger),
		cmocka_unit_test(counters_wrap_and_return),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
