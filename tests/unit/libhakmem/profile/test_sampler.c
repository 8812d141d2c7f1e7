#include "libhakmem/profile/sampler.h"
#include "tests/unit/libhakmem/unit.h"

#include <math.h>

#define SECOND 1000000000u

/* The budget: 1024 samples in 41 ms. */
#define BUDGET_NS (SECOND / 25000u * 1024u)

static void chances_are_those_of_a_poisson_process(void **state)
{
	static const uint64_t intervals[] = {1, 64, 16384, 524288, 1ull << 40};

	(void)state;
	for (size_t m = 0; m < COUNT_OF(intervals); m++)
		for (uint64_t bytes = 1; bytes < 1ull << 40;
		     bytes += bytes / 3 + 1) {
			double ratio = (double)bytes / (double)intervals[m];
			double truth = -expm1(-ratio);
			double chance = sampler_chance(bytes, intervals[m]);

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
		/* interval 1/p, variance (1-p)/p^2; the first with chance p */
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
	assert_int_equal(sampler_histogram_interval(), 0);
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

/* Both samplers out of one countdown: each keeps each size with its own chance,
 * and with its own interval. */
static void check_streams(uint64_t histogram, uint64_t stack)
{
	static const uint64_t sizes[3] = {1025, 1088, 1151};
	double seen[3] = {0}, dense[3] = {0}, thin[3] = {0};
	struct sampler_split split;
	uint64_t random = 21, mean;
	int64_t until;

	sampler_init(histogram, stack);
	until = sampler_draw(&random, sizes[2], &mean);
	for (int i = 0; i < 900000; i++) {
		int k = i % 3;

		seen[k]++;
		if (--until > 0)
			continue;
		split = (struct sampler_split){0, 0};
		if (mean != 0)
			sampler_split(&random, sizes[k], sizes[2], mean,
				      &split);
		until = sampler_draw(&random, sizes[2], &mean);
		assert_true(split.histogram == 0 ||
			    split.histogram == histogram);
		assert_true(split.stack == 0 || split.stack == stack);
		dense[k] += split.histogram != 0;
		thin[k] += split.stack != 0;
	}
	for (int k = 0; k < 3; k++) {
		double p = histogram ? sampler_chance(sizes[k], histogram) : 0;
		double q = stack ? sampler_chance(sizes[k], stack) : 0;

		assert_true(fabs(dense[k] / seen[k] - p) <=
			    5 * sqrt(p * (1 - p) / seen[k]));
		assert_true(fabs(thin[k] / seen[k] - q) <=
			    5 * sqrt(q * (1 - q) / seen[k]));
	}
}

static void each_sampler_is_the_process_of_its_interval(void **state)
{
	(void)state;
	check_streams(4000, 40000);
	check_streams(40000, 4000);
	check_streams(4000, 4000);
	check_streams(0, 9000);
	check_streams(9000, 0);
	check_streams(300, 700);
}

/* A sampler that became denser than the countdown in flight was drawn for is
 * sampled with that countdown's interval for once. */
static void a_countdown_in_flight_has_its_own_interval(void **state)
{
	struct sampler_split split;
	uint64_t random = 4, mean;

	(void)state;
	sampler_init(0, 1 << 20);
	sampler_draw(&random, 100, &mean);
	sampler_set_stack(4096);
	while (mean == 0) {
		sampler_init(0, 1 << 20);
		sampler_draw(&random, 1 << 20, &mean);
		sampler_set_stack(4096);
	}
	assert_true(sampler_split(&random, 100, 100, mean, &split));
	assert_int_equal(split.stack, 1 << 20);
	sampler_draw(&random, 1 << 20, &mean);
	assert_int_equal(mean, 4096);
	/* and switched off it takes none */
	sampler_set_stack(0);
	assert_false(sampler_split(&random, 100, 100, mean, &split));
}

/* Countdowns have an end, so that a change of the interval is noticed. */
static void no_countdown_is_endless(void **state)
{
	double nothing = 0, requests = 0;
	uint64_t random = 8, mean;

	(void)state;
	sampler_init(0, UINT64_C(1) << 40);
	assert_int_equal(sampler_draw(&random, 16, &mean), SAMPLER_DRAW_MAX);
	assert_int_equal(mean, 0);
	/* cut off or not, it is the same process */
	sampler_init(0, 1 << 20);
	for (int i = 0; i < 20000; i++) {
		requests += (double)sampler_draw(&random, 16, &mean);
		nothing += mean == 0;
	}
	assert_true(nothing > 0);
	assert_true(fabs((20000 - nothing) / requests /
				 sampler_chance(16, 1 << 20) -
			 1) < 0.05);
}

/* Large and aligned requests count their bytes. */
static void requests_that_bypass_are_sampled_by_their_bytes(void **state)
{
	static const uint64_t sizes[] = {0, 1, 500, 40000, 1000000};
	struct sampler_thread thread = {0};
	double seen[5] = {0}, kept[5] = {0};
	uint64_t random = 3;

	(void)state;
	sampler_init(0, 65536);
	for (int i = 0; i < 500000; i++) {
		uint64_t mean = sampler_bypass(&thread, &random, sizes[i % 5]);

		assert_true(mean == 0 || mean == 65536);
		seen[i % 5]++;
		kept[i % 5] += mean != 0;
	}
	assert_true(kept[0] == 0);
	for (int k = 1; k < 5; k++) {
		double p = sampler_chance(sizes[k], 65536);

		assert_true(fabs(kept[k] / seen[k] - p) <=
			    5 * sqrt(p * (1 - p) / seen[k]) + 1e-5);
	}
	/* another interval is in force at once */
	sampler_set_stack(1);
	assert_int_equal(sampler_bypass(&thread, &random, 1000), 1);
	sampler_set_stack(0);
	assert_int_equal(sampler_bypass(&thread, &random, 1 << 30), 0);
}

/* Unwinding that takes more than a hundredth of the thread's time raises the
 * interval; when it takes little, the interval falls back, slowly. */
static void the_limiter_widens_the_interval(void **state)
{
	struct sampler_thread thread = {0};
	uint64_t now = 5000 * (uint64_t)SECOND, cpu = 0;
	uint64_t raised = sampler_limiter_raised();
	bool due = false;

	(void)state;
	sampler_init(0, 65536);
	/* 20 us for each stack, 1 ms of the thread's time between them: 2 % */
	for (int i = 0; i < 2000; i++) {
		now += 1000000;
		cpu += 1000000;
		due = sampler_spent(&thread, 20000, now);
		if (due)
			sampler_limit(&thread, cpu, now);
	}
	assert_true(sampler_stack_interval() >= 2 * 65536);
	assert_true(sampler_limiter_raised() > raised);
	assert_int_equal(sampler_stack_configured(), 65536);
	/* 0.1 %: a fall in each second at most, and no further than the floor
	 */
	sampler_init(0, 65536);
	for (int i = 0; sampler_stack_interval() < 8 * 65536; i++) {
		assert_true(i < 1000);
		now += 1000000;
		cpu += 1000000;
		if (sampler_spent(&thread, 500000, now))
			sampler_limit(&thread, cpu, now);
	}
	raised = sampler_limiter_raised();
	for (int i = 0; i < 100; i++) {
		uint64_t before = sampler_stack_interval();

		now += 100000000;
		cpu += 100000000;
		if (sampler_spent(&thread, 100000, now))
			sampler_limit(&thread, cpu, now);
		assert_true(sampler_stack_interval() == before ||
			    sampler_stack_interval() == before / 2);
		assert_true(i >= 10 || sampler_stack_interval() >= 4 * 65536);
	}
	assert_int_equal(sampler_stack_interval(), 65536);
	assert_int_equal(sampler_limiter_raised(), raised);
}

/* 0.5 % is neither too much nor a reason to sample more. */
static void the_limiter_rests_in_between(void **state)
{
	struct sampler_thread thread = {0};
	uint64_t now = 6000 * (uint64_t)SECOND, cpu = 0;

	(void)state;
	sampler_init(0, 65536);
	for (int i = 0; i < 10000; i++) {
		now += 2000000;
		cpu += 2000000;
		if (sampler_spent(&thread, 10000, now))
			sampler_limit(&thread, cpu, now);
		assert_int_equal(sampler_stack_interval(), 65536);
	}
}

/* Two threads that measured the same do not raise it twice. */
static void one_measurement_changes_the_interval_once(void **state)
{
	struct sampler_thread one = {0}, two = {0};
	uint64_t now = 7000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(0, 65536);
	sampler_spent(&one, 6000000, now);
	sampler_spent(&two, 6000000, now);
	sampler_limit(&one, 1000000, now);
	sampler_limit(&two, 1000000, now);
	assert_int_equal(sampler_stack_interval(), 2 * 65536);
}

/* Threads too short for a window are judged together. */
static void short_threads_are_judged_together(void **state)
{
	uint64_t now = 8000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(0, 65536);
	for (int i = 0; i < 4; i++) {
		struct sampler_thread thread = {0};

		assert_int_equal(sampler_stack_interval(), 65536);
		assert_false(sampler_spent(&thread, 150000, now));
		sampler_ended(&thread, 3000000, now);
	}
	assert_int_equal(sampler_stack_interval(), 2 * 65536);
	/* without any sample it comes back in the end */
	sampler_relax(now + SECOND);
	assert_int_equal(sampler_stack_interval(), 2 * 65536);
	sampler_relax(now + 60 * (uint64_t)SECOND);
	assert_int_equal(sampler_stack_interval(), 65536);
}

/* 20,000 threads that each spend `spent` of `cpu_ns`: how many are measured? */
static int end_threads(uint64_t spent, uint64_t cpu_ns)
{
	uint64_t random = 7, now = 9000 * (uint64_t)SECOND;
	int measured = 0;

	sampler_init(0, 65536);
	for (int i = 0; i < 20000; i++) {
		struct sampler_thread thread = {0};

		assert_false(sampler_spent(&thread, spent, now));
		if (!sampler_measures(&thread, &random))
			continue;
		measured++;
		sampler_ended(&thread, cpu_ns, now);
	}
	return measured;
}

/* The less a thread spent, the less often it is measured; what is found of
 * those few is right for all. */
static void few_of_the_cheap_threads_are_measured(void **state)
{
	const struct sampler_thread none = {0};
	uint64_t random = 7;
	int measured;

	(void)state;
	assert_false(sampler_measures(&none, &random));
	/* half a hundredth: fine; one in 16 of them */
	measured = end_threads(8000, 1600000);
	assert_in_range(measured, 1100, 1400);
	assert_int_equal(sampler_stack_interval(), 65536);
	/* two hundredths: too much */
	measured = end_threads(8000, 400000);
	assert_in_range(measured, 1100, 1400);
	assert_true(sampler_stack_interval() > 65536);
	assert_int_equal(end_threads(300000, 60000000), 20000);
	assert_int_equal(sampler_stack_interval(), 65536);
}

static void the_clock_is_looked_at_once_in_1024(void **state)
{
	int due = 0;

	(void)state;
	for (int i = 0; i < 10 * 1024; i++)
		due += sampler_due();
	assert_int_equal(due, 10);
}

/* Samples that come too fast double the interval, and only then; slow ones
 * bring it back to what was configured and no lower. */
static void the_interval_follows_the_rate(void **state)
{
	uint64_t now = 1000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(16384, 0);
	sampler_note(now);
	assert_int_equal(sampler_histogram_interval(), 16384);
	for (uint64_t mean = 32768; mean <= 16384 << 5; mean *= 2) {
		sampler_note(now += BUDGET_NS / 2);
		assert_int_equal(sampler_histogram_interval(), mean);
	}
	sampler_note(now += 2 * BUDGET_NS);
	assert_int_equal(sampler_histogram_interval(), 16384 << 5);
	for (int i = 0; i < 20; i++)
		sampler_note(now += 5 * BUDGET_NS);
	assert_int_equal(sampler_histogram_interval(), 16384);
}

static void a_flood_never_overflows_the_interval(void **state)
{
	uint64_t now = 2000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(16384, 0);
	for (int i = 0; i < 200; i++)
		sampler_note(++now);
	assert_true(sampler_histogram_interval() <= 1ull << 41);
	assert_true(sampler_histogram_interval() >= 1ull << 40);
	/* a clock that stands still or a racing thread's older time */
	sampler_note(now);
	sampler_note(now - 5);
	assert_true(sampler_histogram_interval() <= 1ull << 41);
}

static void off_stays_off(void **state)
{
	uint64_t now = 3000 * (uint64_t)SECOND;

	(void)state;
	sampler_init(0, 0);
	for (int i = 0; i < 10; i++)
		sampler_note(now += i % 2 ? SECOND : 1);
	assert_int_equal(sampler_histogram_interval(), 0);
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
		cmocka_unit_test(each_sampler_is_the_process_of_its_interval),
		cmocka_unit_test(a_countdown_in_flight_has_its_own_interval),
		cmocka_unit_test(no_countdown_is_endless),
		cmocka_unit_test(
			requests_that_bypass_are_sampled_by_their_bytes),
		cmocka_unit_test(the_limiter_widens_the_interval),
		cmocka_unit_test(the_limiter_rests_in_between),
		cmocka_unit_test(one_measurement_changes_the_interval_once),
		cmocka_unit_test(short_threads_are_judged_together),
		cmocka_unit_test(few_of_the_cheap_threads_are_measured),
		cmocka_unit_test(the_clock_is_looked_at_once_in_1024),
		cmocka_unit_test(the_interval_follows_the_rate),
		cmocka_unit_test(a_flood_never_overflows_the_interval),
		cmocka_unit_test(off_stays_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
