#include "hakmem-top/data/estimate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define R 524288.0

static void nothing_seen_is_less_than_three_weights(void **state)
{
	const struct estimate none = {0, 0, 0};
	struct interval interval = estimate_interval(&none, R);

	(void)state;
	assert_true(interval.low == 0);
	assert_true(interval.high == 3 * R);
	assert_true(estimate_few(&none));
}

/* One block far larger than R was seen for certain; small ones may hide. */
static void a_large_block_is_nearly_exact(void **state)
{
	const struct estimate large = {100 * R, 0, 1};
	struct interval interval = estimate_interval(&large, R);

	(void)state;
	assert_true(interval.low == 100 * R);
	assert_true(interval.high > 101 * R && interval.high < 104 * R);
	interval = estimate_interval(&large, 0);
	assert_true(interval.low == 100 * R && interval.high == 100 * R);
}

/* Exact Poisson limits: 3 seen are 0.619 to 8.767, 9 are 4.115 to 17.085. */
static void few_samples_have_poissons_limits(void **state)
{
	static const struct {
		uint64_t n;
		double low, high;
	} cases[] = {{1, 0.0253, 5.572}, {3, 0.619, 8.767}, {9, 4.115, 17.085}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double n = (double)cases[i].n;
		struct estimate seen = {n * R, sqrt(n) * R, cases[i].n};
		struct interval interval = estimate_interval(&seen, R);

		assert_true(fabs(interval.low / R - cases[i].low) < 0.03);
		assert_true(fabs(interval.high / R - cases[i].high) < 0.06);
	}
}

static double uniform(void)
{
	return (rand() + 0.5) / (RAND_MAX + 1.0);
}

/* Sites of blocks of all sizes, sampled as the library does it, again and
 * again: the interval holds the truth about as often as it says. */
static void intervals_hold_the_truth(void **state)
{
	const unsigned rounds = 4000;
	unsigned held = 0;

	(void)state;
	srand(7);
	for (unsigned round = 0; round < rounds; round++) {
		struct estimate seen = {0, 0, 0};
		double truth = 0, variance = 0;
		struct interval interval;

		for (unsigned block = 0; block < 100 + round % 200; block++) {
			double z = pow(2, 4 + 14 * uniform());
			double p = 1 - exp(-z / 65536);

			truth += z;
			if (uniform() >= p)
				continue;
			seen.value += z / p;
			variance += z * z * (1 - p) / (p * p);
			seen.samples++;
		}
		seen.error = sqrt(variance);
		interval = estimate_interval(&seen, 65536);
		held += truth >= interval.low && truth <= interval.high;
	}
	assert_in_range(held, rounds * 94 / 100, rounds);
}

static void numbers_that_hurt_give_numbers(void **state)
{
	static const double values[] = {0, 5e-324, 1, 1e18, 1e308};

	(void)state;
	for (size_t v = 0; v < 5; v++)
		for (size_t e = 0; e < 5; e++)
			for (size_t w = 0; w < 5; w++) {
				struct estimate seen = {values[v], values[e],
							1};
				struct interval interval =
					estimate_interval(&seen, values[w]);

				assert_true(interval.low <= interval.high);
				assert_true(interval.low >= 0);
			}
}

static void sums_of_different_things(void **state)
{
	const struct estimate a = {10, 3, 5}, b = {14, 5, 20};
	struct estimate sum = estimate_add(&a, &b);

	(void)state;
	assert_true(sum.value == 24 && fabs(sum.error - sqrt(34)) < 1e-9);
	assert_int_equal(sum.samples, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_seen_is_less_than_three_weights),
		cmocka_unit_test(a_large_block_is_nearly_exact),
		cmocka_unit_test(few_samples_have_poissons_limits),
		cmocka_unit_test(intervals_hold_the_truth),
		cmocka_unit_test(numbers_that_hurt_give_numbers),
		cmocka_unit_test(sums_of_different_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
