#include "libhakmem/memory/lookup.h"

#include "libhakmem/memory/slab.h"
#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/counts.h"

#include <sys/mman.h>

static void assert_none(void *ptr)
{
	struct lookup found = lookup(ptr);

	assert_int_equal(found.kind, LOOKUP_NONE);
	assert_int_equal(found.usable, 0);
	assert_null(lookup_class(ptr));
}

/* Its start, as long as it lives; nothing else of it. */
static void assert_only_start(char *ptr, size_t usable)
{
	struct lookup found = lookup(ptr);

	assert_int_equal(found.kind, LOOKUP_SMALL);
	assert_ptr_equal(found.base, ptr);
	assert_int_equal(found.usable, usable);
	for (size_t i = 8; i < usable; i += 8)
		assert_none(ptr + i);
}

static void small_blocks_are_found_while_they_live(void **unused)
{
	(void)unused;
	for (unsigned class = 0; class < sizeclass_count; class ++) {
		const struct sizeclass *info = &sizeclass_table[class];
		size_t usable = info->usable;
		char *ptr = info->aligned_only ? heap_aligned(32, usable)
					       : heap_malloc(usable);

		memset(ptr, 0, usable);
		assert_only_start(ptr, usable);
		assert_ptr_equal(lookup_class(ptr),
				 info->aligned_only ? NULL : info);
		heap_free(ptr);
		assert_none(ptr);
	}
}

static void a_block_at_a_page_is_one_like_others(void **unused)
{
	char *ptr[600];
	unsigned found = 0;

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(ptr); i++) {
		ptr[i] = heap_malloc(40);
		if (*header_byte(ptr[i]) == HEADER_BOUNDARY) {
			assert_null(lookup_class(ptr[i]));
			found++;
		}
		assert_int_equal(lookup(ptr[i]).kind, LOOKUP_SMALL);
		assert_int_equal(lookup(ptr[i]).code, sizeclass_code(40));
		assert_int_equal(lookup(ptr[i]).counted, sizeclass_code(40));
		assert_int_equal(lookup(ptr[i]).usable,
				 sizeclass_table[class_of(40)].usable);
	}
	assert_true(found > 0);
	for (size_t i = 0; i < COUNT_OF(ptr); i++)
		heap_free(ptr[i]);
}

/* A block whose request of `n` bytes is a sample. */
static char *sampled(size_t n)
{
	char *ptr;

	sampler_init(0, 1);
	thread_redraw(thread_cache(), class_of(n));
	ptr = heap_malloc(n);
	memset(ptr, 0, n);
	sampler_init(0, 0);
	return ptr;
}

static void sampled_blocks_are_found(void **unused)
{
	char *ptr = sampled(1000);
	struct lookup found = lookup(ptr);

	(void)unused;
	assert_true(found.sampled);
	assert_int_equal(found.code, sizeclass_code(1000));
	assert_int_equal(found.counted, found.code);
	assert_null(lookup_class(ptr));
	assert_only_start(ptr, sizeclass_table[class_of(1000)].usable);
	heap_free(ptr);
	assert_none(ptr);
}

/* Exact powers of two have no header: another class gives the block. */
static void a_sample_is_counted_where_it_was_asked_for(void **unused)
{
	static const size_t sizes[] = {64, 1024, SIZECLASS_SMALL_MAX};

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = sampled(sizes[i]);
		struct lookup found = lookup(ptr);

		assert_true(found.sampled);
		assert_int_equal(found.counted, sizeclass_code(sizes[i]));
		assert_int_not_equal(found.code, found.counted);
		assert_in_range(found.usable, sizes[i], 2 * sizes[i]);
		heap_free(ptr);
		assert_none(ptr);
	}
}

/* --- aligned pointers ---------------------------------------------------- */

static char *aligned_inside(void)
{
	return heap_aligned(128, 9000); /* of no class */
}

static void an_aligned_pointer_has_the_rest_of_its_block(void **unused)
{
	char *ptr = aligned_inside();
	struct lookup found = lookup(ptr);
	size_t lead = (size_t)(ptr - (char *)found.base);

	(void)unused;
	assert_int_equal(found.kind, LOOKUP_ALIGNED);
	assert_true(lead >= 16 && lead <= 144);
	assert_int_equal(found.counted, found.code);
	assert_false(found.sampled);
	assert_null(lookup_class(ptr));
	assert_true(found.usable >= 9000);
	assert_int_equal(found.usable + lead,
			 sizeclass_table[header_class(found.code)].usable);
	/* The start of its block is not for anybody to free. */
	assert_none(found.base);
	header_large_set_sampled(ptr, true, sizeclass_code(64));
	assert_true(lookup(ptr).sampled);
	assert_int_equal(lookup(ptr).counted, sizeclass_code(64));
	header_large_set_sampled(ptr, false, 0);
	heap_free(ptr);
	assert_none(ptr);
	assert_int_equal(*header_byte(found.base), found.code);
}

static void a_broken_lead_is_no_pointer(void **unused)
{
	char *ptr = aligned_inside();
	uint64_t lead = header_large(ptr)->bytes;

	(void)unused;
	header_large(ptr)->sampled = 1; /* the check does not agree */
	assert_none(ptr);
	header_large(ptr)->bytes += 16;
	assert_none(ptr);
	/* One that agrees, but leads to no block, or out of the arena. */
	header_write_large(ptr, lead + 16, HEADER_ALIGNED);
	assert_none(ptr);
	header_write_large(ptr, TIB, HEADER_ALIGNED);
	assert_none(ptr);
	header_write_large(ptr, 2 * TIB, HEADER_ALIGNED);
	assert_none(ptr);
	header_write_large(ptr, lead, HEADER_ALIGNED);
	assert_int_equal(lookup(ptr).kind, LOOKUP_ALIGNED);
	heap_free(ptr);
}

/* --- large blocks -------------------------------------------------------- */

static void a_span_is_found_by_its_start(void **unused)
{
	char *ptr = heap_malloc(100000), *inside = ptr + 4096;
	struct lookup found = lookup(ptr);

	(void)unused;
	assert_int_equal(lookup(ptr).kind, LOOKUP_LARGE);
	assert_int_equal(found.code, HEADER_LARGE);
	assert_null(lookup_class(ptr));
	assert_in_range(found.usable, 100000, 100000 + 8192);
	/* A copy of its header, and a good one where no block can be. */
	memcpy(inside - 16, ptr - 16, 16);
	assert_int_equal(lookup(inside).kind, LOOKUP_NONE);
	header_write_large(inside + 8, 1000, HEADER_LARGE);
	assert_int_equal(lookup(inside + 8).kind, LOOKUP_NONE);
	header_large(ptr)->bytes++;
	assert_int_equal(lookup(ptr).kind, LOOKUP_NONE);
	assert_none(ptr);
	header_large(ptr)->bytes--;
	heap_free(ptr);
	assert_none(ptr);
}

static void a_large_header_in_a_small_block_is_none(void **unused)
{
	char *ptr = heap_malloc(1000);

	(void)unused;
	header_write_large(ptr + 512, 100, HEADER_LARGE);
	assert_int_equal(lookup(ptr + 512).kind, LOOKUP_NONE);
	assert_none(ptr + 512);
	heap_free(ptr);
}

static void a_mapping_is_found_until_it_goes(void **unused)
{
	char *ptr = heap_malloc(64 * MIB);
	struct lookup found = lookup(ptr);

	(void)unused;
	assert_int_equal(lookup(ptr).kind, LOOKUP_LARGE);
	assert_int_equal(found.code, HEADER_MAPPED);
	assert_null(lookup_class(ptr));
	assert_in_range(found.usable, 64 * MIB, 64 * MIB + 8192);
	header_write_large(ptr + 1000 * 16 + 8, 1000, HEADER_MAPPED);
	assert_int_equal(lookup(ptr + 1000 * 16 + 8).kind, LOOKUP_NONE);
	assert_int_equal(lookup(ptr + 16).kind, LOOKUP_NONE);
	header_large(ptr)->bytes++;
	assert_int_equal(lookup(ptr).kind, LOOKUP_NONE);
	header_large(ptr)->bytes--;
	heap_free(ptr);
	assert_int_equal(lookup(ptr).kind,
			 LOOKUP_NONE); /* without a look at it */
	assert_none(ptr);
}

/* Where the page before may not be there, the kernel is asked, and counted. */
static void foreign_memory_is_none(void **unused)
{
	static char memory[64] __attribute__((aligned(16)));
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t asked = stats.figures[FIGURE_MINCORE],
		 boundary = stats.figures[FIGURE_PAGE_BOUNDARY];

	(void)unused;
	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(munmap(page, 4096), 0);
	assert_none(memory + 32);
	assert_none(page + 4096 + 64);
	assert_int_equal(stats.figures[FIGURE_MINCORE], asked);
	assert_none(page + 4096);
	assert_int_equal(stats.figures[FIGURE_MINCORE], asked + 1);
	assert_int_equal(stats.figures[FIGURE_PAGE_BOUNDARY], boundary + 1);
	munmap(page + 4096, 4096);
}

/* --- bad pointers --------------------------------------------------------- */

static void assert_kind(const void *ptr, enum reject_kind kind)
{
	struct lookup found = lookup_closely((void *)(uintptr_t)ptr);

	assert_int_equal(found.kind, LOOKUP_NONE);
	assert_int_equal(found.fault, kind);
}

/* A block of each sort of class. */
static const size_t sizes[] = {1, 16, 40, 64, 1000, 1024, 5000, 32767, 32768};

static void a_freed_block_is_a_double_free(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);
		enum reject_kind kind;

		heap_free(ptr);
		assert_kind(ptr, REJECT_DOUBLE_FREE);
		/* when its slab is gone less is known, but it is no crash */
		heap_trim();
		kind = lookup(ptr).fault;
		assert_true(kind == REJECT_DOUBLE_FREE ||
			    kind == REJECT_UNKNOWN_CODE);
	}
}

static void inside_a_block_is_interior(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);

		memset(ptr, 'x', sizes[i]);
		for (size_t at = 16; at < sizes[i]; at += 16)
			assert_kind(ptr + at, REJECT_INTERIOR);
		heap_free(ptr);
	}
}

static void odd_addresses_are_misaligned(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);

		for (size_t at = 1; at < 16; at++)
			assert_kind(ptr + at, REJECT_MISALIGNED);
		heap_free(ptr);
	}
}

static void an_overwritten_byte_is_told(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);
		uint8_t *byte = header_byte(ptr), saved;

		if ((uintptr_t)ptr < arena.header) {
			heap_free(ptr); /* no byte there */
			continue;
		}
		saved = *byte;
		*byte = 'x';
		assert_kind(ptr, REJECT_OVERWRITTEN_HEADER);
		*byte = 0;
		assert_kind(ptr, REJECT_OVERWRITTEN_HEADER);
		*byte = saved;
		heap_free(ptr);
	}
}

static void a_place_never_carved_has_no_code(void **unused)
{
	unsigned class = sizeclass_with_header(700);
	struct unit *slab;
	char *ptr = heap_malloc(700);

	(void)unused;
	slab = arena_unit(ptr) - arena_unit(ptr)->lead;
	assert_ptr_equal(slab_of(ptr), slab);
	assert_true(slab->carved < sizeclass_table[class].blocks);
	assert_kind(arena_address(slab) + slab->first +
			    (size_t)slab->carved *
				    sizeclass_table[class].stride,
		    REJECT_UNKNOWN_CODE);
	heap_free(ptr);
}

static void large_blocks_have_kinds_too(void **unused)
{
	char *ptr = heap_malloc(300000);
	uint8_t *byte = header_byte(ptr);

	(void)unused;
	*byte = 'x';
	assert_kind(ptr, REJECT_OVERWRITTEN_HEADER);
	*byte = HEADER_LARGE;
	assert_kind(ptr + 16, REJECT_INTERIOR);
	assert_kind(ptr + 299984, REJECT_INTERIOR);
	assert_kind(ptr + 1, REJECT_MISALIGNED);
	heap_free(ptr);
	assert_kind(ptr, REJECT_DOUBLE_FREE);
	assert_kind(ptr + 4096, REJECT_UNKNOWN_CODE);
	heap_trim();
	assert_kind(ptr, REJECT_DOUBLE_FREE);
}

static void unmapped_blocks_are_remembered(void **unused)
{
	char *ptr = heap_malloc(40 * MIB);

	(void)unused;
	assert_false(arena_owns(ptr));
	heap_free(ptr);
	assert_kind(ptr, REJECT_DOUBLE_FREE);
}

static void aligned_blocks_have_kinds_too(void **unused)
{
	char *ptr = heap_aligned(256, 9000);
	char *base;

	(void)unused;
	assert_int_equal(*header_byte(ptr), HEADER_ALIGNED);
	base = ptr - header_large(ptr)->bytes;
	/* its own start is no longer a block */
	assert_kind(base, REJECT_INTERIOR);
	assert_kind(ptr + 16, REJECT_INTERIOR);
	heap_free(ptr);
	assert_kind(ptr, REJECT_DOUBLE_FREE);
}

static void what_is_not_ours_is_foreign(void **unused)
{
	static _Alignas(16) char mine[64];
	char *theirs = malloc(100);

	(void)unused;
	assert_kind(mine + 16, REJECT_FOREIGN);
	/* Not its start: a sanitizer watches the bytes before that. */
	assert_kind(theirs + 32, REJECT_FOREIGN);
	assert_kind(theirs + 33, REJECT_FOREIGN);
	assert_kind((void *)16, REJECT_FOREIGN);
	assert_kind((void *)(UINTPTR_MAX - 15), REJECT_FOREIGN);
	free(theirs);
}

/* Where the byte before, or the unit before, is not there to look at. */
static void the_edges_of_the_zones_are_told(void **unused)
{
	char *ptr = heap_malloc(40), *exact = heap_malloc(64);

	(void)unused;
	assert_true(arena_owns((void *)arena.header));
	assert_true(arena_owns((void *)arena.base));
	assert_kind((void *)arena.header, REJECT_INTERIOR);
	assert_kind((char *)arena.header + arena.committed[ARENA_HEADER],
		    REJECT_FOREIGN);
	heap_free(ptr);
	heap_free(exact);
	/* the first unit of each zone is free now */
	heap_trim();
	lookup((void *)arena.header);
	lookup((void *)arena.base);
	for (size_t at = 0; at < 2 * ARENA_UNIT; at += 4080) {
		lookup((char *)arena.header + at);
		lookup((char *)arena.base + at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_blocks_are_found_while_they_live),
		cmocka_unit_test(a_block_at_a_page_is_one_like_others),
		cmocka_unit_test(sampled_blocks_are_found),
		cmocka_unit_test(a_sample_is_counted_where_it_was_asked_for),
		cmocka_unit_test(an_aligned_pointer_has_the_rest_of_its_block),
		cmocka_unit_test(a_broken_lead_is_no_pointer),
		cmocka_unit_test(a_span_is_found_by_its_start),
		cmocka_unit_test(a_large_header_in_a_small_block_is_none),
		cmocka_unit_test(a_mapping_is_found_until_it_goes),
		cmocka_unit_test(foreign_memory_is_none),
		cmocka_unit_test(a_freed_block_is_a_double_free),
		cmocka_unit_test(inside_a_block_is_interior),
		cmocka_unit_test(odd_addresses_are_misaligned),
		cmocka_unit_test(an_overwritten_byte_is_told),
		cmocka_unit_test(a_place_never_carved_has_no_code),
		cmocka_unit_test(large_blocks_have_kinds_too),
		cmocka_unit_test(unmapped_blocks_are_remembered),
		cmocka_unit_test(aligned_blocks_have_kinds_too),
		cmocka_unit_test(what_is_not_ours_is_foreign),
		cmocka_unit_test(the_edges_of_the_zones_are_told),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
