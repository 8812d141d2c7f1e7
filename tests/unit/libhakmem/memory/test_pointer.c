#include "libhakmem/memory/pointer.h"

#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/counts.h"

#include <sys/mman.h>

static void assert_none(void *ptr)
{
	struct pointer found = pointer_find(ptr);

	assert_int_equal(found.code, HEADER_NONE);
	assert_int_equal(found.usable, 0);
	assert_null(pointer_class(ptr));
}

/* Its start, as long as it lives; nothing else of it. */
static void assert_only_start(char *ptr, size_t usable)
{
	struct pointer found = pointer_find(ptr);

	assert_int_not_equal(found.code, HEADER_NONE);
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
		assert_ptr_equal(pointer_class(ptr),
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
		if (pointer_find(ptr[i]).code == HEADER_BOUNDARY) {
			assert_null(pointer_class(ptr[i]));
			found++;
		}
		assert_int_equal(pointer_find(ptr[i]).usable,
				 sizeclass_table[class_of(40)].usable);
	}
	assert_true(found > 0);
	for (size_t i = 0; i < COUNT_OF(ptr); i++)
		heap_free(ptr[i]);
}

static void sampled_blocks_are_found(void **unused)
{
	char *ptr;

	(void)unused;
	sampler_init(0, 1);
	thread_redraw(thread_cache(), class_of(1000));
	ptr = heap_malloc(1000);
	memset(ptr, 0, 1000);
	assert_int_equal(pointer_find(ptr).code, HEADER_SAMPLED);
	assert_null(pointer_class(ptr));
	assert_only_start(ptr, sizeclass_table[class_of(1000)].usable);
	heap_free(ptr);
	assert_none(ptr);
	sampler_init(0, 0);
}

/* --- aligned pointers ---------------------------------------------------- */

static char *aligned_inside(void)
{
	return heap_aligned(128, 9000); /* of no class */
}

static void an_aligned_pointer_has_the_rest_of_its_block(void **unused)
{
	char *ptr = aligned_inside(), *base = pointer_base(ptr, false);
	struct pointer found = pointer_find(ptr);
	size_t lead = (size_t)(ptr - base);

	(void)unused;
	assert_true(base != NULL && lead >= 16 && lead <= 144);
	assert_int_equal(found.code, HEADER_ALIGNED);
	assert_null(pointer_class(ptr));
	assert_true(found.usable >= 9000);
	assert_none(base); /* that is not for anybody to free */
	assert_ptr_equal(pointer_base(ptr, false), base);
	/* Restored, it is an ordinary block; the pointer is none. */
	assert_ptr_equal(pointer_base(ptr, true), base);
	assert_int_equal(pointer_find(base).usable, found.usable + lead);
	assert_null(pointer_base(ptr, true));
	assert_none(ptr);
	heap_free(base);
}

static void a_broken_lead_is_no_pointer(void **unused)
{
	char *ptr = aligned_inside(), *base = pointer_base(ptr, false);
	uint64_t lead = header_wide(ptr)->bytes;

	(void)unused;
	header_wide(ptr)->bytes += 16; /* the check does not agree */
	assert_null(pointer_base(ptr, false));
	assert_none(ptr);
	/* One that agrees, but leads to no block, or out of the arena. */
	header_write_wide(ptr, lead + 16, HEADER_ALIGNED);
	assert_null(pointer_base(ptr, false));
	assert_none(ptr);
	header_write_wide(ptr, TIB, HEADER_ALIGNED);
	assert_null(pointer_base(ptr, false));
	header_write_wide(ptr, lead, HEADER_ALIGNED);
	assert_ptr_equal(pointer_base(ptr, false), base);
	heap_free(ptr);
}

/* --- large blocks -------------------------------------------------------- */

static void a_span_is_found_by_its_start(void **unused)
{
	char *ptr = heap_malloc(100000), *inside = ptr + 4096;
	struct pointer found = pointer_find(ptr);

	(void)unused;
	assert_true(pointer_is_span(ptr));
	assert_int_equal(found.code, HEADER_LARGE);
	assert_null(pointer_class(ptr));
	assert_in_range(found.usable, 100000, 100000 + 8192);
	/* A copy of its header, and a good one where no block can be. */
	memcpy(inside - 16, ptr - 16, 16);
	assert_false(pointer_is_span(inside));
	header_write_wide(inside + 8, 1000, HEADER_LARGE);
	assert_false(pointer_is_span(inside + 8));
	header_wide(ptr)->bytes++;
	assert_false(pointer_is_span(ptr));
	assert_none(ptr);
	header_wide(ptr)->bytes--;
	heap_free(ptr);
	assert_none(ptr);
}

static void a_large_header_in_a_small_block_is_none(void **unused)
{
	char *ptr = heap_malloc(1000);

	(void)unused;
	header_write_wide(ptr + 512, 100, HEADER_LARGE);
	assert_false(pointer_is_span(ptr + 512));
	assert_none(ptr + 512);
	heap_free(ptr);
}

static void a_mapping_is_found_until_it_goes(void **unused)
{
	char *ptr = heap_malloc(64 * MIB);
	struct pointer found = pointer_find(ptr);

	(void)unused;
	assert_true(pointer_is_mapped(ptr));
	assert_int_equal(found.code, HEADER_MAPPED);
	assert_null(pointer_class(ptr));
	assert_in_range(found.usable, 64 * MIB, 64 * MIB + 8192);
	header_write_wide(ptr + 1000 * 16 + 8, 1000, HEADER_MAPPED);
	assert_false(pointer_is_mapped(ptr + 1000 * 16 + 8));
	assert_false(pointer_is_mapped(ptr + 16));
	header_wide(ptr)->bytes++;
	assert_false(pointer_is_mapped(ptr));
	header_wide(ptr)->bytes--;
	heap_free(ptr);
	assert_false(pointer_is_mapped(ptr)); /* without a look at it */
	assert_none(ptr);
}

/* Where the page before may not be there, the kernel is asked, and counted. */
static void foreign_memory_is_none(void **unused)
{
	static char memory[64] __attribute__((aligned(16)));
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t asked = stats.mincore, boundary = stats.page_boundary;

	(void)unused;
	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(munmap(page, 4096), 0);
	assert_none(memory + 32);
	assert_none(page + 4096 + 64);
	assert_int_equal(stats.mincore, asked);
	assert_none(page + 4096);
	assert_int_equal(stats.mincore, asked + 1);
	assert_int_equal(stats.page_boundary, boundary + 1);
	munmap(page + 4096, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_blocks_are_found_while_they_live),
		cmocka_unit_test(a_block_at_a_page_is_one_like_others),
		cmocka_unit_test(sampled_blocks_are_found),
		cmocka_unit_test(an_aligned_pointer_has_the_rest_of_its_block),
		cmocka_unit_test(a_broken_lead_is_no_pointer),
		cmocka_unit_test(a_span_is_found_by_its_start),
		cmocka_unit_test(a_large_header_in_a_small_block_is_none),
		cmocka_unit_test(a_mapping_is_found_until_it_goes),
		cmocka_unit_test(foreign_memory_is_none),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
