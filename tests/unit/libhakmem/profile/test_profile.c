#include "libhakmem/profile/profile.h"

#include "libhakmem/base/meta.h"
#include "libhakmem/profile/sampler.h"
#include "tests/unit/libhakmem/unit.h"

#include <math.h>
#include <pthread.h>

#define TABLE_MAX 65536u

static int init(void **state)
{
	(void)state;
	sizeclass_init();
	profile_init(99);
	return 0;
}

static void *address(size_t i)
{
	return (void *)(0x140000000000u + 16 * i);
}

static struct profile_sample sample_of(size_t bytes, unsigned class,
				       uint64_t mean)
{
	return (struct profile_sample){.bytes = bytes,
				       .class = class,
				       .intervals = {.histogram = mean}};
}

/* A sample of the histogram alone. */
static bool remember(const void *block, size_t bytes, unsigned class,
		     uint64_t mean)
{
	struct profile_sample sample = sample_of(bytes, class, mean);

	return profile_add(block, &sample);
}

static void count(size_t bytes, unsigned class, uint64_t mean)
{
	struct profile_sample sample = sample_of(bytes, class, mean);

	profile_count(&sample);
}

static bool forget_one(const void *block)
{
	return profile_remove(block, NULL);
}

/* The sums over all cells of a class. */
static struct profile_cell sum_of(unsigned class)
{
	struct profile_cell sum = {0}, cell;

	for (unsigned i = 0; profile_cell(i, &cell); i++) {
		if (profile_place(i).class != class)
			continue;
		sum.samples += cell.samples;
		sum.objects += cell.objects;
		sum.objects_var += cell.objects_var;
		sum.bytes += cell.bytes;
		sum.live_objects += cell.live_objects;
		sum.live_objects_var += cell.live_objects_var;
		sum.live_bytes += cell.live_bytes;
	}
	return sum;
}

/* Since `before`. */
static struct profile_cell since(struct profile_cell before, unsigned class)
{
	struct profile_cell sum = sum_of(class);

	sum.samples -= before.samples;
	sum.objects -= before.objects;
	sum.objects_var -= before.objects_var;
	sum.bytes -= before.bytes;
	sum.live_objects -= before.live_objects;
	sum.live_objects_var -= before.live_objects_var;
	sum.live_bytes -= before.live_bytes;
	return sum;
}

static void cells_split_every_class_by_bins(void **state)
{
	struct profile_place last = {.class = UINT16_MAX};

	(void)state;
	assert_true(profile_cells() <= PROFILE_CELLS);
	for (unsigned i = 0; i < profile_cells(); i++) {
		struct profile_place cell = profile_place(i);
		const struct sizeclass *class = &sizeclass_table[cell.class];

		assert_true(bins_low(cell.bin) <= class->high);
		assert_true(bins_high(cell.bin) >= class->low);
		if (cell.class == last.class)
			assert_int_equal(cell.bin, last.bin + 1);
		else
			assert_int_equal(cell.bin, bins_index(class->low));
		last = cell;
	}
	assert_int_equal(last.class, sizeclass_count - 1);
}

/* What lies behind the last of them is not looked at. */
static void cells_end_with_the_last_that_was_used(void **state)
{
	unsigned first = sizeclass_with_header(40);
	unsigned second = sizeclass_with_header(60);
	struct profile_cell cell;
	unsigned count = 0;

	(void)state;
	assert_false(profile_cell(0, &cell));
	for (int i = 0; i < 2; i++) {
		assert_true(remember(address(3), 40, i ? first : second, 1));
		forget_one(address(3));
		for (count = 0; profile_cell(count, &cell);)
			count++;
		assert_int_equal(profile_place(count - 1).class, second);
	}
	assert_false(profile_cell(UINT32_MAX, &cell));
	assert_true(count < profile_cells());
}

/* One sample: just the formulas of its weight. */
static void a_sample_weighs_its_inverse_chance(void **state)
{
	unsigned class = sizeclass_with_header(1000);
	struct profile_cell before = sum_of(class), sum;
	double p = sampler_chance(1000, 16384);

	(void)state;
	assert_true(remember(address(1), 1000, class, 16384));
	sum = since(before, class);
	assert_int_equal(sum.samples, 1);
	assert_true(fabs(sum.objects - 1 / p) < 1e-9);
	assert_true(fabs(sum.objects_var - (1 - p) / (p * p)) < 1e-6);
	assert_true(fabs(sum.bytes - 1000 / p) < 1e-6);
	assert_true(fabs(sum.live_objects - sum.objects) < 1e-9);
	assert_true(fabs(sum.live_bytes - sum.bytes) < 1e-6);
	assert_true(forget_one(address(1)));
	sum = since(before, class);
	assert_int_equal(sum.samples, 1);
	assert_true(fabs(sum.objects - 1 / p) < 1e-9);
	assert_true(fabs(sum.live_objects) < 1e-9);
	assert_true(fabs(sum.live_objects_var) < 1e-6);
	assert_true(fabs(sum.live_bytes) < 1e-6);
}

static void a_sample_lands_in_the_bin_of_its_request(void **state)
{
	(void)state;
	for (size_t n = 1; n < SIZECLASS_SMALL_MAX; n += n / 100 + 1) {
		unsigned class = sizeclass_with_header(n), cells = 0;
		struct profile_cell cell;

		assert_true(remember(address(2), n, class, 1));
		for (unsigned i = 0; profile_cell(i, &cell); i++)
			if (cell.live_objects > 0.5) {
				assert_int_equal(profile_place(i).class, class);
				assert_int_equal(profile_place(i).bin,
						 bins_index(n));
				cells++;
			}
		assert_int_equal(cells, 1);
		forget_one(address(2));
	}
}

static void what_is_not_there_is_not_removed(void **state)
{
	(void)state;
	assert_false(forget_one(address(3)));
	remember(address(3), 100, sizeclass_with_header(100), 64);
	assert_true(forget_one(address(3)));
	assert_false(forget_one(address(3)));
	assert_false(forget_one(NULL));
}

static void unmarked_samples_count_as_requests_only(void **state)
{
	unsigned class = (unsigned)sizeclass_headerless(32768);
	struct profile_cell before = sum_of(class), sum;
	uint64_t untracked = profile_untracked(), live = profile_live_samples();
	double p = sampler_chance(32768, 16384);

	(void)state;
	count(32768, class, 16384);
	sum = since(before, class);
	assert_int_equal(sum.samples, 1);
	assert_true(fabs(sum.objects - 1 / p) < 1e-9);
	assert_true(sum.live_objects == 0);
	assert_int_equal(profile_untracked() - untracked, 1);
	assert_int_equal(profile_live_samples(), live);
}

/* Many entries, removed in another order, with hash runs that wrap. */
static void the_table_grows_and_loses_nothing(void **state)
{
	static bool in[40000];
	unsigned class = sizeclass_with_header(64);
	uint64_t random = 8, live = profile_live_samples(), count = 0;
	size_t metadata = meta_bytes(), most = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		size_t at = draw_below(&random, COUNT_OF(in));
		/* first it fills, then it empties */
		bool add = draw_below(&random, 100) < (i < 150000 ? 80u : 20u);

		if (add && !in[at]) {
			assert_true(
				remember(address(100 + at), 65, class, 1024));
			in[at] = true;
			count++;
		} else if (!add) {
			assert_int_equal(forget_one(address(100 + at)), in[at]);
			count -= in[at];
			in[at] = false;
		}
		if (i % 1000 == 0)
			assert_int_equal(profile_live_samples() - live, count);
		most = max_size(most, profile_bytes());
	}
	for (size_t at = 0; at < COUNT_OF(in); at++)
		assert_int_equal(forget_one(address(100 + at)), in[at]);
	assert_int_equal(profile_live_samples(), live);
	assert_int_equal(most, 4 * MIB); /* for 30,000 and more */
	assert_int_equal(profile_bytes(), 64 * KIB);
	assert_true(meta_bytes() - metadata < 8 * MIB + 64 * KIB);
}

/*
 * A simulated program of requests of several sizes in one class, of which a
 * part stays alive; each request is sampled with the chance of the process.
 * The estimates must lie around the truth as their own errors say.
 */
struct truth {
	double objects, bytes, live_objects, live_bytes;
};

static struct truth simulate(uint64_t seed, unsigned class, uint64_t mean,
			     int requests, size_t base, size_t *next)
{
	const struct sizeclass *info = &sizeclass_table[class];
	uint64_t random = seed;
	struct truth truth = {0};

	for (int i = 0; i < requests; i++) {
		size_t n = info->low +
			   draw_below(&random, info->high - info->low + 1);
		double p = sampler_chance(n, mean);
		bool sampled = (double)(draw(&random) >> 11) * 0x1p-53 < p;
		bool stays = draw_below(&random, 3) == 0;
		truth.objects++;
		truth.bytes += (double)n;
		truth.live_objects += stays;
		truth.live_bytes += stays ? (double)n : 0;
		if (!sampled)
			continue;
		remember(address(base + *next), n, class, mean);
		if (stays)
			++*next;
		else
			forget_one(address(base + *next));
	}
	return truth;
}

static void forget(size_t base, size_t count)
{
	for (size_t i = 0; i < count; i++)
		forget_one(address(base + i));
}

#define TRIALS 200

static void sums_are_unbiased_and_know_their_error(void **state)
{
	unsigned class = sizeclass_with_header(2000);
	double z_objects = 0, z_squares = 0, z_live = 0, z_live_squares = 0;
	double bytes = 0, live_bytes = 0, true_bytes = 0, true_live_bytes = 0;

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct profile_cell before = sum_of(class), sum;
		size_t next = 0;
		struct truth truth = simulate(1000 + (uint64_t)trial, class,
					      16384, 3000, 1 << 20, &next);
		double z;

		sum = since(before, class);
		z = (sum.objects - truth.objects) / sqrt(sum.objects_var);
		z_objects += z;
		z_squares += z * z;
		z = (sum.live_objects - truth.live_objects) /
		    sqrt(sum.live_objects_var);
		z_live += z;
		z_live_squares += z * z;
		bytes += sum.bytes;
		live_bytes += sum.live_bytes;
		true_bytes += truth.bytes;
		true_live_bytes += truth.live_bytes;
		forget(1 << 20, next);
	}
	/* intervals of z are 0 within their error (and the skew of an estimated
	 * error), their spread is 1 */
	assert_true(fabs(z_objects / TRIALS) < 4 / sqrt(TRIALS));
	assert_true(fabs(z_live / TRIALS) < 4 / sqrt(TRIALS));
	assert_true(z_squares / TRIALS > 0.7 && z_squares / TRIALS < 1.4);
	assert_true(z_live_squares / TRIALS > 0.7 &&
		    z_live_squares / TRIALS < 1.4);
	assert_true(fabs(bytes / true_bytes - 1) < 0.015);
	assert_true(fabs(live_bytes / true_live_bytes - 1) < 0.025);
}

/* More live samples than the table holds: it is thinned, twice, and the live
 * sums still lie around the truth; requests are as exact as before. */
static void thinning_leaves_the_sums_unbiased(void **state)
{
	unsigned class = sizeclass_with_header(100);
	struct profile_cell before = sum_of(class), sum;
	const struct sizeclass *info = &sizeclass_table[class];
	uint64_t random = 17;
	double objects = 0, bytes = 0, z;
	size_t next = 0;

	(void)state;
	/* every request of ~100 bytes at a interval of 200 is sampled at 40 %
	 */
	for (int i = 0; i < 300000; i++) {
		size_t n = info->low +
			   draw_below(&random, info->high - info->low + 1);
		double p = sampler_chance(n, 200);

		objects++;
		bytes += (double)n;
		if ((double)(draw(&random) >> 11) * 0x1p-53 < p)
			assert_true(remember(address((1 << 21) + next++), n,
					     class, 200));
	}
	sum = since(before, class);
	assert_true(next > 2 * TABLE_MAX * 3 / 4);
	assert_int_equal(sum.samples, next);
	assert_true(profile_live_samples() <= TABLE_MAX * 7 / 8);
	assert_true(profile_live_samples() > TABLE_MAX / 4);
	z = (sum.objects - objects) / sqrt(sum.objects_var);
	assert_true(fabs(z) < 4);
	z = (sum.live_objects - objects) / sqrt(sum.live_objects_var);
	assert_true(fabs(z) < 4);
	assert_true(fabs(sum.live_bytes / bytes - 1) < 0.02);
	/* the variance grew with what was thrown away */
	assert_true(sum.live_objects_var > 1.5 * sum.objects_var);
	forget(1 << 21, next);
	sum = since(before, class);
	assert_true(fabs(sum.live_objects) < 1e-3);
	assert_true(fabs(sum.live_bytes) < 1e-1);
	assert_int_equal(profile_live_samples(), 0);
}

/* The interval may change while the program runs: each sample keeps its own. */
static void samples_of_different_intervals_add_up(void **state)
{
	unsigned class = sizeclass_with_header(3000);
	struct profile_cell before = sum_of(class), sum;
	double objects = 0, live = 0;
	size_t next = 0;

	(void)state;
	for (uint64_t mean = 1024; mean <= 1 << 17; mean *= 2) {
		struct truth truth =
			simulate(mean, class, mean, 5000, 1 << 22, &next);

		objects += truth.objects;
		live += truth.live_objects;
	}
	sum = since(before, class);
	assert_true(fabs(sum.objects - objects) < 4 * sqrt(sum.objects_var));
	assert_true(fabs(sum.live_objects - live) <
		    4 * sqrt(sum.live_objects_var));
	forget(1 << 22, next);
}

static void *add_and_remove(void *arg)
{
	size_t base = *(size_t *)arg;
	unsigned class = sizeclass_with_header(500);

	for (size_t i = 0; i < 20000; i++) {
		must(remember(address(base + i % 100), 500, class, 4096));
		must(forget_one(address(base + i % 100)));
	}
	return NULL;
}

static void threads_lose_no_sample(void **state)
{
	unsigned class = sizeclass_with_header(500);
	struct profile_cell before = sum_of(class), sum;
	uint64_t live = profile_live_samples();
	size_t bases[4] = {1 << 23, 2 << 23, 3 << 23, 4 << 23};
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, add_and_remove, &bases[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	sum = since(before, class);
	assert_int_equal(sum.samples, 80000);
	assert_true(fabs(sum.live_objects) < 1e-3);
	assert_int_equal(profile_live_samples(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_split_every_class_by_bins),
		cmocka_unit_test(cells_end_with_the_last_that_was_used),
		cmocka_unit_test(a_sample_weighs_its_inverse_chance),
		cmocka_unit_test(a_sample_lands_in_the_bin_of_its_request),
		cmocka_unit_test(what_is_not_there_is_not_removed),
		cmocka_unit_test(unmarked_samples_count_as_requests_only),
		cmocka_unit_test(the_table_grows_and_loses_nothing),
		cmocka_unit_test(sums_are_unbiased_and_know_their_error),
		cmocka_unit_test(thinning_leaves_the_sums_unbiased),
		cmocka_unit_test(samples_of_different_intervals_add_up),
		cmocka_unit_test(threads_lose_no_sample),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
