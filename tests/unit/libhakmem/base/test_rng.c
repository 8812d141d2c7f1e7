#include "libhakmem/base/rng.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <math.h>

#define DRAWS 400000

/* |estimate - truth| in standard errors. */
static double deviations(double estimate, double truth, double error)
{
	return fabs(estimate - truth) / error;
}

static void bits_are_even(void **unused)
{
	uint64_t state = 1;
	int ones[64] = {0};

	(void)unused;
	for (int i = 0; i < DRAWS; i++) {
		uint64_t bits = rng_next(&state);

		for (int bit = 0; bit < 64; bit++)
			ones[bit] += (int)(bits >> bit & 1);
	}
	for (int bit = 0; bit < 64; bit++)
		assert_true(deviations(ones[bit], DRAWS / 2.0,
				       sqrt(DRAWS / 4.0)) < 5);
}

static void units_are_above_0_and_at_most_1(void **unused)
{
	uint64_t state = 42;
	double sum = 0, squares = 0;

	(void)unused;
	for (int i = 0; i < DRAWS; i++) {
		double u = rng_unit(&state);

		assert_true(u > 0 && u <= 1);
		sum += u;
		squares += u * u;
	}
	assert_true(deviations(sum / DRAWS, 0.5, sqrt(1.0 / 12 / DRAWS)) < 5);
	assert_true(deviations(squares / DRAWS, 1.0 / 3,
			       sqrt(4.0 / 45 / DRAWS)) < 5);
}

/* x ^= x << a (a > 0) or x >> -a, undone. */
static uint64_t undo_shift(uint64_t y, int a)
{
	uint64_t x = y;

	for (int i = 0; i < 64; i++)
		x = y ^ (a > 0 ? x << a : x >> -a);
	return x;
}

/* The state whose next draw is `bits`. */
static uint64_t state_before(uint64_t bits)
{
	uint64_t inverse = 0x2545F4914F6CDD1Du;

	for (int i = 0; i < 6; i++)
		inverse *= 2 - 0x2545F4914F6CDD1Du * inverse;
	return undo_shift(undo_shift(undo_shift(bits * inverse, 17), -7), 13);
}

static void the_smallest_draw_is_not_0(void **unused)
{
	uint64_t state = state_before(1);

	(void)unused;
	assert_int_equal(rng_next(&state), 1);
	state = state_before(1);
	assert_true(rng_unit(&state) == 0x1p-53);
	state = state_before(1);
	assert_true(fabs(rng_exponential(&state, 1000) - 53000 * log(2)) < 1);
	state = state_before(UINT64_MAX);
	assert_true(rng_unit(&state) == 1.0);
	state = state_before(UINT64_MAX);
	assert_true(rng_exponential(&state, 1000) == 0);
}

/* Mean R, variance R^2, and the right share beyond 1, 2 and 5 means. */
static void exponential_draws_have_their_moments(void **unused)
{
	static const uint64_t means[] = {64, 16384, 524288, 1ull << 40};

	(void)unused;
	for (size_t m = 0; m < COUNT_OF(means); m++) {
		double mean = (double)means[m], sum = 0, squares = 0;
		double beyond[3] = {0}, at[3] = {1, 2, 5};
		uint64_t state = 7 + m;

		for (int i = 0; i < DRAWS; i++) {
			double x = rng_exponential(&state, means[m]) / mean;

			assert_true(x >= 0);
			sum += x;
			squares += x * x;
			for (int k = 0; k < 3; k++)
				beyond[k] += x > at[k];
		}
		assert_true(deviations(sum / DRAWS, 1, 1 / sqrt(DRAWS)) < 5);
		assert_true(deviations(squares / DRAWS, 2, sqrt(20.0 / DRAWS)) <
			    5);
		for (int k = 0; k < 3; k++) {
			double p = exp(-at[k]);

			assert_true(deviations(beyond[k] / DRAWS, p,
					       sqrt(p * (1 - p) / DRAWS)) < 6);
		}
	}
}

static void draws_never_overflow(void **unused)
{
	uint64_t state = 3;

	(void)unused;
	for (int i = 0; i < 1000; i++) {
		assert_true(rng_exponential(&state, 0) == 0);
		assert_true(rng_exponential(&state, UINT64_MAX) >= 0);
		assert_true(rng_exponential(&state, UINT64_MAX) <= 0x1p62);
	}
}

static void log_is_as_accurate_as_promised(void **unused)
{
	uint64_t state = 5;
	double worst = 0;

	(void)unused;
	for (int i = 0; i < 200000; i++) {
		double x = rng_unit(&state);

		worst = fmax(worst, fabs(rng_log(x) - log(x)));
		x = ldexp(x, -(int)(draw(&state) % 53));
		if (x >= 0x1p-53)
			worst = fmax(worst, fabs(rng_log(x) - log(x)));
	}
	assert_true(worst < 1e-9);
	assert_true(rng_log(1.0) == 0.0);
	assert_true(fabs(rng_log(0x1p-53) - log(0x1p-53)) < 1e-9);
}

static void exp_is_as_accurate_as_promised(void **unused)
{
	double worst = 0;

	(void)unused;
	for (double x = 0; x < 750; x += 0.003)
		worst = fmax(worst, fabs(rng_exp_neg(x) - exp(-x)));
	assert_true(worst < 1e-11);
	assert_true(rng_exp_neg(0.0) == 1.0);
	assert_true(rng_exp_neg(1e9) == 0.0);
	/* the tail keeps its order of magnitude */
	for (double x = 1; x < 600; x += 1)
		assert_true(fabs(rng_exp_neg(x) / exp(-x) - 1) < 1e-7);
}

static void seeds_differ_and_are_never_0(void **unused)
{
	uint64_t one = rng_seed();

	(void)unused;
	assert_true(one != 0);
	sleep_ms(1);
	assert_true(one != rng_seed());
}

static void nothing_touches_errno(void **unused)
{
	uint64_t state = 9;

	(void)unused;
	errno = 77;
	rng_log(0x1p-53);
	rng_exp_neg(1e300);
	rng_exponential(&state, 1 << 20);
	rng_seed();
	assert_int_equal(errno, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_are_even),
		cmocka_unit_test(units_are_above_0_and_at_most_1),
		cmocka_unit_test(the_smallest_draw_is_not_0),
		cmocka_unit_test(exponential_draws_have_their_moments),
		cmocka_unit_test(draws_never_overflow),
		cmocka_unit_test(log_is_as_accurate_as_promised),
		cmocka_unit_test(exp_is_as_accurate_as_promised),
		cmocka_unit_test(seeds_differ_and_are_never_0),
		cmocka_unit_test(nothing_touches_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
