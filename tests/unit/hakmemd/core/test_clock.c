#include "hakmemd/core/clock.h"

#include <unistd.h>

#include "tests/unit/hakmemd/unit.h"

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec now;

	assert_int_equal(clock_gettime(clock, &now), 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void it_is_the_monotonic_clock(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t before = nanoseconds(CLOCK_MONOTONIC);
		uint64_t now = clock_ns(), again = clock_ns();

		assert_true(before <= now && now <= again);
		assert_true(again <= nanoseconds(CLOCK_MONOTONIC));
	}
}

static void it_counts_nanoseconds(void **state)
{
	uint64_t begin = clock_ns();

	(void)state;
	usleep(20000);
	assert_true(clock_ns() - begin >= 20000000);
	assert_true(CLOCK_SECOND == 1000000000);
}

static void other_clocks_are_read_as_well(void **state)
{
	uint64_t before = nanoseconds(CLOCK_REALTIME);
	uint64_t now = clock_read(CLOCK_REALTIME);

	(void)state;
	assert_true(before <= now && now <= nanoseconds(CLOCK_REALTIME));
	before = nanoseconds(CLOCK_BOOTTIME);
	now = clock_read(CLOCK_BOOTTIME);
	assert_true(before <= now && now <= nanoseconds(CLOCK_BOOTTIME));
}

static void a_moment_has_a_unix_time(void **state)
{
	double before_s = (double)nanoseconds(CLOCK_REALTIME) / 1e9, now_s,
	       then_s;

	(void)state;
	now_s = clock_unix_s(clock_ns());
	assert_true(now_s > before_s - 0.001);
	assert_true(now_s < (double)nanoseconds(CLOCK_REALTIME) / 1e9 + 0.001);
	then_s = clock_unix_s(clock_ns() - 90 * CLOCK_SECOND);
	assert_true(then_s > now_s - 90.001 && then_s < now_s - 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_monotonic_clock),
		cmocka_unit_test(it_counts_nanoseconds),
		cmocka_unit_test(other_clocks_are_read_as_well),
		cmocka_unit_test(a_moment_has_a_unix_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
