/*
 * The heap against a model: every block has an owner, a size and a pattern that
 * nobody else may touch. Threads take random steps from fixed seeds and hand
 * blocks to each other; at the end all is free and every figure comes out.
 */
#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/profile/profile.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/stream/snapshot.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/heap/thread.h"
#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

#define SLOTS	512
#define THREADS 4
#define STEPS	(SANITIZED ? 10000 : 50000)

struct slot {
	uint8_t *ptr;
	size_t n;
	uint8_t seed;
};

/* What a thread knows; `in` comes from another one. */
struct player {
	uint64_t random;
	struct slot slots[SLOTS];
	pthread_mutex_t mutex;
	struct slot in[64];
	size_t in_count;
	uint64_t allocs, frees;
};

static struct player players[THREADS];
static int player_count;

static int boot(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	conf.tick_ms = 5;
	thread_watch_exits();
	thread_cache();
	return 0;
}

/* Every byte of a small block, some of a large one. */
static size_t step_of(size_t n)
{
	return n < 2048 ? 1 : n < 100000 ? 61 : 4093;
}

static void paint(struct slot *slot)
{
	size_t step = step_of(slot->n);

	for (size_t i = 0; i < slot->n; i += step)
		slot->ptr[i] = (uint8_t)(slot->seed + i);
	if (slot->n > 0)
		slot->ptr[slot->n - 1] = (uint8_t)(slot->seed + slot->n - 1);
}

static void check(const struct slot *slot, size_t n)
{
	size_t step = step_of(slot->n);

	for (size_t i = 0; i < n; i += step)
		must(slot->ptr[i] == (uint8_t)(slot->seed + i));
	if (n > 0 && n == slot->n)
		must(slot->ptr[n - 1] == (uint8_t)(slot->seed + n - 1));
}

static size_t some_size(uint64_t *random)
{
	switch (draw_below(random, 16)) {
	case 0:
		return draw_below(random, 200000);
	case 1:
		return (size_t)1 << draw_below(random, 17);
	case 2:
		return draw_below(random, 33000);
	case 3:
		return draw_below(random, 200) ? 1024
					       : draw_below(random, 3 * MIB);
	default:
		return draw_below(random, 700);
	}
}

static void allocate(struct player *player, struct slot *slot)
{
	size_t align = (size_t)1 << draw_below(&player->random, 14);
	size_t n = some_size(&player->random);

	slot->n = n;
	slot->seed = (uint8_t)draw(&player->random);
	switch (draw_below(&player->random, 8)) {
	case 0:
		slot->ptr = heap_calloc(n / 8 + 1, 8);
		slot->n = (n / 8 + 1) * 8;
		for (size_t i = 0; i < slot->n; i++)
			must(slot->ptr[i] == 0);
		break;
	case 1:
		slot->ptr = heap_aligned(align, n);
		must(is_aligned((uintptr_t)slot->ptr, align));
		break;
	case 2:
		slot->ptr = heap_realloc(NULL, n);
		break;
	default:
		slot->ptr = heap_malloc(n);
	}
	must(slot->ptr != NULL);
	must(is_aligned((uintptr_t)slot->ptr, 16));
	must(heap_usable(slot->ptr) >= slot->n);
	/* sometimes up to the last usable byte */
	if (draw_below(&player->random, 4) == 0)
		slot->n = heap_usable(slot->ptr);
	paint(slot);
	player->allocs++;
}

static void release(struct player *player, struct slot *slot)
{
	check(slot, slot->n);
	heap_free(slot->ptr);
	slot->ptr = NULL;
	player->frees++;
}

static void resize(struct player *player, struct slot *slot)
{
	size_t n = 1 + some_size(&player->random), old = slot->n;

	slot->ptr = heap_realloc(slot->ptr, n);
	must(slot->ptr != NULL);
	must(heap_usable(slot->ptr) >= n);
	check(slot, n < old ? n : old);
	slot->n = n;
	paint(slot);
}

/* Puts a block into another player's tray, and takes what lies in ours. */
static void hand_over(struct player *player, struct slot *slot)
{
	struct player *other =
		&players[draw_below(&player->random, (size_t)player_count)];
	struct slot got[64];
	size_t count;

	pthread_mutex_lock(&other->mutex);
	if (other->in_count < COUNT_OF(other->in)) {
		other->in[other->in_count++] = *slot;
		slot->ptr = NULL;
	}
	pthread_mutex_unlock(&other->mutex);
	pthread_mutex_lock(&player->mutex);
	count = player->in_count;
	memcpy(got, player->in, count * sizeof(*got));
	player->in_count = 0;
	pthread_mutex_unlock(&player->mutex);
	while (count > 0)
		release(player, &got[--count]);
}

static void *play(void *arg)
{
	struct player *player = arg;

	for (int i = 0; i < STEPS; i++) {
		struct slot *slot =
			&player->slots[draw_below(&player->random, SLOTS)];

		if (!slot->ptr)
			allocate(player, slot);
		else if (draw_below(&player->random, 4) == 0)
			resize(player, slot);
		else if (draw_below(&player->random, 4) == 0)
			hand_over(player, slot);
		else
			release(player, slot);
		if (draw_below(&player->random, 20000) == 0)
			heap_trim();
	}
	for (int i = 0; i < SLOTS; i++)
		if (player->slots[i].ptr)
			release(player, &player->slots[i]);
	return NULL;
}

static void empty_trays(void)
{
	for (int i = 0; i < player_count; i++)
		while (players[i].in_count > 0)
			release(&players[i],
				&players[i].in[--players[i].in_count]);
}

static void assert_no_site_holds_anything(void)
{
	static struct site_class classes[SITE_CLASSES];
	struct site_totals totals;
	struct site_view view;
	uint32_t cursor = 0;

	site_totals(&totals);
	assert_int_equal(totals.live_samples, 0);
	assert_true(totals.live_bytes == 0);
	site_unread_all();
	while (site_read(&cursor, &view, classes))
		for (unsigned i = 0; i < view.classes; i++) {
			assert_int_equal(classes[i].live_samples, 0);
			assert_true(classes[i].live_objects == 0);
			assert_true(classes[i].live_bytes == 0);
		}
}

static void assert_all_is_free(struct snapshot_totals before)
{
	struct snapshot_totals after;
	struct thread_sums sums;

	snapshot_totals(&after);
	assert_int_equal(after.allocs - before.allocs,
			 after.frees - before.frees);
	assert_int_equal(after.live_objects, before.live_objects);
	assert_int_equal(after.live_bytes, before.live_bytes);
	thread_sum(&sums);
	for (unsigned i = 0; i < sizeclass_count; i++)
		assert_int_equal(sums.allocs[i], sums.frees[i]);
	for (uint32_t i = 0; i < BINS_COUNT; i++)
		assert_int_equal(stats.large[i].requests, stats.large[i].frees);
	assert_int_equal(profile_live_samples(), 0);
	assert_no_site_holds_anything();
	for (int i = 0; i < REJECT_KINDS; i++)
		assert_int_equal(stats.figures[FIGURE_REJECT(i)], 0);
	heap_trim();
	assert_int_equal(peek64(&stats.figures[FIGURE_SLABS_LIVE]), 0);
	assert_int_equal(peek64(&stats.figures[FIGURE_MAPPED_BYTES]), 0);
}

static void run(int count, uint64_t seed, uint64_t histogram_bytes,
		uint64_t stack_bytes)
{
	pthread_t threads[THREADS];
	struct snapshot_totals before;
	uint64_t allocs = 0, frees = 0;

	snapshot_totals(&before);
	sampler_init(histogram_bytes, stack_bytes);
	player_count = count;
	memset(players, 0, sizeof(players));
	for (int i = 0; i < count; i++) {
		players[i].random = seed * 100 + (uint64_t)i;
		pthread_mutex_init(&players[i].mutex, NULL);
	}
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, play, &players[i]);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	empty_trays();
	for (int i = 0; i < count; i++) {
		allocs += players[i].allocs;
		frees += players[i].frees;
	}
	assert_int_equal(allocs, frees);
	assert_true(allocs > (uint64_t)count * STEPS / 5);
	assert_all_is_free(before);
}

static void one_thread(void **state)
{
	(void)state;
	run(1, 1, 0, 0);
	run(1, 2, 16384, 524288);
}

static void one_thread_sampled_densely(void **state)
{
	(void)state;
	run(1, 3, 50, 0);
	run(1, 7, 0, 50);
	run(1, 8, 400, 100);
}

static void several_threads(void **state)
{
	(void)state;
	run(THREADS, 4, 16384, 65536);
	run(THREADS, 5, 200, 3000);
}

/* Somebody looks all the time while the others play. */
static bool watching;

static void *watch(void *arg)
{
	while (__atomic_load_n(&watching, __ATOMIC_RELAXED)) {
		struct snapshot_totals totals;

		snapshot_totals(&totals);
		snapshot_state();
		sleep_ms(1);
	}
	return arg;
}

static void several_threads_and_a_watcher(void **state)
{
	pthread_t watcher;

	(void)state;
	watching = true;
	pthread_create(&watcher, NULL, watch, NULL);
	run(2, 6, 4096, 4096);
	__atomic_store_n(&watching, false, __ATOMIC_RELAXED);
	pthread_join(watcher, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread),
		cmocka_unit_test(one_thread_sampled_densely),
		cmocka_unit_test(several_threads),
		cmocka_unit_test(several_threads_and_a_watcher),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
