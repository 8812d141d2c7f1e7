#include "libhakmem/base/clock.h"

#include "tests/unit/libhakmem/unit.h"

static void now_is_the_monotonic_clock(void **state)
{
	uint64_t before = monotonic_ns(), now = clock_now();

	(void)state;
	assert_in_range(now, before, monotonic_ns());
}

/* By a timer interrupt, of which there are at least 100 a second. */
static void coarse_is_a_little_late(void **state)
{
	uint64_t before = monotonic_ns(), coarse = clock_coarse();

	(void)state;
	assert_in_range(coarse, before - 20000000, monotonic_ns());
}

static void a_sleeping_thread_takes_no_time(void **state)
{
	uint64_t before = clock_thread(), wall = clock_now(), used;

	(void)state;
	sleep_ms(50);
	used = clock_thread() - before;
	assert_true(used < (clock_now() - wall) / 2);
	while (clock_thread() - before < used + 2000000)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_is_the_monotonic_clock),
		cmocka_unit_test(coarse_is_a_little_late),
		cmocka_unit_test(a_sleeping_thread_takes_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
