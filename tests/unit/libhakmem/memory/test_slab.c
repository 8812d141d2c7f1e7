#include "libhakmem/memory/slab.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"
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

	return arena_address(slab) + slab->first +
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

		assert_false(slab_full(slab));
		slab_take(slab, 1, &chain);
		assert_int_equal(chain.count, i + 1);
		assert_ptr_equal(chain.head, place);
		assert_int_equal(slab->used, i + 1);
		assert_int_equal(slab->carved, i + 1);
		assert_int_equal(arena_code(place), slab_code_at(slab, place));
		assert_int_equal(chain.head->key, block_key(place));
		/* all of it may be written, and the header survives */
		memset(place, 0xff, class->usable);
		chain.head->next = NULL;
		assert_int_equal(arena_code(place), slab_code_at(slab, place));
	}
	assert_true(slab_full(slab));
	slab_take(slab, 5, &chain);
	assert_int_equal(chain.count, class->blocks);
	/* the last one wrote beyond no end: the next carve finds its byte */
	for (uint32_t i = 0; i < class->blocks; i++)
		assert_int_equal(arena_code(place_of(slab, i)),
				 slab_code_at(slab, place_of(slab, i)));
	slab_destroy(slab);
}

static void blocks_are_carved_in_order_with_their_code(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeclass_count; i++)
		take_one_by_one(i);
	span_purge_all();
}

/* A block with a header that begins a page says so; no other one does. */
static void page_starts_have_a_code_of_their_own(void **state)
{
	(void)state;
	for (unsigned class = 0; class < sizeclass_count; class ++) {
		struct unit *slab = slab_create(class);
		struct chain chain = {NULL, 0};
		uint8_t code = slab->code;
		bool with_header = !sizeclass_table[class].headerless;

		slab_take(slab, sizeclass_table[class].blocks, &chain);
		for (; chain.head; chain.head = chain.head->next) {
			bool starts = (uintptr_t)chain.head % 4096 == 0;

			assert_int_equal(arena_code(chain.head),
					 starts && with_header ? HEADER_BOUNDARY
							       : code);
		}
		slab_destroy(slab);
	}
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

/* Puts back the blocks of those places, in that order; what stopped it. */
static struct unit *give(struct unit *slab, const uint32_t *places,
			 size_t count, struct chain *rest)
{
	struct block *head = NULL;

	for (size_t i = count; i-- > 0;) {
		struct block *block =
			(struct block *)(void *)place_of(slab, places[i]);

		block->next = head;
		head = block;
	}
	*rest = (struct chain){head, (uint32_t)count};
	return slab_give(header_class(slab->code), rest, 0);
}

static void what_comes_back_goes_out_again_by_address(void **state)
{
	struct unit *slab = slab_create(sizeclass_with_header(100));
	struct chain chain = {NULL, 0}, rest;
	const uint32_t places[] = {2, 70, 0};
	const uint32_t expected[] = {0, 2, 70, 80, 81};
	struct block *at;

	(void)state;
	slab_take(slab, 80, &chain);
	slab->listed = 1;
	assert_null(give(slab, places, 3, &rest));
	assert_int_equal(rest.count, 0);
	assert_null(rest.head);
	assert_int_equal(slab->used, 77);
	chain = (struct chain){NULL, 0};
	slab_take(slab, 5, &chain);
	assert_int_equal(chain.count, 5);
	at = chain.head;
	for (int i = 0; i < 5; i++, at = at->next)
		assert_ptr_equal(at, place_of(slab, expected[i]));
	assert_null(at);
	assert_int_equal(slab->used, 82);
	slab_destroy(slab);
}

/* All of a slab out, back in a random order, and out again: every block once.
 */
static void every_block_comes_out_once(void **state)
{
	(void)state;
	for (unsigned class = 0; class < sizeclass_count; class ++) {
		struct unit *slab = slab_create(class);
		uint32_t blocks = sizeclass_table[class].blocks, at;
		struct chain chain = {NULL, 0}, rest;
		uint32_t *places = calloc(blocks, sizeof(*places));
		uint64_t random = class + 1;
		struct block *block;

		slab->listed = 1;
		slab_take(slab, blocks, &chain);
		for (uint32_t i = 0; i < blocks; i++)
			places[i] = i;
		for (uint32_t i = blocks - 1; i > 0; i--) {
			at = (uint32_t)draw_below(&random, i + 1);
			uint32_t swap = places[i];

			places[i] = places[at];
			places[at] = swap;
		}
		assert_ptr_equal(give(slab, places, blocks, &rest), slab);
		assert_int_equal(rest.count, 0);
		assert_int_equal(slab->used, 0);
		chain = (struct chain){NULL, 0};
		slab_take(slab, blocks / 2, &chain);
		slab_take(slab, blocks, &rest);
		assert_true(slab_full(slab));
		at = 0;
		for (block = chain.head; block; block = block->next)
			assert_ptr_equal(block, place_of(slab, at++));
		for (block = rest.head; block; block = block->next)
			assert_ptr_equal(block, place_of(slab, at++));
		assert_int_equal(at, blocks);
		free(places);
		slab_destroy(slab);
	}
}

static void giving_stops_at_a_slab_that_wants_attention(void **state)
{
	struct unit *slab = slab_create(sizeclass_with_header(100));
	struct chain chain = {NULL, 0}, rest;
	const uint32_t places[] = {3, 1, 2, 0};

	(void)state;
	slab_take(slab, 4, &chain);
	/* not listed: after the first block */
	assert_ptr_equal(give(slab, places, 4, &rest), slab);
	assert_int_equal(rest.count, 3);
	assert_ptr_equal(rest.head, place_of(slab, 1));
	slab->listed = 1;
	/* empty: after the last */
	assert_ptr_equal(slab_give(header_class(slab->code), &rest, 0), slab);
	assert_int_equal(rest.count, 0);
	assert_int_equal(slab->used, 0);
	slab_destroy(slab);
}

static void what_is_not_out_is_not_taken(void **state)
{
	unsigned class = sizeclass_with_header(100);
	struct unit *slab = slab_create(class);
	struct chain chain = {NULL, 0}, rest;
	const uint32_t twice[] = {3, 3}, never[] = {9};
	struct block *inside;

	(void)state;
	slab->listed = 1;
	slab_take(slab, 5, &chain);
	place_of(slab, 3)[0] = 0;
	chain = (struct chain){(struct block *)(void *)place_of(slab, 3), 1};
	chain.head->next = NULL;
	assert_null(slab_give(class, &chain, 0));
	assert_int_equal(slab->used, 4);
	assert_null(give(slab, twice, 1, &rest));
	assert_int_equal(rest.count, 1);
	assert_null(give(slab, never, 1, &rest));
	assert_int_equal(rest.count, 1);
	inside = (struct block *)(void *)(place_of(slab, 1) + 16);
	inside->next = NULL;
	rest = (struct chain){inside, 1};
	assert_null(slab_give(class, &rest, 0));
	assert_int_equal(rest.count, 1);
	/* of another class */
	rest = (struct chain){(struct block *)(void *)place_of(slab, 1), 1};
	assert_null(slab_give(class + 1, &rest, 0));
	assert_int_equal(rest.count, 1);
	assert_int_equal(slab->used, 4);
	slab_destroy(slab);
	/* of no slab at all */
	assert_null(slab_give(class, &rest, 0));
	assert_int_equal(rest.count, 1);
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

/* Blocks at one offset of all slabs would share few sets of a cache. */
static void slabs_start_at_different_lines(void **state)
{
	unsigned index = sizeclass_with_header(2500);
	const struct sizeclass *class = &sizeclass_table[index];
	struct unit *slabs[64];
	uint64_t seen = 0;

	(void)state;
	assert_true(class->colors > 8 && class->colors <= 64);
	for (size_t i = 0; i < COUNT_OF(slabs); i++) {
		uint32_t behind;

		slabs[i] = slab_create(index);
		behind = slabs[i]->first - class->first;
		assert_int_equal(behind % CACHE_LINE, 0);
		assert_true(behind / CACHE_LINE < class->colors);
		seen |= (uint64_t)1 << behind / CACHE_LINE;
	}
	assert_true((uint32_t)__builtin_popcountll(seen) > class->colors / 2);
	for (size_t i = 0; i < COUNT_OF(slabs); i++)
		slab_destroy(slabs[i]);
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

	(void)state;
	for (unsigned i = 0; i < units; i++) {
		assert_int_equal(arena_code(at + i * ARENA_UNIT),
				 HEADER_CLASS | class);
	}
	slab_destroy(slab);
	for (unsigned i = 0; i < units; i++) {
		assert_int_equal(arena_code(at + i * ARENA_UNIT), HEADER_NONE);
	}
}

static void slabs_are_counted(void **state)
{
	uint64_t before = peek64(&stats.figures[FIGURE_SLABS_LIVE]);
	struct unit *one = slab_create(0), *two = slab_create(1);

	(void)state;
	assert_int_equal(peek64(&stats.figures[FIGURE_SLABS_LIVE]), before + 2);
	slab_destroy(one);
	slab_destroy(two);
	assert_int_equal(peek64(&stats.figures[FIGURE_SLABS_LIVE]), before);
}

/* A used slab's memory may come back with old bytes in it. */
static void a_reused_slab_starts_empty(void **state)
{
	unsigned class = sizeclass_with_header(20);
	struct unit *slab = slab_create(class);
	struct chain chain = {NULL, 0};

	(void)state;
	slab_take(slab, 100, &chain);
	slab_give(class, &chain, 0);
	assert_int_equal(slab->used, 99);
	slab_destroy(slab);
	assert_ptr_equal(slab_create(class), slab);
	assert_int_equal(slab->used, 0);
	assert_int_equal(slab->carved, 0);
	chain = (struct chain){NULL, 0};
	slab_take(slab, 1, &chain);
	assert_ptr_equal(chain.head, place_of(slab, 0));
	slab_destroy(slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_carved_in_order_with_their_code),
		cmocka_unit_test(page_starts_have_a_code_of_their_own),
		cmocka_unit_test(a_chain_has_the_lowest_block_first),
		cmocka_unit_test(what_comes_back_goes_out_again_by_address),
		cmocka_unit_test(every_block_comes_out_once),
		cmocka_unit_test(giving_stops_at_a_slab_that_wants_attention),
		cmocka_unit_test(what_is_not_out_is_not_taken),
		cmocka_unit_test(taking_puts_before_what_is_there),
		cmocka_unit_test(only_starts_of_blocks_are_blocks),
		cmocka_unit_test(slabs_start_at_different_lines),
		cmocka_unit_test(every_byte_knows_its_slab),
		cmocka_unit_test(the_map_says_what_is_a_slab),
		cmocka_unit_test(slabs_are_counted),
		cmocka_unit_test(a_reused_slab_starts_empty),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
