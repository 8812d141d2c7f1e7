#include "hakmemd/model/sizes.h"

#include <math.h>

#include "tests/unit/hakmemd/unit.h"

static struct unit unit;
static struct sizes_row rows[BINS_COUNT];

/* The row of a size; one of zeros when there is none. */
static const struct sizes_row *row_of(size_t count, uint64_t bytes)
{
	static const struct sizes_row none;

	for (size_t i = 0; i < count; i++)
		if (rows[i].low_bytes <= bytes && bytes <= rows[i].high_bytes)
			return &rows[i];
	return &none;
}

static size_t compute(void)
{
	return sizes_compute(&unit.hello, &unit.state, rows);
}

static void one_bin_is_exact(void **state)
{
	const struct sizes_row *row;

	(void)state;
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 1000, 400);
	unit_class(&unit, 1024, 1024, 1024, 7, 3);
	assert_int_equal(compute(), 2);
	row = row_of(2, 20);
	assert_int_equal(row->requests, 1000);
	assert_int_equal(row->reserved_bytes, 32000);
	assert_int_equal(row->live_objects, 600);
	assert_int_equal(row->live_bytes, 19200);
	assert_true(row->requests_stderr == 0);
	assert_int_equal(row->requested_bytes,
			 23500); /* the middle of 16..31 */
	row = row_of(2, 1024);
	assert_int_equal(row->low_bytes, 1024);
	assert_int_equal(row->high_bytes, 1024);
	assert_int_equal(row->requested_bytes, 7 * 1024);
}

static void a_class_is_split_by_its_samples(void **state)
{
	size_t index, cell;

	(void)state;
	unit_begin(&unit);
	index = unit_class(&unit, 80, 48, 79, 1001, 1);
	cell = unit_cell(&unit, index, 3);
	unit.samples[cell] = unit.samples[cell + 1] = 100;
	unit.objects[cell] = 300;
	unit.objects[cell + 1] = 100;
	unit.variance[cell] = unit.variance[cell + 1] = 50;
	unit.bytes[cell] = 300 * 50;
	unit.live[cell + 1] = 5;
	assert_int_equal(compute(), 2);
	assert_int_equal(rows[0].requests + rows[1].requests, 1001);
	assert_in_range(rows[0].requests, 750, 751);
	assert_int_equal(rows[0].requested_bytes, rows[0].requests * 50);
	assert_true(rows[0].requests_stderr > 1);
	assert_true(rows[0].requests_stderr < 100);
	/* All that lives is in the second, but no more than was asked for. */
	assert_int_equal(rows[0].live_objects + rows[1].live_objects, 1000);
	assert_int_equal(rows[1].live_objects, rows[1].requests);
}

static void without_samples_nothing_is_claimed(void **state)
{
	(void)state;
	unit_begin(&unit);
	unit_class(&unit, 80, 48, 79, 11, 0);
	assert_int_equal(compute(), 2);
	assert_int_equal(rows[0].requests + rows[1].requests, 11);
	assert_in_range(rows[0].requests, 5, 6);
	assert_true(rows[0].requests_stderr == 11);
	assert_true(rows[1].requests_stderr == 11);
}

/* Requests of exactly 1024 bytes have a class of their own: their bin gets
 * nothing of the neighbor that spans it. */
static void sizes_served_alone_take_no_share(void **state)
{
	const struct sizes_row *row;

	(void)state;
	unit_begin(&unit);
	unit_class(&unit, 1152, 1024, 1151, 400, 0);
	unit_class(&unit, 1024, 1024, 1024, 55, 0);
	row = row_of(compute(), 1024);
	assert_int_equal(row->requests, 55);
	assert_true(row->requests_stderr == 0);
	row = row_of(2, 1100);
	assert_int_equal(row->requests, 400);
	assert_true(row->requests_stderr == 0);
}

static void large_blocks_join_their_bin(void **state)
{
	Hakmem__LargeBin large, *list = &large;

	(void)state;
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 2, 0);
	hakmem__large_bin__init(&large);
	large.bin = 1;
	large.requests = 3;
	large.requested_bytes = 60;
	large.reserved_bytes = 12288;
	large.live_objects = 1;
	large.live_bytes = 4096;
	unit.state.large_bins = &list;
	unit.state.n_large_bins = 1;
	assert_int_equal(compute(), 1);
	assert_int_equal(rows[0].requests, 5);
	assert_int_equal(rows[0].reserved_bytes, 64 + 12288);
	assert_int_equal(rows[0].live_objects, 3);
	assert_int_equal(rows[0].live_bytes, 64 + 4096);
}

static void extremes_stay_finite(void **state)
{
	size_t index, cell;

	(void)state;
	unit_begin(&unit);
	index = unit_class(&unit, 4096, 2048, 4096, UINT64_C(1) << 56, 0);
	cell = unit_cell(&unit, index, bins_index(2048));
	unit.objects[cell] = 1e-300;
	unit.variance[cell + 1] = 1e40;
	unit.bytes[cell] = 1e40;
	for (size_t i = compute(); i-- > 0;) {
		assert_true(isfinite(rows[i].requests_stderr));
		assert_true(rows[i].requests_stderr <= 0x1p56);
	}
	unit.frees[index] = UINT64_C(1) << 56; /* and one more than was asked */
	unit.allocs[index]--;
	compute();
	assert_int_equal(rows[0].live_objects, 0);
}

static uint64_t seed = 88172645463325252u;

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / 0x1p53;
}

#define MEAN 16384.0 /* bytes between samples */
#define RUNS 400
#define BINS 8 /* of the class */
#define LOW  512u
#define HIGH 639u

/*
 * A class of eight bins under a known, skewed mix of sizes, sampled as the
 * library samples. Counts the rows that lie within two standard errors, and
 * those that call themselves exact but are wrong.
 */
static void simulate(unsigned total, unsigned *within, unsigned *all,
		     unsigned *false_exact)
{
	for (int run = 0; run < RUNS; run++) {
		unsigned truth[BINS] = {0};
		size_t index, first, count;

		unit_begin(&unit);
		index = unit_class(&unit, 640, LOW, HIGH, total, 0);
		first = unit_cell(&unit, index, bins_index(LOW));
		for (unsigned i = 0; i < total; i++) {
			double skewed = uniform() * uniform() * uniform();
			unsigned size = LOW + (unsigned)(skewed * 128);
			unsigned bin = (size - LOW) / 16;
			double p = 1 - exp(-(double)size / MEAN);

			truth[bin]++;
			if (uniform() >= p)
				continue;
			unit.samples[first + bin]++;
			unit.objects[first + bin] += 1 / p;
			unit.variance[first + bin] += (1 - p) / (p * p);
			unit.bytes[first + bin] += size / p;
		}
		count = compute();
		for (unsigned bin = 0; bin < BINS; bin++) {
			const struct sizes_row *row =
				row_of(count, LOW + 16 * bin);
			double error = row->requests_stderr;
			double off = fabs((double)row->requests - truth[bin]);

			*all += 1;
			*within += off <= 2 * error + 1;
			*false_exact += error == 0 && off > 0;
		}
	}
}

static void standard_errors_are_honest(void **state)
{
	static const unsigned totals[] = {100, 300, 1000, 5000, 20000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(totals); i++) {
		unsigned within = 0, all = 0, false_exact = 0;

		simulate(totals[i], &within, &all, &false_exact);
		print_message("%5u requests: %.1f %% within 2 errors\n",
			      totals[i], 100.0 * within / all);
		assert_int_equal(false_exact, 0);
		/* Two standard errors hold 95 %; far more would be timid. */
		assert_true(within >= all * 0.92);
	}
}

/* With thousands of samples the error must not stay timid, either. */
static void many_samples_narrow_the_error(void **state)
{
	unsigned within = 0, all = 0, false_exact = 0;

	(void)state;
	simulate(20000, &within, &all, &false_exact);
	assert_true(row_of(compute(), 520)->requests_stderr < 1200);
	assert_true(within <= all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_bin_is_exact),
		cmocka_unit_test(a_class_is_split_by_its_samples),
		cmocka_unit_test(without_samples_nothing_is_claimed),
		cmocka_unit_test(sizes_served_alone_take_no_share),
		cmocka_unit_test(large_blocks_join_their_bin),
		cmocka_unit_test(extremes_stay_finite),
		cmocka_unit_test(standard_errors_are_honest),
		cmocka_unit_test(many_samples_narrow_the_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
