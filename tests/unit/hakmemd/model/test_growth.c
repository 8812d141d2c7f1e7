#include "hakmemd/model/growth.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define R      524288.0
#define SECOND UINT64_C(1000000000)
#define TEN(n) ((uint64_t)(n)*10 * SECOND)

static struct growth growth;
static uint64_t random_state;

/* -1 .. 1, the same in every run. */
static double noise(void)
{
	random_state =
		random_state * 6364136223846793005u + 1442695040888963407u;
	return (double)(random_state >> 33) / (double)(1u << 30) - 1;
}

static void begin(void)
{
	memset(&growth, 0, sizeof(growth));
	random_state = 7;
}

/* Nothing is freed: what was allocated lives. */
static void add(uint64_t step, double bytes)
{
	double variance = fabs(bytes) * R;

	growth_add(&growth, TEN(step + 1), bytes,
		   (struct variance_sums){variance, variance});
}

static bool grows(void)
{
	return growth_judge(&growth, R).growing;
}

static void a_steady_leak_is_seen(void **state)
{
	struct growth_verdict verdict;

	(void)state;
	begin();
	for (uint64_t i = 0; i < 9; i++)
		add(i, 1e6 * (double)i + 5e7);
	assert_false(grows()); /* eight steps are no evidence yet */
	add(9, 1e6 * 9 + 5e7);
	verdict = growth_judge(&growth, R);
	assert_true(verdict.growing);
	assert_float_equal(verdict.bytes_per_s, 1e5, 1);
	assert_float_equal(verdict.minutes, 1.5, 0.01);
}

/* The same rise is no news where much comes and goes: what lived then is not
 * what lives now, and both scatter. */
static void where_much_is_freed_a_rise_must_be_larger(void **state)
{
	double sizes[] = {1e6, 2.5e6};

	(void)state;
	for (int large = 0; large < 2; large++) {
		begin();
		for (uint64_t i = 0; i < 12; i++) {
			double bytes = sizes[large] * (double)i + 5e7;

			growth_add(
				&growth, TEN(i + 1), bytes,
				(struct variance_sums){
					1e9 * (double)(i + 1) * R, bytes * R});
		}
		assert_int_equal(grows(), large);
	}
}

static void a_leak_of_hours_keeps_its_evidence(void **state)
{
	struct growth_verdict verdict;

	(void)state;
	begin();
	for (uint64_t i = 0; i < 6 * 360; i++)
		add(i, 1e5 * (double)i + 3e5 * noise());
	verdict = growth_judge(&growth, R);
	assert_true(verdict.growing);
	assert_true(verdict.minutes > 200);
	assert_float_equal(verdict.bytes_per_s, 1e4, 300);
}

/* Too slow for ten minutes: only the coarse grid sees it. */
static void a_slow_leak_is_seen(void **state)
{
	(void)state;
	begin();
	for (uint64_t i = 0; i < 4 * 360; i++)
		add(i, R * floor((double)i / 45));
	assert_true(grows());
}

static void a_leak_after_noise_is_seen(void **state)
{
	(void)state;
	begin();
	for (uint64_t i = 0; i < 60; i++)
		add(i, 2e7 + 2e6 * noise());
	assert_false(grows());
	for (uint64_t i = 0; i < 30; i++)
		add(60 + i, 2e7 + 4e6 + 1e6 * (double)i);
	assert_true(grows());
}

static void a_sawtooth_is_none(void **state)
{
	(void)state;
	for (unsigned period = 3; period < 100; period += 7) {
		begin();
		for (uint64_t i = 0; i < 360; i++) {
			add(i, 1e6 * (double)(i % period));
			if (i > period)
				assert_false(grows());
		}
	}
}

static void a_plateau_and_noise_are_none(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 200; seed++) {
		begin();
		random_state = seed;
		for (uint64_t i = 0; i < 120; i++) {
			add(i, 5e7 + 1e7 * noise());
			assert_false(grows());
		}
	}
	begin();
	for (uint64_t i = 0; i < 120; i++) {
		add(i, 5e7);
		assert_false(grows());
	}
}

/* A site whose blocks come and go by chance wanders; few may be suspected. */
static void a_random_walk_is_seldom_one(void **state)
{
	unsigned suspected = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		double bytes = 5e7;

		begin();
		random_state = seed * 1234567u;
		for (uint64_t i = 0; i < 60; i++) {
			bytes = fabs(bytes + 4e6 * noise());
			add(i, bytes);
		}
		suspected += grows();
	}
	assert_true(suspected <= 3);
}

static void a_ramp_that_ended_is_none(void **state)
{
	(void)state;
	begin();
	for (uint64_t i = 0; i < 60; i++) {
		add(i, 1e6 * fmin((double)i, 20));
		if (i == 15)
			assert_true(grows()); /* as yet who could tell */
		if (i > 40)
			assert_false(grows());
	}
}

static void little_is_none(void **state)
{
	(void)state;
	begin();
	for (uint64_t i = 0; i < 60; i++)
		add(i, R / 30 * (double)i);
	assert_false(grows());
}

static void points_keep_their_distance(void **state)
{
	(void)state;
	begin();
	for (uint64_t i = 0; i <= 3600; i++)
		growth_add(&growth, SECOND * (i + 1), 1,
			   (struct variance_sums){0, 0});
	assert_int_equal(growth.fine.count, GROWTH_POINTS);
	/* Nine seconds are on time. */
	assert_in_range(growth.coarse.count, 12, 15);
	assert_false(growth_is_flat(&growth));
	begin();
	add(1, 0);
	assert_true(growth_is_flat(&growth));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_leak_is_seen),
		cmocka_unit_test(where_much_is_freed_a_rise_must_be_larger),
		cmocka_unit_test(a_leak_of_hours_keeps_its_evidence),
		cmocka_unit_test(a_slow_leak_is_seen),
		cmocka_unit_test(a_leak_after_noise_is_seen),
		cmocka_unit_test(a_sawtooth_is_none),
		cmocka_unit_test(a_plateau_and_noise_are_none),
		cmocka_unit_test(a_random_walk_is_seldom_one),
		cmocka_unit_test(a_ramp_that_ended_is_none),
		cmocka_unit_test(little_is_none),
		cmocka_unit_test(points_keep_their_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
