#include "libhakmem/memory/reject.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/memory/large.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/slab.h"
#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/unit.h"

#include <fcntl.h>

static int boot(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	sampler_init(0, 0);
	conf.corruption_abort = false;
	/* most tests only count */
	return 0;
}

static void assert_kind(const void *ptr, enum report_kind kind)
{
	uint64_t before[REPORT_KINDS];

	memcpy(before, stats.rejects, sizeof(before));
	assert_int_equal(reject_quietly(ptr), kind);
	for (int i = 0; i < REPORT_KINDS; i++)
		assert_int_equal(stats.rejects[i] - before[i], i == (int)kind);
}

/* A block of each sort of class. */
static const size_t sizes[] = {1, 16, 40, 64, 1000, 1024, 5000, 32767, 32768};

static void a_freed_block_is_a_double_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);
		enum report_kind kind;

		heap_free(ptr);
		assert_kind(ptr, REPORT_DOUBLE_FREE);
		/* when its slab is gone less is known, but it is no crash */
		heap_trim();
		kind = reject_quietly(ptr);
		assert_true(kind == REPORT_DOUBLE_FREE ||
			    kind == REPORT_UNKNOWN_CODE);
	}
}

static void inside_a_block_is_interior(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);

		memset(ptr, 'x', sizes[i]);
		for (size_t at = 16; at < sizes[i]; at += 16)
			assert_kind(ptr + at, REPORT_INTERIOR);
		heap_free(ptr);
	}
}

static void odd_addresses_are_misaligned(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);

		for (size_t at = 1; at < 16; at++)
			assert_kind(ptr + at, REPORT_MISALIGNED);
		heap_free(ptr);
	}
}

static void an_overwritten_byte_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *ptr = heap_malloc(sizes[i]);
		uint8_t *byte = header_byte(ptr), saved;

		if ((uintptr_t)ptr < arena.header) {
			heap_free(ptr); /* no byte there */
			continue;
		}
		saved = *byte;
		*byte = 'x';
		assert_kind(ptr, REPORT_OVERWRITTEN_HEADER);
		*byte = 0;
		assert_kind(ptr, REPORT_OVERWRITTEN_HEADER);
		*byte = saved;
		heap_free(ptr);
	}
}

static void a_place_never_carved_has_no_code(void **state)
{
	unsigned class = sizeclass_with_header(700);
	struct unit *slab;
	char *ptr = heap_malloc(700);

	(void)state;
	slab = arena_unit(ptr) - arena_unit(ptr)->lead;
	assert_ptr_equal(slab_of(ptr), slab);
	assert_true(slab->carved < sizeclass_table[class].blocks);
	assert_kind(arena_address(slab) + slab->first +
			    (size_t)slab->carved *
				    sizeclass_table[class].stride,
		    REPORT_UNKNOWN_CODE);
	heap_free(ptr);
}

static void large_blocks_have_kinds_too(void **state)
{
	char *ptr = heap_malloc(300000);
	uint8_t *byte = header_byte(ptr);

	(void)state;
	*byte = 'x';
	assert_kind(ptr, REPORT_OVERWRITTEN_HEADER);
	*byte = HEADER_LARGE;
	assert_kind(ptr + 16, REPORT_INTERIOR);
	assert_kind(ptr + 299984, REPORT_INTERIOR);
	assert_kind(ptr + 1, REPORT_MISALIGNED);
	heap_free(ptr);
	assert_kind(ptr, REPORT_DOUBLE_FREE);
	assert_kind(ptr + 4096, REPORT_UNKNOWN_CODE);
	heap_trim();
	assert_kind(ptr, REPORT_DOUBLE_FREE);
}

static void unmapped_blocks_are_remembered(void **state)
{
	char *ptr = heap_malloc(40 * MIB);

	(void)state;
	assert_false(arena_owns(ptr));
	heap_free(ptr);
	assert_kind(ptr, REPORT_DOUBLE_FREE);
}

static void aligned_blocks_have_kinds_too(void **state)
{
	char *ptr = heap_aligned(256, 9000);
	char *base;

	(void)state;
	assert_int_equal(*header_byte(ptr), HEADER_ALIGNED);
	base = ptr - header_wide(ptr)->bytes;
	/* its own start is no longer a block */
	assert_kind(base, REPORT_INTERIOR);
	assert_kind(ptr + 16, REPORT_INTERIOR);
	heap_free(ptr);
	assert_kind(ptr, REPORT_DOUBLE_FREE);
}

static void what_is_not_ours_is_foreign(void **state)
{
	static _Alignas(16) char mine[64];
	void *theirs = malloc(100);

	(void)state;
	assert_kind(mine + 16, REPORT_FOREIGN);
	assert_kind(theirs, REPORT_FOREIGN);
	assert_kind((char *)theirs + 1, REPORT_FOREIGN);
	assert_kind((void *)16, REPORT_FOREIGN);
	assert_kind((void *)(UINTPTR_MAX - 15), REPORT_FOREIGN);
	free(theirs);
}

/* Where the byte before, or the unit before, is not there to look at. */
static void the_edges_of_the_zones_are_told(void **state)
{
	char *ptr = heap_malloc(40), *exact = heap_malloc(64);

	(void)state;
	assert_true(arena_owns((void *)arena.header));
	assert_true(arena_owns((void *)arena.base));
	assert_kind((void *)arena.header, REPORT_INTERIOR);
	assert_kind((char *)arena.header + arena.committed[ARENA_HEADER],
		    REPORT_FOREIGN);
	heap_free(ptr);
	heap_free(exact);
	/* the first unit of each zone is free now */
	heap_trim();
	reject_quietly((void *)arena.header);
	reject_quietly((void *)arena.base);
	for (size_t at = 0; at < 2 * ARENA_UNIT; at += 4080) {
		reject_quietly((char *)arena.header + at);
		reject_quietly((char *)arena.base + at);
	}
}

static char *victim;

static void abort_on_it(void)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	signal(SIGABRT, SIG_DFL);
	conf.corruption_abort = true;
	reject(victim);
}

static void the_default_is_to_abort(void **state)
{
	static _Alignas(16) char foreign[32];

	(void)state;
	victim = heap_malloc(40);
	heap_free(victim);
	assert_child_dies(abort_on_it, SIGABRT);
	victim++;
	assert_child_dies(abort_on_it, SIGABRT);
	/* some other allocator may own it */
	victim = foreign + 16;
	assert_child_passes(abort_on_it);
}

static char line[4096];

static size_t caught_of(const void *ptr, int times)
{
	int ends[2], old = dup(STDERR_FILENO);
	size_t used = 0;
	ssize_t got;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	for (int i = 0; i < times; i++) {
		reject(ptr);
		while ((got = read(ends[0], line, sizeof(line) - 1)) > 0)
			used += (size_t)got;
	}
	dup2(old, STDERR_FILENO);
	close(old);
	close(ends[0]);
	close(ends[1]);
	return used;
}

static void the_line_names_kind_pointer_and_class(void **state)
{
	char expected[200];
	char *ptr = heap_malloc(40), *exact = heap_malloc(1024);
	char *large = heap_malloc(100000);

	(void)state;
	heap_free(ptr);
	assert_true(caught_of(ptr, 1) > 0);
	snprintf(expected, sizeof(expected),
		 "hakmem: double free: pointer %p, class 48\n", (void *)ptr);
	assert_int_equal(strncmp(line, expected, strlen(expected)), 0);
	caught_of(exact + 1, 1);
	snprintf(expected, sizeof(expected),
		 "hakmem: misaligned pointer: pointer %p, class 1024\n",
		 (void *)(exact + 1));
	assert_int_equal(strncmp(line, expected, strlen(expected)), 0);
	caught_of(large + 16, 1);
	snprintf(expected, sizeof(expected),
		 "hakmem: interior pointer: pointer %p, class large\n",
		 (void *)(large + 16));
	assert_int_equal(strncmp(line, expected, strlen(expected)), 0);
	heap_free(exact);
	heap_free(large);
}

/* A program that is wrong in a loop does not fill a disk. */
static void a_thousand_lines_are_enough(void **state)
{
	uint64_t before = stats.rejects[REPORT_DOUBLE_FREE];
	char *ptr = heap_malloc(40);

	(void)state;
	heap_free(ptr);
	assert_true(caught_of(ptr, 1100) > 0);
	assert_int_equal(caught_of(ptr, 10), 0);
	assert_int_equal(stats.rejects[REPORT_DOUBLE_FREE] - before, 1110);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(the_default_is_to_abort),
		cmocka_unit_test(the_line_names_kind_pointer_and_class),
		cmocka_unit_test(a_thousand_lines_are_enough),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
