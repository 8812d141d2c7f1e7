/* What a sample leaves on its block, and takes back: every request is one. */
#include "libhakmem/profile/sample.h"

#include "libhakmem/heap/heap.h"
#include "libhakmem/memory/large.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/unwind/unwind.h"
#include "tests/unit/libhakmem/counts.h"

static int every_request(void **state)
{
	(void)state;
	sampler_init(0, 1);
	for (unsigned i = 0; i < sizeclass_count; i++)
		thread_redraw(thread_cache(), i);
	start_counting();
	return 0;
}

static int none_lives(void **state)
{
	struct site_totals totals;

	(void)state;
	site_totals(&totals);
	sampler_init(0, 0);
	return profile_live_samples() == 0 && totals.live_bytes == 0 ? 0 : -1;
}

static double live_bytes(void)
{
	struct site_totals totals;

	site_totals(&totals);
	return totals.live_bytes;
}

static void a_small_block_has_the_sampled_code(void **state)
{
	void *ptr = heap_malloc(1000);

	(void)state;
	assert_int_equal(*header_byte(ptr), HEADER_SAMPLED);
	assert_true(live_bytes() == 1000);
	heap_free(ptr);
	assert_true(header_is_class(*header_byte(ptr)));
}

static void a_large_block_is_marked_in_its_header(void **state)
{
	uint64_t balance = stats_large().allocs - stats_large().frees;
	char *ptr = heap_malloc(100000), *plain;

	(void)state;
	assert_true(header_large(ptr)->sampled);
	assert_int_equal(header_large(ptr)->counted, 0);
	assert_true(live_bytes() == 100000);
	sampler_set_stack(0);
	plain = heap_malloc(100000);
	assert_false(header_large(plain)->sampled);
	assert_true(live_bytes() == 100000);
	heap_free(plain);
	heap_free(ptr);
	assert_int_equal(stats_large().allocs - stats_large().frees, balance);
	/* one that has its own mapping */
	every_request(NULL);
	ptr = heap_malloc(64 * MIB);
	assert_true(header_large(ptr)->sampled);
	assert_true(live_bytes() == 64.0 * MIB);
	heap_free(ptr);
}

/* It is freed and requested anew, with the size that it has now. */
static void a_resized_large_block_is_another_sample(void **state)
{
	char *ptr = heap_malloc(500000);

	(void)state;
	ptr = heap_realloc(ptr, 400000);
	assert_true(header_large(ptr)->sampled);
	assert_true(live_bytes() == 400000);
	ptr = heap_realloc(ptr, 40 * MIB);
	ptr = heap_realloc(ptr, 200 * MIB); /* mremap */
	assert_true(live_bytes() == 200.0 * MIB);
	sampler_set_stack(0);
	ptr = heap_realloc(ptr, 100 * MIB);
	assert_false(header_large(ptr)->sampled);
	assert_true(live_bytes() == 0);
	every_request(NULL);
	ptr = heap_realloc(ptr, 1000);
	assert_true(live_bytes() == 1000);
	heap_free(ptr);
}

static void an_aligned_block_has_a_header(void **state)
{
	(void)state;
	for (size_t align = 32; align <= 16384; align *= 2)
		for (size_t n = 64; n < 40000; n += n / 2 + 1) {
			char *ptr = heap_aligned(align, n);

			assert_true(is_aligned((uintptr_t)ptr, align));
			assert_true(header_large(ptr)->sampled);
			assert_true(live_bytes() == (double)n);
			assert_true(heap_usable(ptr) >= n);
			memset(ptr, 1, n);
			heap_free(ptr);
			assert_true(live_bytes() == 0);
		}
}

/* A sampled aligned request counts where it would without: an exact power of
 * two in its class. */
static void counts_are_those_without_samples(void **state)
{
	static const size_t sizes[][2] = {
		{64, 64},	{64, 100},	{4096, 4096}, {256, 1024},
		{32768, 32768}, {16384, 20000}, {64, 3000}};
	struct thread_sums with, without;
	void *ptr;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		every_request(NULL);
		ptr = heap_aligned(sizes[i][0], sizes[i][1]);
		heap_free(heap_malloc(32768));
		thread_sum(&with);
		for (unsigned k = 0; k < sizeclass_count; k++) {
			shadow_allocs[k] = with.allocs[k] - start.allocs[k];
			shadow_frees[k] = with.frees[k] - start.frees[k];
		}
		heap_free(ptr);
		sampler_set_stack(0);
		for (unsigned k = 0; k < sizeclass_count; k++)
			thread_redraw(thread_cache(), k);
		thread_sum(&start);
		ptr = heap_aligned(sizes[i][0], sizes[i][1]);
		heap_free(heap_malloc(32768));
		assert_counts();
		heap_free(ptr);
		thread_sum(&without);
		for (unsigned k = 0; k < sizeclass_count; k++)
			assert_int_equal(without.allocs[k], without.frees[k]);
	}
}

/* The largest class has no header beside it: a large block serves, and counted
 * in the class. */
static void the_largest_class_is_served_by_large_blocks(void **state)
{
	uint64_t large = stats_large().allocs;
	char *ptr = heap_malloc(32768);

	(void)state;
	assert_int_equal(*header_byte(ptr), HEADER_LARGE);
	assert_true(header_large(ptr)->sampled);
	assert_int_equal(header_large(ptr)->counted,
			 HEADER_CLASS | class_of(32768));
	assert_int_equal(stats_large().allocs, large);
	shadow_allocs[class_of(32768)]++;
	assert_counts();
	assert_ptr_equal(heap_realloc(ptr, 32000), ptr);
	heap_free(ptr);
	shadow_frees[class_of(32768)]++;
	assert_counts();
	assert_int_equal(stats_large().allocs, large);
	/* grown, it is a large block like any other */
	ptr = heap_realloc(heap_malloc(32768), 90000);
	shadow_allocs[class_of(32768)]++;
	shadow_frees[class_of(32768)]++;
	assert_counts();
	assert_int_equal(header_large(ptr)->counted, 0);
	assert_int_equal(stats_large().allocs, large + 1);
	assert_true(live_bytes() == 90000);
	heap_free(ptr);
}

/* The sampled bit is part of what the header's check covers. */
static void a_broken_mark_is_a_broken_header(void **state)
{
	uint64_t before =
		stats.figures[FIGURE_REJECT(REJECT_OVERWRITTEN_HEADER)];
	char *ptr = heap_malloc(100000);

	(void)state;
	header_large(ptr)->sampled = 0;
	heap_free(ptr);
	assert_int_equal(
		stats.figures[FIGURE_REJECT(REJECT_OVERWRITTEN_HEADER)],
		before + 1);
	header_large(ptr)->sampled = 1;
	heap_free(ptr);
	assert_int_equal(
		stats.figures[FIGURE_REJECT(REJECT_OVERWRITTEN_HEADER)],
		before + 1);
}

/* What is charged to the limiter is more than a warm unwinding. */
static void recording_is_charged(void **state)
{
	enum { many = 1000 };
	uint64_t before = thread_cache()->sample.total_ns;
	static void *ptr[many];

	(void)state;
	unwind_arm();
	if (!unwind_load())
		skip();
	for (int i = 0; i < many; i++)
		ptr[i] = heap_malloc(1000);
	for (int i = 0; i < many; i++)
		heap_free(ptr[i]);
	assert_true(thread_cache()->sample.total_ns - before >= many * 300u);
}

int main(void)
{
#define SAMPLED(test)                                                          \
	cmocka_unit_test_setup_teardown(test, every_request, none_lives)
	const struct CMUnitTest tests[] = {
		SAMPLED(a_small_block_has_the_sampled_code),
		SAMPLED(a_large_block_is_marked_in_its_header),
		SAMPLED(a_resized_large_block_is_another_sample),
		SAMPLED(an_aligned_block_has_a_header),
		SAMPLED(counts_are_those_without_samples),
		SAMPLED(the_largest_class_is_served_by_large_blocks),
		SAMPLED(a_broken_mark_is_a_broken_header),
		SAMPLED(recording_is_charged),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
