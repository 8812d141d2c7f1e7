#include "libhakmem/heap/bypass.h"

#include "libhakmem/memory/large.h"
#include "libhakmem/memory/lookup.h"
#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/counts.h"

#include <errno.h>
#include <sys/resource.h>

#define TOO_MUCH ((size_t)1 << 60)

/* Every request that no row counts is a sample from here on, or none. */
static struct cache *sampling(bool on)
{
	sampler_init(0, on ? 1 : 0);
	return thread_cache();
}

static double live_bytes(void)
{
	struct site_totals totals;

	site_totals(&totals);
	return totals.live_bytes;
}

static int begin(void **unused)
{
	(void)unused;
	sampling(false);
	start_counting();
	return 0;
}

/* What the rows hold is what their counts say, whoever served whom. */
static int rows_are_as_deep_as_counted(void **unused)
{
	struct cache *cache = thread_cache();

	(void)unused;
	for (unsigned i = 0; i < sizeclass_count; i++) {
		struct block *block = cache->row[HEADER_CLASS | i].head;
		uint32_t depth = 0;

		for (; block; block = block->next)
			depth++;
		if (cache_depth(cache, i) != depth)
			return -1;
	}
	return 0;
}

/* --- large blocks -------------------------------------------------------- */

static void a_large_block_is_as_it_was_asked_for(void **unused)
{
	struct cache *cache = sampling(false);

	(void)unused;
	for (size_t align = 16; align <= 65536; align *= 16) {
		char *ptr = bypass_large(cache, 100000, align, false);

		assert_true(is_aligned((uintptr_t)ptr, align));
		assert_true(large_usable(ptr) >= 100000);
		assert_false(header_large(ptr)->sampled);
		memset(ptr, 0xa5, 100000);
		heap_free(ptr);
		ptr = bypass_large(cache, 100000, align, true);
		for (size_t i = 0; i < 100000; i++)
			assert_int_equal(ptr[i], 0);
		heap_free(ptr);
	}
	assert_counts(); /* of no class */
}

static void too_much_is_refused(void **unused)
{
	char *ptr = bypass_large(NULL, 100000, 16, false);

	(void)unused;
	errno = 0;
	assert_null(bypass_large(NULL, TOO_MUCH, 16, false));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(bypass_move(ptr, 100000, TOO_MUCH));
	assert_int_equal(errno, ENOMEM);
	heap_free(ptr);
}

static void limit_to(size_t more)
{
	FILE *file = fopen("/proc/self/statm", "r");
	struct rlimit limit;
	size_t pages = 0;

	must(file && fscanf(file, "%zu", &pages) == 1);
	fclose(file);
	must(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = pages * 4096 + more;
	must(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* Free ends of the arena, which a mapping needs, are given up for it. */
static void reclaim_for_a_mapping(void)
{
	char *one = bypass_large(NULL, 20 * MIB, 16, false);
	char *two = bypass_large(NULL, 20 * MIB, 16, false);

	must(one && two);
	heap_free(one);
	heap_free(two);
	limit_to(MIB);
	must(!large_alloc(34 * MIB, 16, false));
	must(bypass_large(NULL, 34 * MIB, 16, false));
}

static void it_is_tried_once_more(void **unused)
{
	(void)unused;
	if (SANITIZED)
		skip();
	assert_child_passes(reclaim_for_a_mapping);
}

static void a_sample_is_marked_while_it_lives(void **unused)
{
	struct cache *cache = sampling(true);
	char *ptr = bypass_large(cache, 100000, 16, false);

	(void)unused;
	assert_true(header_large(ptr)->sampled);
	assert_int_equal(header_large(ptr)->counted, 0);
	assert_true(live_bytes() == 100000);
	heap_free(ptr);
	assert_true(live_bytes() == 0);
	/* Nobody draws where there is no cache. */
	ptr = bypass_large(NULL, 100000, 16, false);
	assert_false(header_large(ptr)->sampled);
	assert_true(live_bytes() == 0);
	heap_free(ptr);
}

static void a_resized_block_is_drawn_anew(void **unused)
{
	char *ptr;

	(void)unused;
	ptr = bypass_large(sampling(true), 500000, 16, false);
	assert_ptr_equal(bypass_resize(ptr, 400000), ptr);
	assert_true(header_large(ptr)->sampled);
	assert_true(live_bytes() == 400000);
	sampling(false);
	assert_ptr_equal(bypass_resize(ptr, 300000), ptr);
	assert_true(live_bytes() == 0);
	sampling(true);
	assert_ptr_equal(bypass_resize(ptr, 200000), ptr);
	assert_true(live_bytes() == 200000);
	heap_free(ptr);
	assert_true(live_bytes() == 0);
}

static void what_cannot_be_resized_says_so(void **unused)
{
	char *ptr = bypass_large(NULL, 100000, 16, false);

	(void)unused;
	assert_null(bypass_resize(ptr, TOO_MUCH));
	assert_true(large_usable(ptr) >= 100000);
	heap_free(ptr);
}

static void a_moved_block_is_another_one(void **unused)
{
	struct cache *cache = sampling(true);
	char *ptr = bypass_large(cache, 2 * MIB, 16, false), *fresh;

	(void)unused;
	for (size_t i = 0; i < 2 * MIB; i++)
		ptr[i] = (char)(i * 7 >> 8);
	fresh = bypass_move(ptr, 2 * MIB, 3 * MIB);
	assert_true(fresh != NULL && fresh != ptr);
	for (size_t i = 0; i < 2 * MIB; i++)
		assert_int_equal(fresh[i], (char)(i * 7 >> 8));
	assert_true(large_usable(fresh) >= 3 * MIB);
	assert_true(live_bytes() == 5.0 * MIB); /* the old one is there yet */
	heap_free(ptr);
	assert_true(live_bytes() == 3.0 * MIB);
	heap_free(fresh);
	assert_true(live_bytes() == 0);
}

/* Its free counts in the class, its allocation did so elsewhere. */
static void a_block_of_another_class_counts_in_its_own(void **unused)
{
	unsigned class = class_of(32768);
	uint64_t large = stats_large().allocs - stats_large().frees;
	struct profile_sample sample;
	char *ptr;

	(void)unused;
	assert_true(
		sample_bypass(&sampling(true)->sample, 32768, class, &sample));
	ptr = bypass_large_for(class, 4096, &sample);
	assert_true(is_aligned((uintptr_t)ptr, 4096));
	assert_true(header_large(ptr)->sampled);
	assert_int_equal(header_large(ptr)->counted, HEADER_CLASS | class);
	assert_true(live_bytes() == 32768);
	assert_counts();
	heap_free(ptr);
	shadow_frees[class]++;
	assert_counts();
	assert_true(live_bytes() == 0);
	assert_int_equal(stats_large().allocs - stats_large().frees, large);
}

/* --- aligned blocks ------------------------------------------------------ */

/* Of `n` bytes at a multiple of `align` in the class with a header that holds
 * them wherever it begins, as the heap has it. */
static char *aligned(struct cache *cache, size_t align, size_t n)
{
	unsigned class = sizeclass_with_header(n + align);
	char *ptr = bypass_aligned(cache, align, n, class);

	assert_true(is_aligned((uintptr_t)ptr, align));
	assert_in_range(heap_usable(ptr), n, 2 * (n + align));
	memset(ptr, 0x5a, n);
	if (*header_byte(ptr) == HEADER_ALIGNED)
		assert_int_equal(lookup(lookup(ptr).base).kind,
				 LOOKUP_NONE); /* that is not to be freed */
	shadow_allocs[class]++;
	assert_counts();
	return ptr;
}

static void check_aligned(struct cache *cache, bool sampled)
{
	for (size_t align = 32; align <= 8192; align *= 2)
		for (size_t n = 40; n < 16000; n = n * 3 / 2) {
			char *one = aligned(cache, align, n);
			char *two = aligned(cache, align, n);
			unsigned class = sizeclass_with_header(n + align);

			assert_true(live_bytes() ==
				    (sampled ? 2.0 * (double)n : 0));
			assert_int_equal(sampled,
					 header_large(one)->sampled &&
						 header_large(two)->sampled);
			assert_true(one + n <= two || two + n <= one);
			heap_free(one);
			heap_free(two);
			shadow_frees[class] += 2;
			assert_counts();
			assert_true(live_bytes() == 0);
		}
}

static void every_alignment_holds(void **unused)
{
	(void)unused;
	check_aligned(sampling(false), false);
	check_aligned(NULL, false);
}

static void aligned_samples_count_like_others(void **unused)
{
	(void)unused;
	check_aligned(sampling(true), true);
}

/* Blocks of a class without headers: the sample is in one that has them. */
static void a_sample_gets_a_block_with_a_header(void **unused)
{
	static const size_t sizes[] = {4096, 32768};

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		unsigned class = class_of(sizes[i]);
		char *ptr = bypass_aligned(sampling(true), sizes[i], sizes[i],
					   class);

		assert_true(is_aligned((uintptr_t)ptr, sizes[i]));
		assert_true(header_large(ptr)->sampled);
		assert_int_equal(header_large(ptr)->counted,
				 HEADER_CLASS | class);
		assert_in_range(heap_usable(ptr), sizes[i], 2 * sizes[i]);
		assert_true(live_bytes() == (double)sizes[i]);
		shadow_allocs[class]++;
		assert_counts();
		heap_free(ptr);
		shadow_frees[class]++;
		assert_counts();
		/* Without a sample it is an ordinary block of the class. */
		ptr = bypass_aligned(sampling(false), sizes[i], sizes[i],
				     class);
		shadow_allocs[class]++;
		assert_counts();
		heap_free(ptr);
		shadow_frees[class]++;
		assert_counts();
	}
}

/* Aligned requests are counted beside, where they are not what the class of
 * 1024 bytes is for. */
static void others_in_the_class_of_1024_are_counted(void **unused)
{
	unsigned class = (unsigned)sizeclass_of_1024();
	uint64_t before = stats.aligned_1024;
	char *ptr;

	(void)unused;
	ptr = bypass_aligned(sampling(false), 256, 1024, class);
	assert_int_equal(stats.aligned_1024, before);
	heap_free(ptr);
	ptr = bypass_aligned(sampling(false), 256, 1000, class);
	assert_int_equal(stats.aligned_1024, before + 1);
	heap_free(ptr);
	ptr = bypass_aligned(sampling(false), 256, 2000, class_of(2048));
	assert_int_equal(stats.aligned_1024, before + 1);
	heap_free(ptr);
	before = stats.figures[FIGURE_FALLBACK_1024];
	heap_free(bypass_large(NULL, 1023, 16, false));
	assert_int_equal(stats.figures[FIGURE_FALLBACK_1024], before);
	heap_free(bypass_large(NULL, 1024, 16, false));
	assert_int_equal(stats.figures[FIGURE_FALLBACK_1024], before + 1);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, begin,                           \
					rows_are_as_deep_as_counted)
	const struct CMUnitTest tests[] = {
		TEST(a_large_block_is_as_it_was_asked_for),
		TEST(too_much_is_refused),
		TEST(it_is_tried_once_more),
		TEST(a_sample_is_marked_while_it_lives),
		TEST(a_resized_block_is_drawn_anew),
		TEST(what_cannot_be_resized_says_so),
		TEST(a_moved_block_is_another_one),
		TEST(a_block_of_another_class_counts_in_its_own),
		TEST(every_alignment_holds),
		TEST(aligned_samples_count_like_others),
		TEST(a_sample_gets_a_block_with_a_header),
		TEST(others_in_the_class_of_1024_are_counted),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
