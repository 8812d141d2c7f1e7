#include "libhakmem/heap/cache.h"

#include "libhakmem/heap/boot.h"
#include "tests/unit/libhakmem/unit.h"

static struct cache *cache;

static int fresh(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	free(cache);
	cache = aligned_alloc(CACHE_LINE, align_up(sizeof(*cache), CACHE_LINE));
	memset(cache, 0, sizeof(*cache));
	for (unsigned i = 0; i < sizeclass_count; i++) {
		cache_begin(cache, i);
		central_drain(i, true);
	}
	return 0;
}

static uint8_t code_of(unsigned class)
{
	return (uint8_t)(HEADER_CLASS | class);
}

static uint32_t walk(const struct row *row)
{
	uint32_t count = 0;

	for (const struct block *at = row->head; at; at = at->next)
		count++;
	return count;
}

static struct chain spare_of(unsigned class)
{
	uint64_t word = cache->cold[class].spare;

	return (struct chain){(struct block *)(word << 16 >> 16),
			      (uint32_t)(word >> 48)};
}

/* The counters against a shadow: what the program took and gave. */
static void assert_counts(unsigned class, uint64_t taken, uint64_t given)
{
	const struct row *row = &cache->row[HEADER_CLASS | class];

	assert_int_equal(cache_allocs(cache, class), taken);
	assert_int_equal(cache_frees(cache, class), given);
	assert_int_equal(walk(row), cache_depth(cache, class));
	/* a spare chain may be from when it was longer */
	assert_true(row->grant.room <= 1 ||
		    walk(row) + row->grant.room <= 2 * row->limit);
	assert_int_equal(cache_held(cache, class),
			 walk(row) + spare_of(class).count);
}

static void only_class_rows_have_room(void **state)
{
	(void)state;
	for (unsigned code = 0; code < HEADER_CODES; code++) {
		const struct row *row = &cache->row[code];
		bool is_class = header_is_class((uint8_t)code) &&
				header_class((uint8_t)code) < sizeclass_count;

		assert_int_equal(row->grant.room > 0, is_class);
		assert_null(row->head);
		assert_int_equal(cache_none.row[code].grant.room, 0);
		if (is_class) {
			const struct sizeclass *class =
				&sizeclass_table[header_class((uint8_t)code)];

			assert_true(row->grant.room >= 2);
			assert_true(row->grant.room <= class->batch);
			assert_int_equal(row->mask, class->mask);
			assert_int_equal(row->code, code);
		}
	}
	assert_true(cache_is_none(cache_self));
	assert_false(cache_is_none(cache));
}

static void what_is_taken_and_given_is_counted(void **state)
{
	uint64_t random = 3;

	(void)state;
	for (unsigned class = 0; class < sizeclass_count; class += 5) {
		struct block *held[600];
		uint64_t taken = 0, given = 0;
		size_t count = 0;

		for (int i = 0; i < 5000; i++) {
			bool take = draw_below(&random, 1000) <
				    (i / 500 % 2 ? 350u : 650u);

			if (take && count < COUNT_OF(held)) {
				held[count] = cache_take(cache, code_of(class));
				assert_non_null(held[count]);
				assert_int_equal(held[count]->key, 0);
				count++;
				taken++;
			} else if (!take && count > 0) {
				cache_give(cache, code_of(class),
					   held[--count]);
				given++;
			}
			if (i % 700 == 0)
				cache_drain(cache, i % 1400 == 0);
			assert_counts(class, taken, given);
		}
		while (count > 0) {
			cache_give(cache, code_of(class), held[--count]);
			assert_counts(class, taken, ++given);
		}
		cache_drain(cache, true);
		assert_counts(class, taken, given);
		assert_int_equal(cache_held(cache, class), 0);
		central_drain(class, true);
		assert_int_equal(central_slabs(class), 0);
	}
}

static void given_blocks_are_marked_free(void **state)
{
	unsigned class = sizeclass_with_header(30);
	struct block *block = cache_take(cache, code_of(class));

	(void)state;
	cache_give(cache, code_of(class), block);
	assert_int_equal(block->key, block_key(block));
	assert_ptr_equal(cache_take(cache, code_of(class)), block);
	assert_int_equal(block->key, 0);
	cache_give(cache, code_of(class), block);
	cache_drain(cache, true);
}

/* Takes blocks and gives them back until there is a spare chain; returns how
 * many are still out. */
static size_t take_until_spare(unsigned class, struct block **held,
			       size_t count)
{
	for (size_t i = 0; i < count; i++)
		held[i] = cache_take(cache, code_of(class));
	while (spare_of(class).count == 0)
		cache_give(cache, code_of(class), held[--count]);
	return count;
}

/* malloc and free around a row's edge go to the spare chain, not central. */
static void the_edge_of_a_row_does_not_thrash(void **state)
{
	unsigned class = sizeclass_with_header(30);
	struct block *held[1000];
	uint64_t refills, flushes;
	size_t count;

	(void)state;
	count = take_until_spare(class, held, COUNT_OF(held));
	refills = central_refills();
	flushes = central_flushes();
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 8; i++)
			held[count++] = cache_take(cache, code_of(class));
		for (int i = 0; i < 8; i++)
			cache_give(cache, code_of(class), held[--count]);
	}
	assert_true(central_refills() - refills <= 1);
	assert_true(central_flushes() - flushes <= 1);
	while (count > 0)
		cache_give(cache, code_of(class), held[--count]);
	cache_drain(cache, true);
}

/* Central follows the links of a chain: those of the last blocks are near. */
static void the_newest_chain_goes_central(void **state)
{
	unsigned class = sizeclass_with_header(30);
	static struct block *held[3000];
	struct block *spare;
	uint64_t flushes;
	size_t count;

	(void)state;
	count = take_until_spare(class, held, COUNT_OF(held));
	spare = spare_of(class).head;
	flushes = central_flushes();
	while (central_flushes() - flushes < 3)
		cache_give(cache, code_of(class), held[--count]);
	assert_ptr_equal(spare_of(class).head, spare);
	while (count > 0)
		cache_give(cache, code_of(class), held[--count]);
	cache_drain(cache, true);
}

static void rows_grow_to_their_batch_and_no_further(void **state)
{
	unsigned class = sizeclass_with_header(30);
	const struct row *row = &cache->row[HEADER_CLASS | class];
	static struct block *held[20000];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT_OF(held); i++)
			held[i] = cache_take(cache, code_of(class));
		for (size_t i = 0; i < COUNT_OF(held); i++)
			cache_give(cache, code_of(class), held[i]);
	}
	assert_int_equal(row->limit, sizeclass_table[class].batch);
	assert_counts(class, 60000, 60000);
	cache_drain(cache, true);
	assert_counts(class, 60000, 60000);
}

#define LIVE 1000u

static void take_and_give(unsigned class, struct block **held, int rounds)
{
	while (rounds-- > 0) {
		for (size_t i = 0; i < LIVE; i++)
			held[i] = cache_take(cache, code_of(class));
		for (size_t i = 0; i < LIVE; i++)
			cache_give(cache, code_of(class), held[i]);
	}
}

static void take_and_give_one(unsigned class, int times)
{
	while (times-- > 0)
		cache_give(cache, code_of(class),
			   cache_take(cache, code_of(class)));
}

/* Takes or gives, as chance has it. */
static void take_or_give(unsigned class, struct block **held, size_t most,
			 int operations)
{
	uint64_t random = 7;
	size_t out = 0;

	for (int i = 0; i < operations; i++) {
		bool take = draw_below(&random, 2) == 0;

		if (out < most && (take || out == 0))
			held[out++] = cache_take(cache, code_of(class));
		else
			cache_give(cache, code_of(class), held[--out]);
	}
	while (out > 0)
		cache_give(cache, code_of(class), held[--out]);
}

static void only_rows_that_run_empty_and_full_in_turn_are_long(void **state)
{
	unsigned class = sizeclass_with_header(500);
	const struct row *row = &cache->row[HEADER_CLASS | class];
	const struct row_cold *cold = &cache->cold[class];
	static struct block *held[4000];
	uint32_t calm = 64;

	(void)state;
	assert_true(sizeclass_table[class].batch >= 4 * calm);
	/* taking alone */
	for (size_t i = 0; i < COUNT_OF(held); i++)
		held[i] = cache_take(cache, code_of(class));
	assert_int_equal(cold->refill, calm);
	assert_true(row->limit <= calm);
	/* giving alone */
	for (size_t i = 0; i < COUNT_OF(held); i++)
		cache_give(cache, code_of(class), held[i]);
	assert_in_range(row->limit, calm, 2 * calm);
	/* in random order */
	take_or_give(class, held, COUNT_OF(held), 1000000);
	assert_in_range(row->limit, 1, 2 * calm);
	take_and_give(class, held, 20);
	assert_true(row->limit >= 4 * calm);
	/* seldom: and back */
	for (int i = 0; i < 5; i++) {
		take_and_give_one(class, 20000);
		for (size_t k = 0; k < COUNT_OF(held); k++)
			held[k] = cache_take(cache, code_of(class));
		take_and_give_one(class, 20000);
		for (size_t k = 0; k < COUNT_OF(held); k++)
			cache_give(cache, code_of(class), held[k]);
	}
	assert_in_range(row->limit, 1, 2 * calm);
	cache_drain(cache, true);
}

static void a_drain_takes_only_what_was_idle(void **state)
{
	unsigned busy = sizeclass_with_header(30);
	unsigned idle = sizeclass_with_header(60);

	(void)state;
	cache_give(cache, code_of(busy), cache_take(cache, code_of(busy)));
	cache_give(cache, code_of(idle), cache_take(cache, code_of(idle)));
	cache_drain(cache, false);
	assert_true(cache_held(cache, busy) > 0);
	assert_true(cache_held(cache, idle) > 0);
	cache_give(cache, code_of(busy), cache_take(cache, code_of(busy)));
	cache_drain(cache, false);
	assert_true(cache_held(cache, busy) > 0);
	assert_int_equal(cache_held(cache, idle), 0);
	cache_drain(cache, false);
	assert_int_equal(cache_held(cache, busy), 0);
	assert_counts(busy, 2, 2);
	assert_counts(idle, 1, 1);
}

/* Used, but it neither ran empty nor full: two blocks are enough. */
static void a_drain_cuts_what_is_oversupplied(void **state)
{
	unsigned class = sizeclass_with_header(30);
	const struct row *row = &cache->row[HEADER_CLASS | class];
	struct block *held[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		held[i] = cache_take(cache, code_of(class));
	for (int i = 0; i < 20; i++)
		cache_give(cache, code_of(class),
			   cache_take(cache, code_of(class)));
	cache_drain(cache, false);
	assert_true(cache_depth(cache, class) > 6);
	cache_give(cache, code_of(class), held[3]);
	cache_drain(cache, false);
	assert_counts(class, 24, 21);
	assert_int_equal(cache_depth(cache, class), 2);
	assert_int_equal(spare_of(class).count, 0);
	/* the warmest ones */
	assert_ptr_equal(row->head, held[3]);
	for (int i = 0; i < 3; i++)
		cache_give(cache, code_of(class), held[i]);
	cache_drain(cache, true);
	assert_counts(class, 24, 24);
	assert_int_equal(cache_held(cache, class), 0);
}

/* It ran empty or full, but holds more than it was used for. */
static void a_drain_cuts_what_is_seldom_used(void **state)
{
	unsigned class = sizeclass_with_header(30);
	struct block *block = cache_take(cache, code_of(class));

	(void)state;
	assert_true(cache_depth(cache, class) > 3);
	cache_drain(cache, false);
	assert_int_equal(cache_depth(cache, class), 2);
	cache_give(cache, code_of(class), block);
	cache_drain(cache, true);
	assert_counts(class, 1, 1);
	assert_int_equal(cache_held(cache, class), 0);
}

/* What another thread may do to an idle one. */
static void spares_can_be_taken(void **state)
{
	unsigned class = sizeclass_with_header(30);
	static struct block *held[4000];
	uint64_t before;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(held); i++)
		held[i] = cache_take(cache, code_of(class));
	for (size_t i = 0; i < COUNT_OF(held); i++)
		cache_give(cache, code_of(class), held[i]);
	before = central_flushes();
	assert_true(spare_of(class).count > 0);
	cache_drain_spares(cache);
	assert_int_equal(spare_of(class).count, 0);
	assert_int_equal(central_flushes(), before + 1);
	assert_counts(class, 4000, 4000);
	cache_drain_spares(cache);
	assert_int_equal(central_flushes(), before + 1);
	cache_drain(cache, true);
	central_drain(class, true);
	assert_int_equal(central_slabs(class), 0);
}

/* A thread that frees what others made: its row is empty, its spare is not,
 * and it never asked for a refill. */
static void a_spare_chain_alone_is_drained(void **state)
{
	unsigned class = sizeclass_with_header(30);
	const struct row *row = &cache->row[HEADER_CLASS | class];
	struct chain chain = central_fetch(class, row->limit + 1);

	(void)state;
	while (chain.head) {
		struct block *block = chain.head;

		chain.head = block->next;
		cache_give(cache, code_of(class), block);
	}
	assert_int_equal(spare_of(class).count, chain.count - 1);
	assert_int_equal(cache_depth(cache, class), 1);
	chain.head = cache_take(cache, code_of(class));
	chain.head->next = NULL;
	assert_int_equal(cache_depth(cache, class), 0);
	assert_counts(class, 1, chain.count);
	cache_drain(cache, true);
	assert_int_equal(cache_held(cache, class), 0);
	assert_counts(class, 1, chain.count);
	central_release(class, (struct chain){chain.head, 1});
	central_drain(class, true);
	assert_int_equal(central_slabs(class), 0);
}

/* A chain that a busier thread flushed is longer than a new cache's row: it
 * takes what it wants. */
static void a_long_chain_is_shared(void **state)
{
	unsigned class = sizeclass_with_header(30);
	const struct row *row = &cache->row[HEADER_CLASS | class];
	struct chain chain = central_fetch(class, 200);
	uint32_t limit = row->limit;
	struct block *block;

	(void)state;
	assert_true(limit < 100);
	central_stash(class, chain);
	block = cache_take(cache, code_of(class));
	assert_ptr_equal(block, chain.head);
	assert_counts(class, 1, 0);
	assert_int_equal(cache_held(cache, class), limit - 1);
	assert_int_equal(central_cached_blocks(class), chain.count - limit);
	cache_give(cache, code_of(class), block);
	assert_counts(class, 1, 1);
	cache_drain(cache, true);
	assert_counts(class, 1, 1);
}

/* The next thread that gets the cache counts from 0, but what was drawn and
 * learned is kept. */
static void a_cleared_cache_goes_on(void **state)
{
	unsigned class = sizeclass_with_header(30);
	struct row *row = &cache->row[HEADER_CLASS | class];
	static struct block *held[2000];
	int64_t until;
	uint32_t limit;

	(void)state;
	cache_redraw(cache, class, 1000000, 777);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		held[i] = cache_take(cache, code_of(class));
	for (size_t i = 0; i < COUNT_OF(held); i++)
		cache_give(cache, code_of(class), held[i]);
	cache_hand_in(cache);
	assert_counts(class, 2000, 2000);
	assert_int_equal(cache_held(cache, class), 0);
	until = row->until;
	limit = row->limit;
	assert_true(limit > 16);
	cache_clear(cache);
	assert_false(cache_has_begun(cache, class));
	assert_int_equal(row->until, until);
	assert_int_equal(cache->cold[class].sample_interval, 777);
	assert_counts(class, 0, 0);
	cache_begin(cache, class);
	assert_int_equal(row->limit, limit);
	assert_counts(class, 0, 0);
	cache_give(cache, code_of(class), cache_take(cache, code_of(class)));
	assert_counts(class, 1, 1);
	cache_drain(cache, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_class_rows_have_room, fresh),
		cmocka_unit_test_setup(what_is_taken_and_given_is_counted,
				       fresh),
		cmocka_unit_test_setup(given_blocks_are_marked_free, fresh),
		cmocka_unit_test_setup(the_edge_of_a_row_does_not_thrash,
				       fresh),
		cmocka_unit_test_setup(the_newest_chain_goes_central, fresh),
		cmocka_unit_test_setup(rows_grow_to_their_batch_and_no_further,
				       fresh),
		cmocka_unit_test_setup(
			only_rows_that_run_empty_and_full_in_turn_are_long,
			fresh),
		cmocka_unit_test_setup(a_drain_takes_only_what_was_idle, fresh),
		cmocka_unit_test_setup(a_drain_cuts_what_is_oversupplied,
				       fresh),
		cmocka_unit_test_setup(a_drain_cuts_what_is_seldom_used, fresh),
		cmocka_unit_test_setup(spares_can_be_taken, fresh),
		cmocka_unit_test_setup(a_spare_chain_alone_is_drained, fresh),
		cmocka_unit_test_setup(a_long_chain_is_shared, fresh),
		cmocka_unit_test_setup(a_cleared_cache_goes_on, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
