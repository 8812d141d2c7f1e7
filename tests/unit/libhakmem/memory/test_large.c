#include "libhakmem/memory/large.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/memory/header.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/base/vm.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>

static int boot(void **state)
{
	(void)state;
	return boot_ready() ? 0 : -1;
}

/* Whatever a test does, the balance of live and mapped bytes comes out. */
static int check_balance(void **state)
{
	(void)state;
	if (stats_large().allocs != stats_large().frees ||
	    stats_large().live_bytes || stats.figures[FIGURE_MAPPED_BYTES] ||
	    stats.mapped_blocks)
		return -1;
	for (size_t i = 0; i < BINS_COUNT; i++)
		if (stats.large[i].requests != stats.large[i].frees ||
		    stats.large[i].reserved_bytes != stats.large[i].freed_bytes)
			return -1;
	return 0;
}

static void fill(char *ptr, size_t n, char seed)
{
	for (size_t i = 0; i < n; i += 509)
		ptr[i] = (char)(seed + (char)(i / 509));
	if (n)
		ptr[n - 1] = seed;
}

static bool is_filled(const char *ptr, size_t n, char seed)
{
	for (size_t i = 0; i < n - 1; i += 509)
		if (ptr[i] != (char)(seed + (char)(i / 509)))
			return false;
	return ptr[n - 1] == seed;
}

static bool is_zero(const char *ptr, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ptr[i])
			return false;
	return true;
}

static void blocks_are_usable_to_the_last_byte(void **state)
{
	static const size_t sizes[] = {
		1,	   32769,	    65519,
		65520,	   65521,	    65536,
		100000,	   1 << 20,	    (32u << 20) - 1,
		32u << 20, (32u << 20) + 1, 40u << 20,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		size_t n = sizes[i], usable;
		char *ptr = large_alloc(n, 16, false);

		assert_non_null(ptr);
		assert_true(is_aligned((uintptr_t)ptr, 16));
		usable = large_usable(ptr);
		assert_true(usable >= n && usable < n + VM_PAGE);
		assert_int_equal(((uintptr_t)ptr + usable) % VM_PAGE, 0);
		fill(ptr, usable, 'a');
		assert_true(is_filled(ptr, usable, 'a'));
		assert_true(header_large_valid(ptr, n > LARGE_SPAN_MAX
							    ? HEADER_MAPPED
							    : HEADER_LARGE));
		assert_int_equal(arena_owns(ptr), n <= LARGE_SPAN_MAX);
		assert_int_equal(stats_large().live_bytes,
				 usable + (uintptr_t)ptr % VM_PAGE);
		large_free(ptr);
	}
	span_purge_all();
}

static void every_alignment_is_kept(void **state)
{
	static const size_t sizes[] = {1,     4096,    32768,
				       50000, 1 << 20, 33 << 20};

	(void)state;
	for (size_t align = 16; align <= 4 * MIB; align *= 2)
		for (size_t i = 0; i < COUNT_OF(sizes); i++) {
			char *ptr[3];

			/* mappings take their time */
			if (sizes[i] > LARGE_SPAN_MAX && align > 16 &&
			    align != VM_PAGE && align != ARENA_UNIT &&
			    align != MIB)
				continue;
			for (int k = 0; k < 3; k++) {
				ptr[k] = large_alloc(sizes[i], align, k == 1);
				assert_non_null(ptr[k]);
				assert_true(
					is_aligned((uintptr_t)ptr[k], align));
				assert_true(large_usable(ptr[k]) >= sizes[i]);
				fill(ptr[k], large_usable(ptr[k]),
				     (char)('a' + k));
			}
			for (int k = 0; k < 3; k++) {
				assert_true(is_filled(ptr[k],
						      large_usable(ptr[k]),
						      (char)('a' + k)));
				large_free(ptr[k]);
			}
		}
	span_purge_all();
}

/* An aligned block's mapping is cut to what it needs, before and behind. */
static void mappings_are_cut_to_size(void **state)
{
	char *ptr = large_alloc(33 * MIB + 5, MIB, false);
	char *first = ptr - VM_PAGE;

	(void)state;
	assert_false(vm_readable((uintptr_t)first - 1));
	assert_true(vm_readable((uintptr_t)first));
	assert_true(vm_readable((uintptr_t)ptr + large_usable(ptr) - 1));
	assert_false(vm_readable((uintptr_t)ptr + large_usable(ptr)));
	assert_int_equal(stats.figures[FIGURE_MAPPED_BYTES],
			 large_usable(ptr) + VM_PAGE);
	assert_int_equal(stats.mapped_blocks, 1);
	large_free(ptr);
	assert_false(vm_readable((uintptr_t)first));
	assert_false(vm_readable((uintptr_t)ptr));
}

static void zeroed_means_zeroed(void **state)
{
	char *ptr = large_alloc(300000, 16, false);

	(void)state;
	memset(ptr, 0xff, large_usable(ptr));
	large_free(ptr);
	ptr = large_alloc(300000, 16, true);
	assert_true(is_zero(ptr, 300000));
	large_free(ptr);
	ptr = large_alloc(40 * MIB, 16, true);
	assert_true(is_zero(ptr, 40 * MIB));
	large_free(ptr);
}

static void what_cannot_be_had_is_refused(void **state)
{
	(void)state;
	errno = 77;
	assert_null(large_alloc((size_t)1 << 60, 16, false));
	assert_null(large_alloc((size_t)PTRDIFF_MAX, 16, false));
	assert_null(large_alloc(SIZE_MAX, 16, true));
	assert_null(large_alloc(SIZE_MAX - 15, 16, false));
	assert_null(large_alloc(100, (size_t)1 << 60, false));
	assert_null(large_alloc_growing(SIZE_MAX));
	assert_null(large_alloc_growing((size_t)1 << 60));
	assert_int_equal(errno, 77);
}

/* In place, by a following free run, by moved pages: bytes stay. */
static void resized_blocks_keep_their_bytes(void **state)
{
	uint64_t random = 21;

	(void)state;
	for (int round = 0; round < 300; round++) {
		size_t n = 32769 + draw_below(&random, 3 * MIB), m;
		char *ptr = round % 2 ? large_alloc(n, 16, false)
				      : large_alloc_growing(n);
		char seed = (char)round;

		fill(ptr, n, seed);
		for (int step = 0; step < 4; step++) {
			char *moved;

			m = 32769 + draw_below(&random, 6 * MIB);
			moved = large_resize(ptr, m);
			if (!moved) {
				/* unchanged */
				assert_true(is_filled(ptr, n, seed));
				assert_true(
					header_large_valid(ptr, HEADER_LARGE));
				continue;
			}
			ptr = moved;
			assert_true(large_usable(ptr) >= m);
			assert_true(is_aligned((uintptr_t)ptr, 16));
			for (size_t i = 0; i < n - 1 && i < m; i += 509)
				assert_int_equal(
					ptr[i], (char)(seed + (char)(i / 509)));
			n = m;
			fill(ptr, n, seed);
		}
		large_free(ptr);
	}
	span_purge_all();
}

static void a_span_gives_the_rest_back(void **state)
{
	char *ptr = large_alloc(10 * MIB, 16, false), *next;

	(void)state;
	memset(ptr, 1, 10 * MIB);
	assert_ptr_equal(large_resize(ptr, 100000), ptr);
	assert_int_equal(stats_large().live_bytes, 102400);
	next = large_alloc(5 * MIB, 16, false);
	assert_true(next > ptr && next < ptr + 10 * MIB);
	/* and has no room to grow any more */
	assert_null(large_resize(ptr, 10 * MIB));
	large_free(next);
	assert_ptr_equal(large_resize(ptr, 10 * MIB), ptr);
	large_free(ptr);
	span_purge_all();
}

static void a_growing_block_becomes_a_mapping(void **state)
{
	char *small = large_alloc_growing(LARGE_MOVE_MIN - 1);
	char *ptr = large_alloc_growing(LARGE_MOVE_MIN);

	(void)state;
	assert_true(header_large_valid(small, HEADER_LARGE));
	assert_true(header_large_valid(ptr, HEADER_MAPPED));
	fill(ptr, LARGE_MOVE_MIN, 'q');
	ptr = large_resize(ptr, 64 * MIB);
	assert_non_null(ptr);
	assert_true(header_large_valid(ptr, HEADER_MAPPED));
	assert_int_equal(stats.figures[FIGURE_MAPPED_BYTES],
			 64 * MIB + VM_PAGE);
	assert_true(is_filled(ptr, LARGE_MOVE_MIN, 'q'));
	assert_null(large_resize(ptr, (size_t)1 << 60));
	assert_true(header_large_valid(ptr, HEADER_MAPPED));
	large_free(ptr);
	large_free(small);
}

static void freed_blocks_are_told_from_live_ones(void **state)
{
	char *span = large_alloc(100000, 16, false);
	char *mapped = large_alloc(40 * MIB, 16, false);

	(void)state;
	assert_false(large_recently_unmapped(span));
	assert_false(large_recently_unmapped(mapped));
	large_free(span);
	assert_int_equal(*header_byte(span), HEADER_FREED);
	assert_false(header_large_valid(span, HEADER_LARGE));
	assert_false(header_large_valid(span, HEADER_FREED));
	large_free(mapped);
	assert_true(large_recently_unmapped(mapped));
	assert_false(large_recently_unmapped(mapped + 16));
	assert_false(large_recently_unmapped(span));
}

/* A place that is mapped again is no longer a freed one. */
static void a_reused_place_is_live(void **state)
{
	char *ptr = large_alloc(40 * MIB, 16, false), *again;

	(void)state;
	large_free(ptr);
	again = large_alloc(40 * MIB, 16, false);
	assert_false(large_recently_unmapped(again));
	large_free(again);
	assert_true(large_recently_unmapped(again));
}

static void old_frees_are_forgotten(void **state)
{
	char *ptr = large_alloc(40 * MIB, 16, false);
	char *kept[70];

	(void)state;
	for (int i = 0; i < 70; i++)
		kept[i] = large_alloc(33 * MIB, 16, false);
	large_free(ptr);
	for (int i = 0; i < 70; i++) {
		assert_int_equal(large_recently_unmapped(ptr), i < 64);
		large_free(kept[i]);
	}
}

static void requests_are_counted_in_their_bin(void **state)
{
	struct stats_bin before = *stats_bin(200000);
	char *ptr = large_alloc(200000, 16, false);
	const struct stats_bin *bin = stats_bin(200000);

	(void)state;
	assert_int_equal(bin->requests - before.requests, 1);
	assert_int_equal(bin->requested_bytes - before.requested_bytes, 200000);
	assert_int_equal(bin->reserved_bytes - before.reserved_bytes, 200704);
	assert_int_equal(bin->reserved_bytes - bin->freed_bytes, 200704);
	large_free(ptr);
	assert_int_equal(bin->reserved_bytes - bin->freed_bytes, 0);
	assert_int_equal(bin->frees - before.frees, 1);
}

/* Span and mapping, longer and shorter: one request, and one free at the end,
 * both in the bin of the request. */
static void a_resized_block_stays_in_its_bin(void **state)
{
	static const size_t sizes[] = {200000, 33 * MIB};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		const struct stats_bin *bin = stats_bin(sizes[i]);
		struct stats_large start = stats_large();
		uint64_t frees = bin->frees, live;
		char *ptr = large_alloc(sizes[i], 16, false), *kept;

		kept = large_resize(ptr, sizes[i] / 4);
		assert_non_null(kept);
		live = bin->reserved_bytes - bin->freed_bytes;
		assert_int_equal(live, (sizes[i] / 4 + 16 + 4095) & ~4095ul);
		assert_int_equal(stats_large().live_bytes - start.live_bytes,
				 live);
		kept = large_resize(kept, sizes[i] / 2);
		assert_non_null(kept);
		assert_int_equal(bin->reserved_bytes - bin->freed_bytes,
				 (sizes[i] / 2 + 16 + 4095) & ~4095ul);
		assert_int_equal(stats_large().allocs - start.allocs, 1);
		assert_int_equal(stats_large().frees, start.frees);
		assert_true(header_large_valid(kept, *header_byte(kept)));
		large_free(kept);
		assert_int_equal(bin->reserved_bytes - bin->freed_bytes, 0);
		assert_int_equal(bin->frees - frees, 1);
		assert_int_equal(stats_large().frees - start.frees, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(blocks_are_usable_to_the_last_byte,
					  check_balance),
		cmocka_unit_test_teardown(every_alignment_is_kept,
					  check_balance),
		cmocka_unit_test_teardown(mappings_are_cut_to_size,
					  check_balance),
		cmocka_unit_test_teardown(zeroed_means_zeroed, check_balance),
		cmocka_unit_test_teardown(what_cannot_be_had_is_refused,
					  check_balance),
		cmocka_unit_test_teardown(resized_blocks_keep_their_bytes,
					  check_balance),
		cmocka_unit_test_teardown(a_span_gives_the_rest_back,
					  check_balance),
		cmocka_unit_test_teardown(a_growing_block_becomes_a_mapping,
					  check_balance),
		cmocka_unit_test_teardown(freed_blocks_are_told_from_live_ones,
					  check_balance),
		cmocka_unit_test_teardown(a_reused_place_is_live,
					  check_balance),
		cmocka_unit_test_teardown(old_frees_are_forgotten,
					  check_balance),
		cmocka_unit_test_teardown(a_resized_block_stays_in_its_bin,
					  check_balance),
		cmocka_unit_test_teardown(requests_are_counted_in_their_bin,
					  check_balance),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
