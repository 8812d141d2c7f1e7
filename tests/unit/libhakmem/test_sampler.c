#include "libhakmem/sampler.h"
#include "tests/unit/libhakmem/unit.h"

#include <math.h>

#define SECOND 1000000000u

/* The budget: 1024 samples in 41 ms. */
#define BUDGET_NS (SECOND / 25000u * 1024u)

static void chances_are_those_of_a_poisson_process(void **state)
{
	static const uint64_t means[] = {1, 64, 16384, 524288, 1ull << 40};

	(void)state;
	for (size_t m = 0; m < COUNT_OF(means); m++)
		for (uint64_t bytes = 1; bytes < 1ull << 40;
		     bytes += bytes / 3 + 1) {
			double ratio = (double)bytes / (double)means[m];
			double truth = -expm1(-ratio);
			double chance = sampler_chance(bytes, means[m]);

			assert_true(chance > 0 && chance <= 1);
			assert_true(fabs(chance / truth - 1) < 1e-7);
		}
}

/* Weights 1/p must not jump where the formula changes. */
static void chances_grow_with_the_size(void **state)
{
	double last = 0;

	(void)state;
	for (uint64_t bytes = 1; bytes < 4000; bytes++) {
		double chance = sampler_chance(bytes, 1 << 20);

		assert_true(chance > last);
		last = chance;
	}
}

static void without_sampling_everything_is_certain(void **state)
{
	(void)state;
	assert_true(sampler_chance(1, 0) == 1.0);
	assert_true(sampler_chance(1 << 30, 1) == 1.0);
}

/* Requests of one size: the number of them up to a sample is geometric. */
static void draws_are_geometric(void **state)
{
	static const uint64_t sizes[] = {15, 100, 1024, 5000, 32768, 200000};
	uint64_t random = 1, mean = 0;

	(void)state;
	sampler_init(5000, 0);
	for (size_t s = 0; s < COUNT_OF(sizes); s++) {
		double p = sampler_chance(sizes[s], 5000), sum = 0, ones = 0;
		int draws = 100000;

		for (int i = 0; i < draws; i++) {
			int64_t k = sampler_draw(&random, sizes[s], &mean);

			assert_true(k >= 1);
			assert_int_equal(mean, 5000);
			sum += (double)k;
			ones += k == 1;
		}
		/* mean 1/p, variance (1-p)/p^2; the first with chance p */
		assert_true(fabs(sum / draws - 1 / p) <=
			    5 * sqrt((1 - p) / draws) / p + 1e-9);
		assert_true(fabs(ones / draws - p) <=
			    5 * sqrt(p * (1 - p) / draws) + 1e-9);
	}
}

static void nothing_is_drawn_when_it_is_off(void **state)
{
	uint64_t random = 1, mean = 1;

	(void)state;
	sampler_init(0, 0);
	assert_int_equal(sampler_draw(&random, 100, &mean), SAMPLER_DRAW_MAX);
	assert_int_equal(mean, 0);
	assert_int_equal(sampler_histogram_mean(), 0);
}

/* A class counts by its largest request and thins: each request then has just
 * the chance that it has by itself. */
static void requests_below_the_largest_are_thinned(void **state)
{
	static const struct {
		uint64_t low, high;
	} classes[] = {{1, 15}, {65, 79}, {1025, 1151}, {28672, 32767}};
	uint64_t random = 9, mean;
	struct sampler_split split;

	(void)state;
	sampler_init(3000, 0);
	for (size_t c = 0; c < COUNT_OF(classes); c++) {
		uint64_t sizes[3] = {classes[c].low,
				     (classes[c].low + classes[c].high) / 2,
				     classes[c].high};
		double kept[3] = {0}, seen[3] = {0};
		int64_t until = sampler_draw(&random, sizes[2], &mean);

		for (int i = 0; i < 600000; i++) {
			int k = i % 3;

			seen[k]++;
			if (--until > 0)
				continue;
			until = sampler_draw(&random, sizes[2], &mean);
			kept[k] += sampler_split(&random, sizes[k], sizes[2],
						 mean, &split);
		}
		for (int k = 0; k < 3; k++) {
			double p = sampler_chance(sizes[k], 3000);

			assert_true(fabs(kept[k] / seen[k] - p) <
				    5 * sqrt(p * (1 - p) / seen[k]) + 1e-4);
		}
	}
	/* a request of nothing is never a sample, the largest always is */
	for (int i = 0; i < 1000; i++) {
		assert_false(sampler_split(&random, 0, 15, 3000, &split));
		assert_true(sampler_split(&random, 15, 15, 3000, &split));
	}
}

static void the_clock_is_looked_at_once_in_1024(void **state)
{
	int due = 0;

	(void)state;
	for (int i = 0; i < 10 * 1024; i++)
		due += sampler_due();
	assert_int_equal(due, 10);
}

/* Samples that come too fast double the mean, and only then; slow ones bring
 * it back to what was configured and no lower. */
static void the_mean_follows_the_rate(void **state)
{
	uint64_t now = 1000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(16384, 0);
	sampler_note(now);
	assert_int_equal(sampler_histogram_mean(), 16384);
	for (uint64_t mean = 32768; mean <= 16384 << 5; mean *= 2) {
		sampler_note(now += BUDGET_NS / 2);
		assert_int_equal(sampler_histogram_mean(), mean);
	}
	sampler_note(now += 2 * BUDGET_NS);
	assert_int_equal(sampler_histogram_mean(), 16384 << 5);
	for (int i = 0; i < 20; i++)
		sampler_note(now += 5 * BUDGET_NS);
	assert_int_equal(sampler_histogram_mean(), 16384);
}

static void a_flood_never_overflows_the_mean(void **state)
{
	uint64_t now = 2000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(16384, 0);
	for (int i = 0; i < 200; i++)
		sampler_note(++now);
	assert_true(sampler_histogram_mean() <= 1ull << 41);
	assert_true(sampler_histogram_mean() >= 1ull << 40);
	/* a clock that stands still or a racing thread's older time */
	sampler_note(now);
	sampler_note(now - 5);
	assert_true(sampler_histogram_mean() <= 1ull << 41);
}

static void off_stays_off(void **state)
{
	uint64_t now = 3000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(0, 0);
	for (int i = 0; i < 10; i++)
		sampler_note(now += i % 2 ? SECOND : 1);
	assert_int_equal(sampler_histogram_mean(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chances_are_those_of_a_poisson_process),
		cmocka_unit_test(chances_grow_with_the_size),
		cmocka_unit_test(without_sampling_everything_is_certain),
		cmocka_unit_test(draws_are_geometric),
		cmocka_unit_test(nothing_is_drawn_when_it_is_off),
		cmocka_unit_test(requests_below_the_largest_are_thinned),
		cmocka_unit_test(the_clock_is_looked_at_once_in_1024),
		cmocka_unit_test(the_mean_follows_the_rate),
		cmocka_unit_test(a_flood_never_overflows_the_mean),
		cmocka_unit_test(off_stays_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
