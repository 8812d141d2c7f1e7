/*
 * Single sites with known allocations, run over and over; what ten hours
 * leave behind; more samples than there is room for.
 */
#include "libhakmem/base/meta.h"
#include "tests/unit/libhakmem/truth.h"

/*
 * Per site: the stacks are made up, the draws are those of a row and of a
 * thread's bytes. Site k is a function that called itself k times and leaks one
 * block in 4.
 */
#define SITES 6

static uint32_t recursion(unsigned depth)
{
	uint64_t pcs[SITES + 2];
	uint32_t modules[SITES + 2];
	unsigned count_frames = 0;

	for (unsigned i = 0; i <= depth; i++)
		pcs[count_frames++] = 0x401000;
	pcs[count_frames++] = 0x402000;
	for (unsigned i = 0; i < count_frames; i++)
		modules[i] = 1;
	return site_intern(&(struct frames){pcs, modules, count_frames, false});
}

static uint64_t early(void)
{
	return 2000;
}

struct row_of {
	int64_t until;
	uint64_t mean;
};

static bool is_sampled(struct row_of *row, uint64_t *random, size_t n,
		       size_t largest, struct sampler_split *intervals)
{
	if (--row->until > 0)
		return false;
	intervals->stack = 0;
	sampler_split(random, n, largest, row->mean, intervals);
	row->until = sampler_draw(random, largest, &row->mean);
	return intervals->stack != 0;
}

static void play_site(uint32_t site, uint64_t *random, int requests,
		      double truth[TRUTHS], uintptr_t *address)
{
	unsigned class = sizeclass_with_header(300);
	struct profile_sample sample = {.class = class, .who.name = ""};
	struct row_of row = {.until = 0};

	row.until =
		sampler_draw(random, sizeclass_table[class].high, &row.mean);
	sample.who.site = site;
	for (int i = 0; i < requests; i++) {
		size_t n = sizeclass_table[class].low +
			   (size_t)i % (sizeclass_table[class].high -
					sizeclass_table[class].low + 1);

		count(opaque(&row), n, truth);
		sample.bytes = n;
		if (i % 4 == 0) {
			truth[LIVE_OBJECTS]++;
			truth[LIVE_BYTES] += (double)n;
		}
		if (!is_sampled(&row, random, n, sizeclass_table[class].high,
				&sample.intervals))
			continue;
		sample.intervals.histogram = 0;
		*address += 16;
		must(profile_add((void *)*address, &sample));
		if (i % 4 != 0)
			must(profile_remove((void *)*address, early));
	}
}

static void recursion_and_a_leak(void **state)
{
	static struct score scores[SITES];
	uintptr_t first = 0x140000000000u;

	(void)state;
	for (uint64_t run = 1; run <= RUNS; run++) {
		uint64_t random = draw(&(uint64_t){run}) | 1;
		uintptr_t address = first;

		set_intervals(500, 700);
		for (unsigned depth = 0; depth < SITES; depth++) {
			uint32_t site = recursion(depth);
			struct estimate before = estimate_of(site), after;
			double truth[TRUTHS] = {0};

			play_site(site, &random, 1600 + 300 * (int)depth, truth,
				  &address);
			after = estimate_of(site);
			judge(&scores[depth], &before, &after, truth);
		}
		for (; address > first; address -= 16)
			profile_remove((void *)address, early);
	}
	sampler_init(0, 0);
	assert_int_equal(profile_live_samples(), 0);
	for (unsigned depth = 0; depth < SITES; depth++)
		assert_score("recursion", &scores[depth]);
}

/*
 * Ten hours of churn, compressed: 36,000 seconds of a program that replaces
 * its blocks all the time, at a rate where each request is a sample. Nothing
 * drifts: what the sums say of what lives is what lives.
 */
#define SLOTS 2000

static uint64_t now_ns;

static uint64_t churn_clock(void)
{
	return now_ns;
}

static double bytes_of(size_t bytes, uint64_t mean)
{
	return sampler_weigh(bytes, sampler_chance(bytes, mean)).bytes;
}

static void ten_hours_of_churn(void **state)
{
	static struct {
		size_t bytes;
		uint64_t mean;
	} slots[SLOTS];
	struct profile_sample sample = {.who.name = ""};
	uint64_t random = 77;
	double truth = 0;
	size_t memory = 0;

	(void)state;
	for (uint64_t i = 0; i < 1200000; i++) {
		size_t at = draw_below(&random, SLOTS);
		const void *address =
			(void *)(uintptr_t)(0x140000000000u + 16 * at);

		now_ns += UINT64_C(30000000);
		if (i == 100000)
			memory = meta_bytes();
		if (slots[at].bytes) {
			truth -= bytes_of(slots[at].bytes, slots[at].mean);
			must(profile_remove(address, churn_clock));
			slots[at].bytes = 0;
			continue;
		}
		slots[at].bytes = 1 + draw_below(&random, 20000);
		/* the limiter widens the interval and lets it fall */
		slots[at].mean = UINT64_C(524288) << i / 100000 % 4;
		truth += bytes_of(slots[at].bytes, slots[at].mean);
		sample.bytes = slots[at].bytes;
		sample.class = sizeclass_with_header(slots[at].bytes);
		sample.intervals.stack = slots[at].mean;
		sample.intervals.histogram = slots[at].mean / 32;
		sample.who.site = recursion((unsigned)(at % SITES));
		sample.who.now_ns = now_ns;
		must(profile_add(address, &sample));
	}
	assert_true(fabs(estimate_of(0).value[LIVE_BYTES] - truth) <
		    1e-9 * truth);
	assert_int_equal(meta_bytes(), memory);
	for (size_t at = 0; at < SLOTS; at++)
		profile_remove((void *)(uintptr_t)(0x140000000000u + 16 * at),
			       churn_clock);
	assert_true(estimate_of(0).value[LIVE_BYTES] == 0);
	assert_true(estimate_of(0).variance[LIVE_BYTES] == 0);
	assert_int_equal(profile_live_samples(), 0);
}

/* More live samples than the table holds: it thins, and the sites' sums still
 * lie around the truth. */
static void a_full_table_stays_unbiased(void **state)
{
	unsigned class = sizeclass_with_header(1000);
	struct profile_sample sample = {.class = class, .who.name = ""};
	uint64_t random = 3;
	uint32_t site = recursion(SITES);
	struct estimate before = estimate_of(site), after;
	double truth[TRUTHS] = {0};
	uintptr_t address = 0x150000000000u;

	(void)state;
	sample.who.site = site;
	for (int i = 0; i < 600000; i++) {
		size_t n = 1000;
		double p = sampler_chance(n, 4000);

		count(&random, n, truth);
		truth[LIVE_OBJECTS]++;
		truth[LIVE_BYTES] += (double)n;
		if ((double)(draw(&random) >> 11) * 0x1p-53 >= p)
			continue;
		sample.bytes = n;
		sample.intervals.stack = 4000;
		sample.intervals.histogram = i % 2 ? 4000 : 0;
		profile_add((void *)(address += 16), &sample);
	}
	after = estimate_of(site);
	for (int i = 0; i < TRUTHS; i++) {
		double z = (after.value[i] - before.value[i] - truth[i]) /
			   sqrt(after.variance[i] - before.variance[i]);

		print_message("full table, %s: z %.2f\n", names[i], z);
		assert_true(fabs(z) < 3);
	}
	assert_true(profile_live_samples() < 65536);
	for (; address > 0x150000000000u; address -= 16)
		profile_remove((void *)address, early);
	assert_int_equal(profile_live_samples(), 0);
	assert_true(estimate_of(site).value[LIVE_BYTES] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recursion_and_a_leak),
		cmocka_unit_test(ten_hours_of_churn),
		cmocka_unit_test(a_full_table_stays_unbiased),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
