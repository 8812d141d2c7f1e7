/* The counters of the heap, and what samples say beside them. */
#include "libhakmem/heap/heap.h"
#include "libhakmem/profile/profile.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/heap/thread.h"
#include "tests/unit/libhakmem/counts.h"

#include <math.h>
#include <sys/resource.h>

/* From now on one in `mean` bytes, in this thread; 0 is off. */
static void sample(uint64_t mean)
{
	sampler_init(mean, 0);
	for (unsigned i = 0; i < sizeclass_count; i++)
		thread_redraw(thread_cache(), i);
}

#define HELD 500

/* What a row says it holds is what it holds. */
static void assert_depths(void)
{
	const struct cache *cache = thread_cache();

	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct block *at = cache->row[HEADER_CLASS | i].head;
		uint32_t count = 0;

		for (; at; at = at->next)
			count++;
		assert_int_equal(cache_depth(cache, i), count);
	}
}

static void play_and_compare(uint64_t mean)
{
	static struct {
		void *ptr;
		unsigned class;
	} held[HELD];
	uint64_t random = 12;

	start_counting();
	for (int i = 0; i < 200000; i++) {
		size_t at = draw_below(&random, HELD);

		/* the sampler would slow itself down */
		if (i % 100 == 0)
			sample(mean);

		if (held[at].ptr) {
			heap_free(held[at].ptr);
			shadow_frees[held[at].class]++;
			held[at].ptr = NULL;
		} else {
			size_t n = draw_below(
				&random, (size_t)1 << draw_below(&random, 16));

			held[at].ptr =
				i % 3 ? heap_malloc(n) : heap_calloc(1, n);
			held[at].class = class_of(n);
			shadow_allocs[held[at].class]++;
		}
		if (i % 1000 == 0)
			assert_depths();
		if (i % 10000 == 0)
			assert_counts();
		if (i % 50000 == 0)
			heap_trim();
	}
	for (size_t at = 0; at < HELD; at++)
		if (held[at].ptr) {
			heap_free(held[at].ptr);
			shadow_frees[held[at].class]++;
			held[at].ptr = NULL;
		}
	assert_counts();
	heap_trim();
	assert_counts();
	for (unsigned i = 0; i < sizeclass_count; i++)
		assert_int_equal(shadow_allocs[i], shadow_frees[i]);
	sample(0);
}

static void counts_are_exact_per_class(void **state)
{
	(void)state;
	play_and_compare(0);
	assert_int_equal(profile_live_samples(), 0);
}

/* The same with nearly every request sampled: a sampled block has another
 * class's place, but is counted where its request belongs. */
static void sampling_leaves_the_counts_exact(void **state)
{
	uint64_t samples = 0;
	struct profile_cell cell;

	(void)state;
	/* with a tick at every look, also between a count and its pop */
	conf.tick_ms = 0;
	play_and_compare(100);
	conf.tick_ms = 250;
	for (unsigned i = 0; profile_cell(i, &cell); i++) {
		samples += cell.samples;
		assert_true(fabs(cell.live_objects) < 1e-3);
	}
	assert_true(samples > 50000);
	assert_int_equal(profile_live_samples(), 0);
}

/* What samples say of requests of one class lies around the truth. */
static void samples_estimate_the_requests(void **state)
{
	unsigned index = class_of(1100);
	struct profile_cell cell;
	double objects, variance, bytes;
	double before[3] = {0}, sum[3] = {0}, truth_bytes = 0;
	uint64_t random = 77;

	(void)state;
	for (unsigned i = 0; profile_cell(i, &cell); i++)
		if (profile_place(i).class == index) {
			before[0] += cell.objects;
			before[1] += cell.objects_var;
			before[2] += cell.bytes;
		}
	sample(4096);
	for (int i = 0; i < 100000; i++) {
		size_t n = 1025 + draw_below(&random, 127);

		truth_bytes += (double)n;
		heap_free(heap_malloc(n));
	}
	sample(0);
	for (unsigned i = 0; profile_cell(i, &cell); i++)
		if (profile_place(i).class == index) {
			sum[0] += cell.objects;
			sum[1] += cell.objects_var;
			sum[2] += cell.bytes;
		}
	objects = sum[0] - before[0];
	variance = sum[1] - before[1];
	bytes = sum[2] - before[2];
	assert_true(variance > 0);
	assert_true(fabs(objects - 100000) < 4 * sqrt(variance));
	assert_true(fabs(bytes / truth_bytes - 1) <
		    4 * sqrt(variance) / 100000);
}

/* More live samples than the table holds: some are thinned out, and their
 * blocks are freed like others; counts stay where the requests were. */
static void thinned_samples_are_counted_right(void **state)
{
	size_t count = 100000;
	void **held = malloc(count * sizeof(*held));
	uint64_t allocs = 0, frees = 0;
	struct thread_sums now;

	(void)state;
	start_counting();
	for (size_t i = 0; i < count; i++) {
		if (i % 100 == 0)
			sample(1);
		held[i] = heap_malloc(64);
	}
	sample(0);
	assert_true(profile_live_samples() < count * 3 / 4);
	shadow_allocs[class_of(64)] = count;
	for (size_t i = 0; i < count; i++)
		heap_free(held[i]);
	free(held);
	thread_sum(&now);
	for (unsigned i = 0; i < sizeclass_count; i++) {
		allocs += now.allocs[i] - start.allocs[i];
		frees += now.frees[i] - start.frees[i];
	}
	assert_int_equal(allocs, count);
	assert_int_equal(frees, count);
	shadow_frees[class_of(64)] = count;
	assert_counts();
	assert_int_equal(profile_live_samples(), 0);
}

static void sampled_blocks_behave_like_others(void **state)
{
	(void)state;
	sample(1);
	for (size_t n = 64; n <= 32768; n += n / 10 + 1) {
		char *ptr = heap_malloc(n), *grown;

		if (n < SIZECLASS_SMALL_MAX)
			assert_int_equal(*header_byte(ptr),
					 is_power_of_two(n)
						 ? HEADER_SAMPLED_EXACT
						 : HEADER_SAMPLED);
		assert_true(is_aligned((uintptr_t)ptr, 16));
		assert_true(heap_usable(ptr) >= n);
		memset(ptr, 7, heap_usable(ptr));
		grown = heap_realloc(ptr, 2 * n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(grown[i], 7);
		heap_free(grown);
		assert_int_equal(heap_usable(grown), 0);
	}
	sample(0);
}

/* Under a limit: what was refused is no request, whatever was tried. */
static void fill_up(void)
{
	static const size_t sizes[] = {1000, 1024, 64, 30000};
	static void *held[1 << 20];
	struct rlimit limit;
	size_t count = 0;
	uint64_t allocs = 0, frees = 0;
	struct thread_sums now;

	thread_sum(&start);
	must(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = 256 * MIB;
	must(setrlimit(RLIMIT_AS, &limit) == 0);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		while ((held[count] = heap_malloc(sizes[i])))
			must(++count < COUNT_OF(held));
		for (int k = 0; k < 10; k++) {
			must(!heap_malloc(sizes[i]));
			must(!heap_aligned(64, 100000));
		}
	}
	for (int round = 0; round < 2; round++) {
		thread_sum(&now);
		allocs = frees = 0;
		for (unsigned i = 0; i < sizeclass_count; i++) {
			allocs += now.allocs[i] - start.allocs[i];
			frees += now.frees[i] - start.frees[i];
			must(now.allocs[i] >= now.frees[i]);
		}
		must(allocs == count);
		must(frees == (round ? count : 0));
		for (size_t i = 0; i < count && round == 0; i++)
			heap_free(held[i]);
	}
}

static void refused_requests_are_not_counted(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_child_passes(fill_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_exact_per_class),
		cmocka_unit_test(sampling_leaves_the_counts_exact),
		cmocka_unit_test(samples_estimate_the_requests),
		cmocka_unit_test(sampled_blocks_behave_like_others),
		cmocka_unit_test(thinned_samples_are_counted_right),
		cmocka_unit_test(refused_requests_are_not_counted),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
