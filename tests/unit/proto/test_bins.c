#include "proto/bins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void bins_cover_every_size_once(void **state)
{
	(void)state;
	assert_int_equal(bins_low(0), 0);
	for (uint32_t bin = 0; bin + 1 < BINS_COUNT; bin++) {
		assert_true(bins_low(bin) <= bins_high(bin));
		assert_true(bins_high(bin) + 1 == bins_low(bin + 1));
	}
	assert_true(bins_high(BINS_COUNT - 1) == UINT64_MAX);
}

static void edges_belong_to_their_bin(void **state)
{
	(void)state;
	for (uint32_t bin = 0; bin < BINS_COUNT; bin++) {
		assert_int_equal(bins_index(bins_low(bin)), bin);
		assert_int_equal(bins_index(bins_high(bin)), bin);
	}
}

static void small_sizes_have_16_bytes_a_bin(void **state)
{
	(void)state;
	for (uint64_t bytes = 0; bytes < 1024; bytes++)
		assert_int_equal(bins_index(bytes), bytes / 16);
	assert_int_equal(bins_low(63), 1008);
	assert_int_equal(bins_high(63), 1023);
}

static void size_1024_is_alone(void **state)
{
	(void)state;
	assert_int_equal(bins_index(1024), BINS_1024);
	assert_int_equal(bins_low(BINS_1024), 1024);
	assert_int_equal(bins_high(BINS_1024), 1024);
	assert_int_equal(bins_index(1023), BINS_1024 - 1);
	assert_int_equal(bins_index(1025), BINS_1024 + 1);
}

/* What the comment at the top of bins.h promises, in numbers. */
static void a_doubling_has_eight_bins(void **state)
{
	static const uint64_t low[] = {1025, 1152, 1280, 1408, 1536, 1664,
				       1792, 1920, 2048, 2304, 2560, 2816};

	(void)state;
	for (uint32_t i = 0; i < sizeof(low) / sizeof(low[0]); i++)
		assert_int_equal(bins_low(65 + i), low[i]);
	for (uint32_t log2 = 11; log2 < 47; log2++)
		assert_int_equal(bins_index(UINT64_C(2) << log2) -
					 bins_index(UINT64_C(1) << log2),
				 8);
}

/* Beyond 1024 a bin is at most an eighth of its sizes wide. */
static void bins_are_narrow(void **state)
{
	(void)state;
	for (uint32_t bin = BINS_1024 + 1; bin + 1 < BINS_COUNT; bin++)
		assert_true((bins_high(bin) - bins_low(bin) + 1) * 8 <=
			    bins_low(bin));
}

static void the_last_bin_takes_the_rest(void **state)
{
	(void)state;
	assert_int_equal(bins_index(UINT64_C(1) << 48), BINS_COUNT - 1);
	assert_int_equal(bins_index(UINT64_C(1) << 63), BINS_COUNT - 1);
	assert_int_equal(bins_index(UINT64_MAX), BINS_COUNT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bins_cover_every_size_once),
		cmocka_unit_test(edges_belong_to_their_bin),
		cmocka_unit_test(small_sizes_have_16_bytes_a_bin),
		cmocka_unit_test(size_1024_is_alone),
		cmocka_unit_test(a_doubling_has_eight_bins),
		cmocka_unit_test(bins_are_narrow),
		cmocka_unit_test(the_last_bin_takes_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
