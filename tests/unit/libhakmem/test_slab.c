#include "libhakmem/slab.h"

#include "libhakmem/boot.h"
#include "libhakmem/span.h"
#include "libhakmem/stats.h"
#include "tests/unit/libhakmem/unit.h"

static int boot(void **state)
{
	(void)state;
	return boot_ready() ? 0 : -1;
}

static char *place_of(const struct unit *slab, uint32_t index)
{
	const struct sizeclass *class =
		&sizeclass_table[header_class(slab->code)];

	return arena_address(slab) + class->first +
	       (size_t)index * class->stride;
}

static void take_one_by_one(unsigned index)
{
	const struct sizeclass *class = &sizeclass_table[index];
	struct unit *slab = slab_create(index);
	struct chain chain = {NULL, 0};

	assert_non_null(slab);
	assert_int_equal(slab->code, HEADER_CLASS | index);
	for (uint32_t i = 0; i < class->blocks; i++) {
		char *place = place_of(slab, i);
		size_t code = 0;

		assert_false(slab_full(slab));
		slab_take(slab, 1, &chain);
		assert_int_equal(chain.count, i + 1);
		assert_ptr_equal(chain.head, place);
		assert_int_equal(slab->used, i + 1);
		assert_int_equal(slab->carved, i + 1);
		assert_true(arena_code(place, &code));
		assert_int_equal(code, slab->code);
		assert_int_equal(chain.head->key, block_key(place));
		/* all of it may be written, and the header survives */
		memset(place, 0xff, class->usable);
		chain.head->next = NULL;
		assert_true(arena_code(place, &code));
		assert_int_equal(code, slab->code);
	}
	assert_true(slab_full(slab));
	slab_take(slab, 5, &chain);
	assert_int_equal(chain.count, class->blocks);
	/* the last one wrote beyond no end: the next carve finds its byte */
	for (uint32_t i = 0; i < class->blocks; i++) {
		size_t code = 0;

		arena_code(place_of(slab, i), &code);
		assert_int_equal(code, slab->code);
	}
	slab_destroy(slab);
}

static void blocks_are_carved_in_order_with_their_code(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeclass_count; i++)
		take_one_by_one(i);
	span_purge_all();
}

static void a_chain_has_the_lowest_block_first(void **state)
{
	struct unit *slab = slab_create(sizeclass_with_header(40));
	struct chain chain = {NULL, 0};
	struct block *block;
	uint32_t i = 0;

	(void)state;
	slab_take(slab, 10, &chain);
	assert_int_equal(chain.count, 10);
	for (block = chain.head; block; block = block->next)
		assert_ptr_equal(block, place_of(slab, i++));
	assert_int_equal(i, 10);
	/* what was not asked for is not touched */
	assert_int_equal(*header_byte(place_of(slab, 10)), HEADER_NONE);
	slab_destroy(slab);
}

static void what_comes_back_goes_out_again_first(void **state)
{
	struct unit *slab = slab_create(sizeclass_with_header(100));
	struct chain chain = {NULL, 0};

	(void)state;
	slab_take(slab, 4, &chain);
	slab_give(slab, (struct block *)(void *)place_of(slab, 2));
	slab_give(slab, (struct block *)(void *)place_of(slab, 0));
	assert_int_equal(slab->used, 2);
	assert_int_equal(slab->free_blocks, 2);
	chain = (struct chain){NULL, 0};
	slab_take(slab, 3, &chain);
	assert_int_equal(chain.count, 3);
	assert_ptr_equal(chain.head, place_of(slab, 4));
	assert_ptr_equal(chain.head->next, place_of(slab, 2));
	assert_ptr_equal(chain.head->next->next, place_of(slab, 0));
	assert_null(chain.head->next->next->next);
	assert_int_equal(slab->used, 5);
	assert_int_equal(slab->free_blocks, 0);
	slab_destroy(slab);
}

static void taking_puts_before_what_is_there(void **state)
{
	struct unit *slab = slab_create(sizeclass_with_header(100));
	struct block first = {NULL, 0};
	struct chain chain = {&first, 1};

	(void)state;
	slab_take(slab, 2, &chain);
	assert_int_equal(chain.count, 3);
	assert_ptr_equal(chain.head->next->next, &first);
	assert_int_equal(slab->used, 2);
	slab_destroy(slab);
}

static void only_starts_of_blocks_are_blocks(void **state)
{
	const unsigned some[] = {
		sizeclass_with_header(1),
		sizeclass_with_header(40),
		sizeclass_with_header(5000),
		sizeclass_with_header(32767),
		(unsigned)sizeclass_headerless(16),
		(unsigned)sizeclass_headerless(1024),
		(unsigned)sizeclass_headerless(32768),
	};

	(void)state;
	for (size_t k = 0; k < COUNT_OF(some); k++) {
		const struct sizeclass *class = &sizeclass_table[some[k]];
		struct unit *slab = slab_create(some[k]);
		size_t bytes = class->slab_units * ARENA_UNIT, starts = 0;

		for (size_t at = 0; at < bytes; at++)
			starts += slab_is_block(slab, arena_address(slab) + at);
		assert_int_equal(starts, class->blocks);
		for (uint32_t i = 0; i < class->blocks; i++)
			assert_true(slab_is_block(slab, place_of(slab, i)));
		assert_false(slab_is_block(slab, arena_address(slab) - 16));
		slab_destroy(slab);
	}
}

static void every_byte_knows_its_slab(void **state)
{
	unsigned class = sizeclass_with_header(30000);
	struct unit *slab = slab_create(class);
	size_t bytes = sizeclass_table[class].slab_units * ARENA_UNIT;

	(void)state;
	assert_true(sizeclass_table[class].slab_units > 1);
	for (size_t at = 0; at < bytes; at += 4096)
		assert_ptr_equal(slab_of(arena_address(slab) + at), slab);
	assert_ptr_equal(slab_of(arena_address(slab) + bytes - 1), slab);
	slab_destroy(slab);
	for (size_t at = 0; at < bytes; at += 4096)
		assert_null(slab_of(arena_address(slab) + at));
}

static void the_map_says_what_is_a_slab(void **state)
{
	int class = sizeclass_headerless(32768);
	unsigned units = sizeclass_table[class].slab_units;
	struct unit *slab = slab_create((unsigned)class);
	char *at = arena_address(slab);
	size_t code = 0;

	(void)state;
	for (unsigned i = 0; i < units; i++) {
		assert_true(arena_code(at + i * ARENA_UNIT, &code));
		assert_int_equal(code, HEADER_CLASS | class);
	}
	slab_destroy(slab);
	for (unsigned i = 0; i < units; i++) {
		assert_true(arena_code(at + i * ARENA_UNIT, &code));
		assert_int_equal(code, HEADER_NONE);
	}
}

static void slabs_are_counted(void **state)
{
	uint64_t before = peek64(&stats.slabs);
	struct unit *one = slab_create(0), *two = slab_create(1);

	(void)state;
	assert_int_equal(peek64(&stats.slabs), before + 2);
	slab_destroy(one);
	slab_destroy(two);
	assert_int_equal(peek64(&stats.slabs), before);
}

/* A used slab's memory may come back with old bytes in it. */
static void a_reused_slab_starts_empty(void **state)
{
	unsigned class = sizeclass_with_header(20);
	struct unit *slab = slab_create(class);
	struct chain chain = {NULL, 0};

	(void)state;
	slab_take(slab, 100, &chain);
	slab_give(slab, chain.head);
	slab_destroy(slab);
	assert_ptr_equal(slab_create(class), slab);
	assert_int_equal(slab->used, 0);
	assert_int_equal(slab->carved, 0);
	assert_int_equal(slab->free_blocks, 0);
	assert_null(slab->free);
	chain = (struct chain){NULL, 0};
	slab_take(slab, 1, &chain);
	assert_ptr_equal(chain.head, place_of(slab, 0));
	slab_destroy(slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_carved_in_order_with_their_code),
		cmocka_unit_test(a_chain_has_the_lowest_block_first),
		cmocka_unit_test(what_comes_back_goes_out_again_first),
		cmocka_unit_test(taking_puts_before_what_is_there),
		cmocka_unit_test(only_starts_of_blocks_are_blocks),
		cmocka_unit_test(every_byte_knows_its_slab),
		cmocka_unit_test(the_map_says_what_is_a_slab),
		cmocka_unit_test(slabs_are_counted),
		cmocka_unit_test(a_reused_slab_starts_empty),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
