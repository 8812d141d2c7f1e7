#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

static int clear(void **state)
{
	(void)state;
	stats = (struct stats){0};
	return 0;
}

static void a_large_block_is_counted_in_its_bin(void **state)
{
	struct stats_bin *bin = stats_bin(100000);

	(void)state;
	stats_large_alloc(100000, 102400);
	stats_large_alloc(100001, 106496);
	stats_large_alloc(1 << 20, (1 << 20) + 4096);
	assert_int_equal(stats_large().allocs, 3);
	assert_int_equal(stats_large().live_bytes,
			 102400 + 106496 + (1 << 20) + 4096);
	assert_int_equal(bin->requests, 2);
	assert_int_equal(bin->requested_bytes, 200001);
	assert_int_equal(bin->reserved_bytes, 208896);
	assert_int_equal(bin->requests - bin->frees, 2);
	assert_int_equal(bin->reserved_bytes - bin->freed_bytes, 208896);
	assert_int_equal(stats_bin(1 << 20)->requests, 1);
}

static void a_free_takes_only_what_lives(void **state)
{
	struct stats_bin *bin = stats_bin(100000);

	(void)state;
	stats_large_alloc(100000, 102400);
	stats_large_alloc(100001, 106496);
	stats_large_free(100000, 102400);
	assert_int_equal(stats_large().frees, 1);
	assert_int_equal(stats_large().allocs, 2);
	assert_int_equal(stats_large().live_bytes, 106496);
	assert_int_equal(bin->requests, 2);
	assert_int_equal(bin->requested_bytes, 200001);
	assert_int_equal(bin->reserved_bytes, 208896);
	assert_int_equal(bin->requests - bin->frees, 1);
	assert_int_equal(bin->reserved_bytes - bin->freed_bytes, 106496);
	stats_large_free(100001, 106496);
	assert_int_equal(bin->requests - bin->frees, 0);
	assert_int_equal(bin->reserved_bytes - bin->freed_bytes, 0);
	assert_int_equal(stats_large().live_bytes, 0);
}

static void each_size_has_the_bin_of_the_wire(void **state)
{
	(void)state;
	for (uint32_t bin = 0; bin < BINS_COUNT; bin++) {
		assert_ptr_equal(stats_bin(bins_low(bin)), &stats.large[bin]);
		assert_ptr_equal(stats_bin(bins_high(bin)), &stats.large[bin]);
	}
	assert_ptr_equal(stats_bin(SIZE_MAX), &stats.large[BINS_COUNT - 1]);
}

static void *count(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		stats_large_alloc(50000, 53248);
		stats_large_free(50000, 53248);
	}
	return arg;
}

static void threads_lose_no_count(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(stats_large().allocs, 80000);
	assert_int_equal(stats_large().frees, 80000);
	assert_int_equal(stats_large().live_bytes, 0);
	assert_int_equal(stats_bin(50000)->requested_bytes, 80000L * 50000);
	assert_int_equal(stats_bin(50000)->frees, 80000);
	assert_int_equal(stats_bin(50000)->freed_bytes, 80000L * 53248);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_large_block_is_counted_in_its_bin,
				       clear),
		cmocka_unit_test_setup(a_free_takes_only_what_lives, clear),
		cmocka_unit_test_setup(each_size_has_the_bin_of_the_wire,
				       clear),
		cmocka_unit_test_setup(threads_lose_no_count, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
