#include "libhakmem/heap/heap.h"

#include "libhakmem/base/conf.h"
#include "libhakmem/memory/large.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/heap/thread.h"
#include "libhakmem/base/vm.h"
#include "tests/unit/libhakmem/counts.h"

#include <errno.h>
#include <fcntl.h>

static bool is_zero(const char *ptr, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ptr[i])
			return false;
	return true;
}

static void every_size_is_aligned_and_usable(void **state)
{
	(void)state;
	for (size_t n = 0; n < 70000; n += n < 2100 ? 1 : n / 50) {
		char *ptr = heap_malloc(n), *other = heap_malloc(n);
		size_t usable = heap_usable(ptr);

		assert_non_null(ptr);
		assert_true(ptr != other);
		assert_true(is_aligned((uintptr_t)ptr, 16));
		assert_true(usable >= n);
		memset(ptr, 0xaa, usable);
		memset(other, 0x55, heap_usable(other));
		for (size_t i = 0; i < usable; i++)
			assert_int_equal((uint8_t)ptr[i], 0xaa);
		heap_free(ptr);
		heap_free(other);
	}
}

static void nothing_is_asked_for_or_freed(void **state)
{
	void *one = heap_malloc(0), *two = heap_malloc(0);

	(void)state;
	assert_non_null(one);
	assert_ptr_not_equal(one, two);
	heap_free(one);
	heap_free(two);
	start_counting();
	heap_free(opaque(NULL));
	assert_int_equal(heap_usable(opaque(NULL)), 0);
	assert_counts();
	one = heap_realloc(NULL, 0);
	assert_non_null(one);
	heap_free(one);
	one = heap_calloc(0, 100);
	assert_non_null(one);
	heap_free(one);
}

static void too_much_is_refused_with_enomem(void **state)
{
	static const size_t counts[][2] = {
		{SIZE_MAX, 2},
		{2, SIZE_MAX},
		{(size_t)1 << 32, (size_t)1 << 32},
		{((size_t)1 << 32) + 1, (size_t)1 << 32},
		{SIZE_MAX, 1},
		{1, (size_t)PTRDIFF_MAX + 1},
	};
	static const size_t sizes[] = {
		(size_t)1 << 60,	 (size_t)PTRDIFF_MAX - 65536,
		(size_t)PTRDIFF_MAX - 1, (size_t)PTRDIFF_MAX,
		(size_t)PTRDIFF_MAX + 1, (size_t)3 << 62,
		SIZE_MAX - 65536,	 SIZE_MAX - 4096,
		SIZE_MAX - 16,		 SIZE_MAX,
	};
	void *ptr = heap_malloc(100);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		size_t n = sizes[i];

		errno = 0;
		assert_null(heap_malloc(n));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(heap_realloc(ptr, n));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(heap_realloc(NULL, n));
		assert_int_equal(errno, ENOMEM);
		for (size_t align = 1; align != 0; align *= 2) {
			errno = 0;
			assert_null(heap_aligned(align, n));
			assert_int_equal(errno, ENOMEM);
		}
	}
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		errno = 0;
		assert_null(heap_calloc(counts[i][0], counts[i][1]));
		assert_int_equal(errno, ENOMEM);
	}
	for (size_t align = (size_t)1 << 48; align != 0; align *= 2) {
		errno = 0;
		assert_null(heap_aligned(align, 10));
		assert_int_equal(errno, ENOMEM);
	}
	/* the block that was to grow is unchanged */
	assert_true(heap_usable(ptr) >= 100);
	heap_free(ptr);
}

static void free_and_success_keep_errno(void **state)
{
	static const size_t sizes[] = {0,     16,     100,	1024,
				       32768, 100000, 50 << 20, 0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		void *ptr = heap_malloc(sizes[i]);
		void *aligned = heap_aligned(128, sizes[i]);

		errno = 77;
		heap_free(ptr);
		heap_free(aligned);
		heap_trim();
		assert_int_equal(errno, 77);
	}
	errno = 77;
	heap_free(heap_realloc(heap_malloc(50), 100000));
	heap_free(heap_calloc(10, 10));
	heap_free(opaque(NULL));
	assert_int_equal(errno, 77);
}

static void calloc_clears_what_others_used(void **state)
{
	(void)state;
	for (size_t n = 1; n < 200000; n += n / 3 + 1) {
		char *ptr = heap_malloc(n);

		memset(ptr, 0xff, n);
		heap_free(ptr);
		ptr = heap_calloc(1, n);
		assert_true(is_zero(ptr, n));
		memset(ptr, 0xff, n);
		heap_free(ptr);
		ptr = heap_calloc(n, 3);
		assert_true(is_zero(ptr, 3 * n));
		heap_free(ptr);
	}
}

static void realloc_keeps_the_bytes(void **state)
{
	uint64_t random = 4;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		size_t from = 1 + draw_below(&random, 1u << (1 + i % 20));
		size_t to = 1 + draw_below(&random, 1u << (1 + i / 7 % 20));
		char *ptr = i % 3 ? heap_malloc(from)
				  : heap_aligned((size_t)16 << (i % 9), from);

		for (size_t k = 0; k < from; k += 1 + k / 64)
			ptr[k] = (char)(k + 1);
		ptr = heap_realloc(ptr, to);
		assert_non_null(ptr);
		assert_true(heap_usable(ptr) >= to);
		for (size_t k = 0; k < from && k < to; k += 1 + k / 64)
			assert_int_equal(ptr[k], (char)(k + 1));
		heap_free(ptr);
	}
}

static void realloc_to_0_frees(void **state)
{
	void *ptr = heap_malloc(100);

	(void)state;
	start_counting();
	errno = 77;
	assert_null(heap_realloc(ptr, 0));
	assert_int_equal(errno, 77);
	shadow_frees[class_of(100)] = 1;
	assert_counts();
}

static void realloc_to_the_same_size_stays(void **state)
{
	static const size_t sizes[] = {1, 16, 100, 1024, 32767, 40000, 2 << 20};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		void *ptr = heap_malloc(sizes[i]);

		assert_ptr_equal(heap_realloc(ptr, sizes[i]), ptr);
		assert_ptr_equal(heap_realloc(ptr, heap_usable(ptr)), ptr);
		heap_free(ptr);
	}
}

static void reallocs_in_place_are_counted(void **state)
{
	const uint64_t *count = &stats.figures[FIGURE_REALLOCS_IN_PLACE];
	uint64_t before = *count;
	void *small = heap_malloc(100), *large = heap_malloc(2 * MIB);

	(void)state;
	assert_ptr_equal(heap_realloc(small, 101), small);
	assert_int_equal(*count - before, 1);
	assert_ptr_equal(heap_realloc(large, 2 * MIB - 1), large);
	assert_int_equal(*count - before, 2);
	/* Moved, freed, new: none of these. */
	small = heap_realloc(small, 1000);
	assert_null(heap_realloc(small, 0));
	heap_free(heap_realloc(NULL, 100));
	assert_int_equal(*count - before, 2);
	heap_free(large);
}

/* Far smaller than its block: the memory is not held. */
static void realloc_shrinks(void **state)
{
	uint64_t before = stats_large().live_bytes;
	void *ptr = heap_malloc(10 * MIB);

	(void)state;
	ptr = heap_realloc(ptr, 100000);
	assert_true(stats_large().live_bytes - before < 110000);
	ptr = heap_realloc(ptr, 10);
	assert_int_equal(stats_large().live_bytes, before);
	assert_true(heap_usable(ptr) < 64);
	heap_free(ptr);
	ptr = heap_realloc(heap_malloc(30000), 100);
	assert_true(heap_usable(ptr) < 256);
	heap_free(ptr);
}

/* Lets a block grow to 100 MiB; returns how often it moved. */
static unsigned grow(char **ptr, size_t n)
{
	unsigned moves = 0;

	for (; n < 100 * MIB; n += n / 8 + 1) {
		char *fresh = heap_realloc(*ptr, n);

		assert_non_null(fresh);
		moves += fresh != *ptr;
		*ptr = fresh;
		fresh[n - 1] = 1;
	}
	return moves;
}

static void growing_step_by_step_is_cheap(void **state)
{
	char *ptr = heap_malloc(40000);

	(void)state;
	/* once, to where it has room */
	assert_true(grow(&ptr, 40000) <= 1);
	heap_free(ptr);
}

/* Where another block stands behind it, its pages are moved to a mapping. */
static void what_cannot_grow_in_place_is_mapped(void **state)
{
	uint64_t before = peek64(&stats.figures[FIGURE_MAPPED_BYTES]);
	char *ptr = heap_realloc(heap_malloc(1000), 200000);
	static char *others[1000];
	size_t count = 0;

	(void)state;
	ptr = heap_realloc(ptr, 2000000);
	memset(ptr, 'a', 2000000);
	do
		others[count] = heap_malloc(64000);
	while (others[count++] < ptr && count < COUNT_OF(others));
	assert_true(others[count - 1] > ptr);
	grow(&ptr, 2000000);
	assert_true(peek64(&stats.figures[FIGURE_MAPPED_BYTES]) > before);
	for (size_t i = 0; i < 2000000; i += 97)
		assert_true(ptr[i] == 'a' || ptr[i] == 1);
	heap_free(ptr);
	assert_int_equal(peek64(&stats.figures[FIGURE_MAPPED_BYTES]), before);
	while (count > 0)
		heap_free(others[--count]);
}

static void alignments_hold_at_every_size(void **state)
{
	(void)state;
	for (size_t align = 1; align <= MIB; align *= 2)
		for (size_t n = 0; n < 300000; n += n / 2 + 1) {
			char *ptr[4];

			for (int k = 0; k < 4; k++) {
				ptr[k] = heap_aligned(align, n);
				assert_non_null(ptr[k]);
				assert_true(
					is_aligned((uintptr_t)ptr[k], align));
				assert_true(is_aligned((uintptr_t)ptr[k], 16));
				assert_true(heap_usable(ptr[k]) >= n);
				memset(ptr[k], k + 1, heap_usable(ptr[k]));
			}
			for (int k = 0; k < 4; k++) {
				size_t usable = heap_usable(ptr[k]);

				for (size_t i = 0; i < usable; i += 61)
					assert_int_equal(ptr[k][i], k + 1);
				heap_free(ptr[k]);
				assert_int_equal(heap_usable(ptr[k]), 0);
			}
		}
}

static void nothing_aligned_can_be_freed(void **state)
{
	(void)state;
	for (size_t align = 32; align <= 16 * MIB; align *= 2) {
		uint64_t allocs = stats_large().allocs;
		uint64_t frees = stats_large().frees;
		void *held[64];

		for (size_t i = 0; i < COUNT_OF(held); i++) {
			held[i] = heap_aligned(align, 0);
			assert_non_null(held[i]);
			assert_true(is_aligned((uintptr_t)held[i], align));
		}
		for (size_t i = 0; i < COUNT_OF(held); i++)
			heap_free(held[i]);
		assert_int_equal(stats_large().frees - frees,
				 stats_large().allocs - allocs);
	}
}

/* A pointer one past the end of its span is one past all memory where that
 * span is the last: free it before the arena grows. */
static void nothing_at_the_very_end_can_be_freed(void **state)
{
	uint64_t foreign =
		peek64(&stats.figures[FIGURE_REJECT(REJECT_FOREIGN)]);
	uint64_t frees = stats_large().frees;
	static void *held[20000];
	size_t count = 0, grown = 0;

	(void)state;
	while (grown < 2 && count < COUNT_OF(held)) {
		size_t before = arena.committed[ARENA_HEADER], after;

		held[count] = heap_aligned(ARENA_UNIT, 0);
		after = arena.committed[ARENA_HEADER];
		grown += after != before;
		if ((uintptr_t)held[count] == arena.header + after)
			heap_free(held[count]);
		else
			count++;
		assert_int_equal(
			peek64(&stats.figures[FIGURE_REJECT(REJECT_FOREIGN)]),
			foreign);
	}
	assert_int_equal(grown, 2);
	while (count > 0)
		heap_free(held[--count]);
	assert_int_equal(peek64(&stats.figures[FIGURE_REJECT(REJECT_FOREIGN)]),
			 foreign);
	assert_int_equal(stats_large().allocs - stats_large().frees, 0);
	assert_true(stats_large().frees > frees);
}

static int null_stderr(void)
{
	int old = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	close(null);
	return old;
}

/* A byte that is a code, but not that of the block's slab, is no header: free
 * by a hit and by a miss. */
static void the_header_of_another_class_is_refused(void **state)
{
	uint64_t before =
		stats.figures[FIGURE_REJECT(REJECT_OVERWRITTEN_HEADER)];
	uint64_t refused = 0;
	char *ptr = heap_malloc(100);
	uint8_t *byte = header_byte(ptr), code = *byte;
	int old = null_stderr();

	(void)state;
	assert_int_equal(header_class(code), sizeclass_with_header(100));
	for (unsigned other = HEADER_CLASS; other < HEADER_CLASS_END; other++)
		if (other != code) {
			*byte = (uint8_t)other;
			heap_free(ptr);
			heap_free_miss(ptr);
			refused += 2;
		}
	*byte = code;
	assert_int_equal(
		stats.figures[FIGURE_REJECT(REJECT_OVERWRITTEN_HEADER)] -
			before,
		refused);
	assert_true(heap_usable(ptr) >= 100);
	heap_free(ptr);
	assert_int_equal(heap_usable(ptr), 0);
	assert_int_equal(
		stats.figures[FIGURE_REJECT(REJECT_OVERWRITTEN_HEADER)] -
			before,
		refused);
	dup2(old, STDERR_FILENO);
	close(old);
}

/* In report mode a bad free changes nothing but the count of its kind. */
static void bad_frees_are_counted_and_left_alone(void **state)
{
	static const size_t sizes[] = {1, 16, 100, 1024, 20000, 100000};
	int old = null_stderr();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		uint64_t doubles =
			stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)];
		uint64_t odd = stats.figures[FIGURE_REJECT(REJECT_MISALIGNED)];
		char *ptr = heap_malloc(sizes[i]), *next;
		void *others[40];

		/* its row is not full: frees are hits, and not */
		for (int k = 0; k < 40; k++)
			others[k] = heap_malloc(sizes[i]);
		start_counting();
		if (sizes[i] > 16) {
			memset(ptr, 'a', sizes[i]);
			heap_free(ptr + 8);
			assert_int_equal(stats.figures[FIGURE_REJECT(
						 REJECT_MISALIGNED)] -
						 odd,
					 1);
			heap_free(ptr + 16);
			assert_null(heap_realloc(ptr + 16, 50));
			assert_int_equal(heap_usable(ptr + 16), 0);
			assert_int_equal(ptr[8], 'a');
			assert_int_equal(ptr[16], 'a');
		}
		assert_counts();
		heap_free(ptr);
		start_counting();
		heap_free(ptr);
		heap_free(ptr);
		assert_int_equal(
			stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)] -
				doubles,
			2);
		assert_counts();
		assert_null(heap_realloc(ptr, 10));
		assert_int_equal(heap_usable(ptr), 0);
		/* and it is given out once */
		ptr = heap_malloc(sizes[i]);
		next = heap_malloc(sizes[i]);
		assert_ptr_not_equal(ptr, next);
		heap_free(ptr);
		heap_free(next);
		for (int k = 0; k < 40; k++)
			heap_free(others[k]);
		doubles = stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)];
		heap_free(others[39]);
		assert_int_equal(
			stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)] -
				doubles,
			1);
	}
	dup2(old, STDERR_FILENO);
	close(old);
}

static void foreign_blocks_are_left_to_their_owner(void **state)
{
	uint64_t before = stats.figures[FIGURE_REJECT(REJECT_FOREIGN)];
	/* what a pool of the program's own may look like */
	char *pool = vm_map(3 * VM_PAGE);
	char *theirs = pool + VM_PAGE / 2, *ours;

	(void)state;
	memset(theirs, 'q', 5000);
	heap_free(theirs);
	assert_int_equal(stats.figures[FIGURE_REJECT(REJECT_FOREIGN)] - before,
			 1);
	assert_int_equal(heap_usable(theirs), 0);
	/* what can be read is copied */
	ours = heap_realloc(theirs, 5000);
	assert_non_null(ours);
	assert_memory_equal(ours, theirs, 5000);
	assert_int_equal(stats.figures[FIGURE_REJECT(REJECT_FOREIGN)] - before,
			 3);
	heap_free(ours);
	vm_unmap(pool, 3 * VM_PAGE);
}

/* Of the 0xFFF rule: only a pointer near a page start asks the kernel. */
static void boundary_hits_are_counted(void **state)
{
	uint64_t hits = stats.figures[FIGURE_PAGE_BOUNDARY],
		 asked = stats.figures[FIGURE_MINCORE];
	void *page = heap_aligned(4096, 100000);
	void *mapped = heap_aligned(4096, 40 * MIB);
	void *usual = heap_malloc(40 * MIB);

	(void)state;
	heap_free(page);
	assert_int_equal(stats.figures[FIGURE_PAGE_BOUNDARY] - hits, 1);
	assert_int_equal(stats.figures[FIGURE_MINCORE] - asked, 0);
	heap_free(mapped);
	assert_int_equal(stats.figures[FIGURE_PAGE_BOUNDARY] - hits, 2);
	assert_int_equal(stats.figures[FIGURE_MINCORE] - asked, 1);
	heap_free(usual);
	assert_int_equal(stats.figures[FIGURE_PAGE_BOUNDARY] - hits, 2);
}

/* Small blocks, too: those with a header, whatever became of it meanwhile. */
static void boundary_hits_of_small_blocks_are_counted(void **state)
{
	static void *held[3000];
	uint64_t random = 5, expected = stats.figures[FIGURE_PAGE_BOUNDARY];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(held); i++) {
		size_t n = 1 + draw_below(&random, 300);

		if (i % 400 == 0)
			sampler_init(i % 800 ? 0 : 200, 0);
		held[i] = heap_malloc(n);
		must(heap_usable(held[i]) >= n);
		if (((uintptr_t)held[i] & 0xFFF) == 0 &&
		    !sizeclass_table[header_class(arena_unit(held[i])->code)]
			     .headerless)
			expected++;
	}
	assert_true(expected > stats.figures[FIGURE_PAGE_BOUNDARY]);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		heap_free(held[i]);
	sampler_init(0, 0);
	assert_int_equal(stats.figures[FIGURE_PAGE_BOUNDARY], expected);
	/* and a second free of one is a double free */
	for (size_t i = 0; i < COUNT_OF(held); i++)
		if (((uintptr_t)held[i] & 0xFFF) == 0) {
			uint64_t rejects = stats.figures[FIGURE_REJECT(
				REJECT_DOUBLE_FREE)];

			conf.corruption_abort = false;
			heap_free(opaque(held[i]));
			assert_int_equal(stats.figures[FIGURE_REJECT(
						 REJECT_DOUBLE_FREE)],
					 rejects + 1);
			break;
		}
	assert_int_equal(stats.figures[FIGURE_PAGE_BOUNDARY], expected);
}

static void live_samples_of_a_foreign_code_are_rejected(void **state)
{
	char *ptr = heap_malloc(100);
	uint64_t before = stats.figures[FIGURE_REJECT(REJECT_INTERIOR)];
	int old = null_stderr();

	(void)state;
	/* each special code, planted inside a block */
	for (unsigned code = 0; code < 256; code++) {
		if (header_is_class((uint8_t)code))
			continue;
		memset(ptr, (int)code, 100);
		heap_free(ptr + 32);
	}
	assert_int_equal(
		stats.figures[FIGURE_REJECT(REJECT_INTERIOR)] - before +
			stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)],
		stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)] + 256 -
			HEADER_CLASSES - 1);
	dup2(old, STDERR_FILENO);
	close(old);
	heap_free(ptr);
}

static void trimming_gives_everything_back(void **state)
{
	static void *held[20000];
	uint64_t returned = peek64(&stats.figures[FIGURE_RETURNED_BYTES]);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(held); i++)
		memset(held[i] = heap_malloc(1000), 1, 1000);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		heap_free(held[i]);
	assert_true(heap_trim());
	assert_true(peek64(&stats.figures[FIGURE_RETURNED_BYTES]) - returned >=
		    19 * MIB);
	assert_false(heap_trim());
	assert_int_equal(central_slabs(class_of(1000)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_aligned_and_usable),
		cmocka_unit_test(nothing_is_asked_for_or_freed),
		cmocka_unit_test(too_much_is_refused_with_enomem),
		cmocka_unit_test(free_and_success_keep_errno),
		cmocka_unit_test(calloc_clears_what_others_used),
		cmocka_unit_test(realloc_keeps_the_bytes),
		cmocka_unit_test(realloc_to_0_frees),
		cmocka_unit_test(realloc_to_the_same_size_stays),
		cmocka_unit_test(reallocs_in_place_are_counted),
		cmocka_unit_test(realloc_shrinks),
		cmocka_unit_test(growing_step_by_step_is_cheap),
		cmocka_unit_test(what_cannot_grow_in_place_is_mapped),
		cmocka_unit_test(alignments_hold_at_every_size),
		cmocka_unit_test(nothing_aligned_can_be_freed),
		cmocka_unit_test(nothing_at_the_very_end_can_be_freed),
		cmocka_unit_test(the_header_of_another_class_is_refused),
		cmocka_unit_test(bad_frees_are_counted_and_left_alone),
		cmocka_unit_test(foreign_blocks_are_left_to_their_owner),
		cmocka_unit_test(boundary_hits_are_counted),
		cmocka_unit_test(boundary_hits_of_small_blocks_are_counted),
		cmocka_unit_test(live_samples_of_a_foreign_code_are_rejected),
		cmocka_unit_test(trimming_gives_everything_back),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
