#include "libhakmem/memory/header.h"
#include "libhakmem/memory/sizeclass.h"
#include "tests/unit/libhakmem/unit.h"

static int init(void **state)
{
	(void)state;
	/* before: no request has a class */
	for (size_t slot = 0; slot < SIZECLASS_SLOTS; slot++)
		if (sizeclass_index[slot] != HEADER_NONE)
			return -1;
	sizeclass_init();
	return 0;
}

static unsigned class_of(size_t n)
{
	uint8_t code = sizeclass_code(n);

	assert_true(header_is_class(code));
	assert_true(header_class(code) < sizeclass_count);
	return header_class(code);
}

static void slots_tell_multiples_from_what_is_between(void **state)
{
	(void)state;
	for (size_t n = 0; n <= SIZECLASS_SMALL_MAX; n++) {
		size_t slot = n % 16 == 0 ? n / 8 : 2 * (n / 16) + 1;

		assert_int_equal(sizeclass_slot(n), slot);
		assert_true(slot < SIZECLASS_SLOTS);
	}
	assert_int_equal(sizeclass_slot(SIZECLASS_SMALL_MAX),
			 SIZECLASS_SLOTS - 1);
}

static void every_request_fits_its_class(void **state)
{
	(void)state;
	for (size_t n = 0; n <= SIZECLASS_SMALL_MAX; n++) {
		const struct sizeclass *class = &sizeclass_table[class_of(n)];

		assert_true(class->low <= n && n <= class->high);
		assert_true(n <= class->usable);
	}
}

/* A 15-byte request costs 16 bytes, one of 16 bytes too, with no header. */
static void little_is_wasted(void **state)
{
	(void)state;
	for (size_t n = 0; n <= SIZECLASS_SMALL_MAX; n++) {
		uint32_t stride = sizeclass_table[class_of(n)].stride;

		if (n < 16)
			assert_int_equal(stride, 16);
		else if (is_power_of_two(n))
			assert_int_equal(stride, n);
		else if (n < 64)
			assert_true(stride <= n + 16);
		else
			assert_true(stride * 4 <= n * 5);
		/* from 256 bytes on an eighth, and the header */
		if (n >= 256)
			assert_true(stride <= n + n / 8 + 1);
	}
}

static void the_8_byte_class_costs_one_stride(void **state)
{
	(void)state;
	assert_int_equal(class_of(8), class_of(1));
	assert_int_equal(sizeclass_table[class_of(8)].stride, 16);
	assert_int_equal(sizeclass_table[class_of(8)].usable, 15);
}

static void exactly_1024_has_a_class_of_its_own(void **state)
{
	const struct sizeclass *class = &sizeclass_table[class_of(1024)];

	(void)state;
	assert_int_equal(class_of(1024), sizeclass_of_1024());
	assert_true(class_of(1023) != class_of(1024));
	assert_true(class_of(1025) != class_of(1024));
	assert_int_equal(class->low, 1024);
	assert_int_equal(class->high, 1024);
	assert_int_equal(class->stride, 1024);
	assert_true(class->headerless);
}

/* Every request of a class's range gets that class, but for the exact powers
 * of two that a headerless class takes out of it. */
static void ranges_cover_without_gap_or_overlap(void **state)
{
	uint32_t next = 0, alone = 16;

	(void)state;
	assert_true(sizeclass_count <= SIZECLASS_MAX);
	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *class = &sizeclass_table[i];

		if (class->aligned_only) {
			assert_true(class->headerless);
			assert_true(class->low <= class->high);
			assert_true(class->high < alone);
			for (uint32_t n = class->low; n <= class->high; n++)
				assert_true(class_of(n) != i);
			continue;
		}
		if (class->headerless) {
			assert_int_equal(class->low, alone);
			assert_int_equal(class->high, alone);
			assert_int_equal(class_of(alone), i);
			alone *= 2;
			continue;
		}
		assert_int_equal(class->low, next);
		assert_true(class->high >= class->low);
		for (uint32_t n = class->low; n <= class->high; n++)
			if (n < 16 || !is_power_of_two(n))
				assert_int_equal(class_of(n), i);
		next = class->high + 1;
	}
	assert_int_equal(next, SIZECLASS_SMALL_MAX);
	assert_int_equal(alone, 2 * SIZECLASS_SMALL_MAX);
}

static void strides_keep_blocks_aligned(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *class = &sizeclass_table[i];

		assert_int_equal(class->stride % BLOCK_ALIGN, 0);
		assert_int_equal(class->first % BLOCK_ALIGN, 0);
		assert_true(class->stride >= sizeof(struct block));
		if (class->headerless) {
			/* aligned by nature, in a slab aligned to a unit */
			assert_true(class->aligned_only !=
				    is_power_of_two(class->stride));
			assert_int_equal(class->align,
					 class->stride & -class->stride);
			assert_int_equal(class->mask, class->align - 1);
			assert_int_equal(class->first, 0);
			assert_int_equal(class->colors, 1);
			assert_int_equal(class->usable, class->stride);
			assert_true(class->stride <= SIZECLASS_UNIT);
		} else {
			assert_int_equal(class->usable, class->stride - 1);
			assert_int_equal(class->align, BLOCK_ALIGN);
			/* the header is in the line of its block */
			assert_int_equal(class->first % CACHE_LINE, 16);
			assert_true(is_power_of_two(class->mask + 1));
			assert_true(class->mask < CACHE_LINE);
			assert_int_equal(class->stride & class->mask, 0);
			assert_true(class->stride % (2 * (class->mask + 1)) ||
				    class->mask == CACHE_LINE - 1);
		}
	}
}

static void slabs_hold_their_blocks_and_little_else(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *class = &sizeclass_table[i];
		size_t bytes = class->slab_units * SIZECLASS_UNIT;
		size_t end =
			class->first + (size_t) class->blocks * class->stride;

		/* the last block ends inside; its stride's last byte, a
		 * neighbor's header, may lie outside */
		assert_true(end - (class->stride - class->usable) <= bytes);
		assert_true(end + class->stride > bytes);
		/* wherever it starts */
		end += (class->colors - 1) * CACHE_LINE;
		assert_true(end - (class->stride - class->usable) <= bytes);
		assert_true(class->headerless || end + CACHE_LINE > bytes);
		assert_true(class->blocks >= 2);
		assert_true(class->slab_units >= 1 && class->slab_units <= 16);
		assert_true((size_t) class->blocks * class->stride >=
			    bytes - bytes / 16);
		assert_true(class->batch >= 2 && class->batch <= 1024);
	}
}

static void slow_path_lookups_agree(void **state)
{
	(void)state;
	for (size_t n = 0; n < SIZECLASS_SMALL_MAX; n++) {
		const struct sizeclass *class =
			&sizeclass_table[sizeclass_with_header(n)];

		assert_false(class->headerless);
		assert_true(class->low <= n && n <= class->high);
	}
	for (size_t n = 1; n <= 4 * SIZECLASS_SMALL_MAX; n *= 2) {
		int class = sizeclass_headerless(n);

		if (n < 16 || n > SIZECLASS_SMALL_MAX)
			assert_int_equal(class, -1);
		else
			assert_int_equal(class, class_of(n));
	}
	assert_int_equal(sizeclass_headerless((size_t)1 << 63), -1);
}

static void filling_twice_changes_nothing(void **state)
{
	struct sizeclass before[SIZECLASS_MAX];
	uint16_t index[SIZECLASS_SLOTS];
	unsigned count = sizeclass_count;

	(void)state;
	memcpy(before, sizeclass_table, sizeof(before));
	memcpy(index, sizeclass_index, sizeof(index));
	sizeclass_init();
	assert_int_equal(sizeclass_count, count);
	assert_memory_equal(before, sizeclass_table,
			    count * sizeof(*sizeclass_table));
	assert_memory_equal(index, sizeclass_index, sizeof(index));
}

/* Every block of the class is aligned and large enough, and none smaller is. */
static void an_aligned_request_has_the_smallest_class(void **state)
{
	(void)state;
	for (size_t align = 32; align <= 8192; align *= 2)
		for (size_t n = 0; n <= 9000; n += n < 200 ? 1 : 13) {
			int got = sizeclass_aligned(align, n);

			if (got >= 0 && sizeclass_table[got].headerless)
				assert_true(sizeclass_table[got].stride <=
					    n + max_size(align, n / 4));
			for (unsigned i = 0; i < sizeclass_count; i++) {
				const struct sizeclass *class =
					&sizeclass_table[i];
				bool fits = class->align >= align &&
					    class->usable >= n;

				if ((int)i == got)
					assert_true(fits);
				else if (fits && got >= 0)
					assert_true(
						class->stride >=
						sizeclass_table[got].stride);
				else if (fits)
					assert_true(class->stride >
						    n + max_size(align, n / 4));
			}
		}
}

/* What was learned of one size is right for all of its slot. */
static void learned_rows_are_those_of_the_class(void **state)
{
	(void)state;
	for (size_t align = 16; align <= 8192; align *= 2)
		for (size_t n = 0; n <= 2100; n++) {
			int class = sizeclass_aligned(align, n);
			size_t row = sizeclass_aligned_row(align, n);

			if (row != 0)
				assert_int_equal(row >> SIZECLASS_ROW_SHIFT,
						 HEADER_CLASS | class);
			else if (class >= 0)
				sizeclass_learn(align, n, (unsigned)class);
			row = sizeclass_aligned_row(align, n);
			assert_int_equal(row != 0, class >= 0 && align >= 32 &&
							   align <= 4096 &&
							   n <= 2048);
		}
	/* nothing was written beside the table */
	for (size_t align = 1; align <= (size_t)1 << 40; align *= 2)
		if (align < 32 || align > 4096)
			assert_int_equal(sizeclass_aligned_row(align, 1), 0);
	for (size_t n = 4096; n < SIZE_MAX / 2; n *= 2)
		assert_int_equal(sizeclass_aligned_row(64, n), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_tell_multiples_from_what_is_between),
		cmocka_unit_test(every_request_fits_its_class),
		cmocka_unit_test(little_is_wasted),
		cmocka_unit_test(the_8_byte_class_costs_one_stride),
		cmocka_unit_test(exactly_1024_has_a_class_of_its_own),
		cmocka_unit_test(ranges_cover_without_gap_or_overlap),
		cmocka_unit_test(strides_keep_blocks_aligned),
		cmocka_unit_test(slabs_hold_their_blocks_and_little_else),
		cmocka_unit_test(slow_path_lookups_agree),
		cmocka_unit_test(filling_twice_changes_nothing),
		cmocka_unit_test(an_aligned_request_has_the_smallest_class),
		cmocka_unit_test(learned_rows_are_those_of_the_class),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
