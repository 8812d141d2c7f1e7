#include "libhakmem/memory/central.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

#define TRANSFER_CHAINS 64

static int boot(void **state)
{
	(void)state;
	return boot_ready() ? 0 : -1;
}

static uint32_t length(struct chain chain)
{
	uint32_t count = 0;

	for (; chain.head; chain.head = chain.head->next)
		count++;
	return count;
}

static void assert_nothing_left(unsigned class)
{
	central_drain(class, true);
	assert_int_equal(central_cached_blocks(class), 0);
	assert_int_equal(central_slabs(class), 0);
}

static void a_fetched_chain_has_what_was_asked_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeclass_count; i++)
		for (uint32_t want = 1; want <= 2 * sizeclass_table[i].blocks;
		     want = want * 3 + 1) {
			struct chain chain = central_fetch(i, want);
			uint32_t got =
				(uint32_t)min_size(want, central_batch(i));

			assert_int_equal(chain.count, got);
			assert_int_equal(length(chain), got);
			assert_int_equal(central_slabs(i),
					 (got - 1) / sizeclass_table[i].blocks +
						 1);
			central_release(i, chain);
			assert_nothing_left(i);
		}
	span_purge_all();
}

static void a_stashed_chain_comes_back_as_it_is(void **state)
{
	unsigned class = sizeclass_with_header(50);
	struct chain one = central_fetch(class, 7);
	struct chain two = central_fetch(class, 9);
	struct chain got;

	(void)state;
	central_stash(class, one);
	central_stash(class, two);
	assert_int_equal(central_cached_blocks(class), 16);
	/* the last in is warm: it is the first out, though less is wanted */
	got = central_fetch(class, 6);
	assert_ptr_equal(got.head, two.head);
	assert_int_equal(got.count, 9);
	assert_int_equal(length(got), 9);
	assert_int_equal(central_cached_blocks(class), 7);
	got = central_fetch(class, 100);
	assert_ptr_equal(got.head, one.head);
	assert_int_equal(got.count, 7);
	assert_int_equal(central_cached_blocks(class), 0);
	central_release(class, one);
	central_release(class, two);
	assert_nothing_left(class);
}

/* A much longer one is cut, its head goes. */
static void a_long_chain_is_cut(void **state)
{
	unsigned class = sizeclass_with_header(50);
	struct chain chain = central_fetch(class, 100);
	struct chain first, rest;

	(void)state;
	central_stash(class, chain);
	first = central_fetch(class, 10);
	assert_ptr_equal(first.head, chain.head);
	assert_int_equal(first.count, 10);
	assert_int_equal(length(first), 10);
	assert_int_equal(central_cached_blocks(class), 90);
	rest = central_fetch(class, 60);
	assert_int_equal(rest.count, 90);
	assert_int_equal(length(rest), 90);
	assert_int_equal(central_cached_blocks(class), 0);
	central_release(class, first);
	central_release(class, rest);
	assert_nothing_left(class);
}

static void empty_chains_are_nothing(void **state)
{
	uint64_t flushes = central_flushes();

	(void)state;
	central_stash(0, (struct chain){NULL, 0});
	central_release(0, (struct chain){NULL, 0});
	assert_int_equal(central_flushes(), flushes);
	assert_nothing_left(0);
}

static void refills_and_flushes_are_counted(void **state)
{
	uint64_t refills = central_refills(), flushes = central_flushes();
	struct chain one = central_fetch(3, 4), two = central_fetch(5, 4);

	(void)state;
	assert_int_equal(central_refills() - refills, 2);
	central_stash(3, one);
	central_release(5, two);
	assert_int_equal(central_flushes() - flushes, 2);
	assert_nothing_left(3);
	assert_nothing_left(5);
}

/* More chains than the transfer cache holds go straight to the slabs. */
static void what_does_not_fit_goes_to_the_slabs(void **state)
{
	unsigned class = sizeclass_with_header(200);
	struct chain chains[TRANSFER_CHAINS + 10];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(chains); i++)
		chains[i] = central_fetch(class, 2);
	for (size_t i = 0; i < COUNT_OF(chains); i++)
		central_stash(class, chains[i]);
	assert_int_equal(central_cached_blocks(class), 2 * TRANSFER_CHAINS);
	assert_nothing_left(class);
}

/* Of a longer one the first batch goes there, whose links are near, and the
 * rest stays with the caller. */
static void slabs_take_a_batch_at_a_time(void **state)
{
	unsigned class = sizeclass_with_header(200);
	uint32_t batch = central_batch(class);
	struct chain chains[TRANSFER_CHAINS];
	struct chain chain = central_fetch(class, batch);
	struct chain more = central_fetch(class, 3);
	struct block *last = chain.head;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(chains); i++)
		chains[i] = central_fetch(class, 1);
	for (size_t i = 0; i < COUNT_OF(chains); i++)
		assert_int_equal(central_stash(class, chains[i]).count, 0);
	while (last->next)
		last = last->next;
	last->next = more.head;
	chain.count += more.count;
	chain = central_stash(class, chain);
	assert_int_equal(chain.count, 3);
	assert_ptr_equal(chain.head, more.head);
	assert_int_equal(length(chain), 3);
	assert_int_equal(central_cached_blocks(class), TRANSFER_CHAINS);
	assert_int_equal(central_stash(class, chain).count, 0);
	assert_nothing_left(class);
}

/* A drain takes what lay idle since the last one, and that only. */
static void idle_chains_go_at_the_second_drain(void **state)
{
	unsigned class = sizeclass_with_header(300);
	struct chain chains[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		chains[i] = central_fetch(class, 2);
	for (int i = 0; i < 6; i++)
		central_stash(class, chains[i]);
	central_drain(class, false);
	assert_int_equal(central_cached_blocks(class), 12);
	/* two of six are used in this tick: four were idle */
	chains[5] = central_fetch(class, 2);
	chains[4] = central_fetch(class, 2);
	central_stash(class, chains[4]);
	central_stash(class, chains[5]);
	central_drain(class, false);
	assert_int_equal(central_cached_blocks(class), 4);
	central_drain(class, false);
	assert_int_equal(central_cached_blocks(class), 0);
	assert_nothing_left(class);
}

/* The chains that stay are the warm ones, in their order. */
static void a_drain_keeps_the_newest(void **state)
{
	unsigned class = sizeclass_with_header(300);
	struct chain chains[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		chains[i] = central_fetch(class, (uint32_t)i + 1);
	central_stash(class, chains[0]);
	central_drain(class, false);
	central_stash(class, chains[1]);
	central_stash(class, chains[2]);
	central_drain(class, false);
	assert_int_equal(central_cached_blocks(class), 5);
	assert_ptr_equal(central_fetch(class, 3).head, chains[2].head);
	assert_ptr_equal(central_fetch(class, 2).head, chains[1].head);
	central_release(class, chains[1]);
	central_release(class, chains[2]);
	assert_nothing_left(class);
}

static void one_empty_slab_is_kept_for_a_while(void **state)
{
	unsigned class = sizeclass_with_header(4000);
	struct chain chain =
		central_fetch(class, 3 * sizeclass_table[class].blocks);
	uint64_t slabs = peek64(&stats.figures[FIGURE_SLABS_LIVE]);

	(void)state;
	assert_int_equal(central_slabs(class), 3);
	central_release(class, chain);
	assert_int_equal(central_slabs(class), 1);
	assert_int_equal(peek64(&stats.figures[FIGURE_SLABS_LIVE]), slabs - 2);
	/* and used before a new one is made */
	chain = central_fetch(class, 1);
	assert_int_equal(central_slabs(class), 1);
	central_release_one(class, chain.head);
	assert_nothing_left(class);
	assert_int_equal(peek64(&stats.figures[FIGURE_SLABS_LIVE]), slabs - 3);
}

/* Random fetches, stashes, releases, drains: no block is given out twice. */
static void no_block_is_out_twice(void **state)
{
	unsigned class = sizeclass_with_header(1000);
	struct chain held[40] = {{NULL, 0}};
	uint64_t random = 5;
	uint32_t out = 0;

	(void)state;
	for (uint32_t i = 1; i < 20000; i++) {
		size_t at = draw_below(&random, COUNT_OF(held));
		struct block *block;

		if (held[at].count == 0) {
			held[at] = central_fetch(
				class, 1 + (uint32_t)draw_below(&random, 40));
			/* whoever holds a block writes into its second half */
			for (block = held[at].head; block; block = block->next)
				((uint64_t *)(void *)block)[60] = at + 1;
			out += held[at].count;
		} else {
			assert_int_equal(length(held[at]), held[at].count);
			for (block = held[at].head; block; block = block->next)
				assert_int_equal(
					((uint64_t *)(void *)block)[60],
					at + 1);
			out -= held[at].count;
			if (draw_below(&random, 2))
				central_stash(class, held[at]);
			else
				central_release(class, held[at]);
			held[at] = (struct chain){NULL, 0};
		}
		if (i % 500 == 0)
			central_drain(class, draw_below(&random, 4) == 0);
		assert_true(central_slabs(class) *
				    sizeclass_table[class].blocks >=
			    out + central_cached_blocks(class));
	}
	for (size_t i = 0; i < COUNT_OF(held); i++)
		central_release(class, held[i]);
	assert_nothing_left(class);
}

static void *exchange(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	unsigned class = sizeclass_with_header(500);

	for (int i = 0; i < 10000; i++) {
		struct chain chain = central_fetch(
			class, 1 + (uint32_t)draw_below(&random, 16));
		struct block *block;

		must(chain.count > 0);
		for (block = chain.head; block; block = block->next)
			((uint64_t *)(void *)block)[30] = (uintptr_t)arg;
		for (block = chain.head; block; block = block->next)
			must(((uint64_t *)(void *)block)[30] == (uintptr_t)arg);
		if (random & 1)
			central_stash(class, chain);
		else
			central_release(class, chain);
		if (i % 1000 == 0)
			central_drain(class, false);
	}
	return NULL;
}

static void threads_never_share_a_block(void **state)
{
	uint64_t seeds[4] = {1, 2, 3, 4};
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, exchange, &seeds[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_nothing_left(sizeclass_with_header(500));
}

static void go_on_in_child(void)
{
	lock_reset(central_lock(2));
	must(central_fetch(2, 3).count == 3);
}

static void a_child_of_a_fork_goes_on(void **state)
{
	(void)state;
	lock_acquire(central_lock(2), LOCK_CENTRAL);
	assert_child_passes(go_on_in_child);
	lock_release(central_lock(2), LOCK_CENTRAL);
	central_release(2, central_fetch(2, 3));
	assert_nothing_left(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fetched_chain_has_what_was_asked_for),
		cmocka_unit_test(a_stashed_chain_comes_back_as_it_is),
		cmocka_unit_test(a_long_chain_is_cut),
		cmocka_unit_test(empty_chains_are_nothing),
		cmocka_unit_test(refills_and_flushes_are_counted),
		cmocka_unit_test(what_does_not_fit_goes_to_the_slabs),
		cmocka_unit_test(slabs_take_a_batch_at_a_time),
		cmocka_unit_test(idle_chains_go_at_the_second_drain),
		cmocka_unit_test(a_drain_keeps_the_newest),
		cmocka_unit_test(one_empty_slab_is_kept_for_a_while),
		cmocka_unit_test(no_block_is_out_twice),
		cmocka_unit_test(threads_never_share_a_block),
		cmocka_unit_test(a_child_of_a_fork_goes_on),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
