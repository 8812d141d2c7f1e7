#include "libhakmem/heap/thread.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/base/lock.h"
#include "libhakmem/base/meta.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/unit.h"

#include <limits.h>
#include <pthread.h>

#define THREADS 4

static int boot(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	sampler_init(0, 0);
	thread_watch_exits();
	thread_cache();
	return 0;
}

static uint64_t shadow_allocs[SIZECLASS_MAX], shadow_frees[SIZECLASS_MAX];
static struct thread_sums start;

static unsigned class_of(size_t n)
{
	return header_class(sizeclass_code(n));
}

static void *allocate(size_t n)
{
	count64(&shadow_allocs[class_of(n)], 1);
	return heap_malloc(n);
}

static void release(void *ptr, size_t n)
{
	count64(&shadow_frees[class_of(n)], 1);
	heap_free(ptr);
}

static void start_counting(void)
{
	memset(shadow_allocs, 0, sizeof(shadow_allocs));
	memset(shadow_frees, 0, sizeof(shadow_frees));
	thread_sum(&start);
}

static void must_count_right(void)
{
	struct thread_sums now;

	thread_sum(&now);
	for (unsigned i = 0; i < sizeclass_count; i++) {
		must(now.allocs[i] - start.allocs[i] ==
		     peek64(&shadow_allocs[i]));
		must(now.frees[i] - start.frees[i] == peek64(&shadow_frees[i]));
	}
}

static void run_threads(void *(*body)(void *), int count)
{
	pthread_t threads[16];
	static uint64_t seeds[16];

	for (int i = 0; i < count; i++) {
		seeds[i] = (uint64_t)i + 1;
		pthread_create(&threads[i], NULL, body, &seeds[i]);
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

/* Leaves some blocks for others to free. */
#define SHARED 256
static struct {
	void *ptr;
	size_t n;
} shared[SHARED];
static pthread_mutex_t shared_mutex = PTHREAD_MUTEX_INITIALIZER;

static void swap_shared(uint64_t *random, void **ptr, size_t *n)
{
	size_t at = draw_below(random, SHARED), other_n;
	void *other;

	pthread_mutex_lock(&shared_mutex);
	other = shared[at].ptr;
	other_n = shared[at].n;
	shared[at].ptr = *ptr;
	shared[at].n = *n;
	pthread_mutex_unlock(&shared_mutex);
	*ptr = other;
	*n = other_n;
}

static void *churn(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	for (int i = 0; i < 5000; i++) {
		size_t n = draw_below(&random, i % 8 ? 200 : 32768);
		void *ptr = allocate(n);

		swap_shared(&random, &ptr, &n);
		if (ptr)
			release(ptr, n);
	}
	return NULL;
}

static void release_shared(void)
{
	for (int i = 0; i < SHARED; i++) {
		if (shared[i].ptr)
			release(shared[i].ptr, shared[i].n);
		shared[i].ptr = NULL;
	}
}

static void sums_are_exact_after_threads_have_ended(void **state)
{
	struct thread_sums now;
	size_t metadata = 0;

	(void)state;
	start_counting();
	for (int round = 0; round < 8; round++) {
		run_threads(churn, THREADS);
		must_count_right();
		/* caches are recycled: no more tables after the first round */
		if (round == 0)
			metadata = meta_bytes();
		assert_true(meta_bytes() <= metadata + 64 * KIB);
	}
	release_shared();
	must_count_right();
	thread_sum(&now);
	assert_int_equal(now.live_threads, 1);
	assert_int_equal(now.total_threads - start.total_threads, 8 * THREADS);
	for (unsigned i = 0; i < sizeclass_count; i++)
		assert_int_equal(shadow_allocs[i], shadow_frees[i]);
	heap_trim();
	thread_sum(&now);
	assert_int_equal(now.cached_bytes, 0);
	assert_int_equal(peek64(&stats.figures[FIGURE_SLABS_LIVE]), 0);
}

/* A recycled cache starts from nothing: its former owner's counts are in the
 * sums of the ended, once. */
static void *touch(void *arg)
{
	(void)arg;
	release(allocate(100), 100);
	return NULL;
}

static void recycled_caches_count_nothing_twice(void **state)
{
	(void)state;
	start_counting();
	for (int i = 0; i < 50; i++) {
		run_threads(touch, 1);
		must_count_right();
	}
	assert_int_equal(shadow_allocs[class_of(100)], 50);
}

/* A thread's destructors run after its cache has gone: the heap works on. */
static pthread_key_t late_key;

static void work_late(void *arg)
{
	uintptr_t round = (uintptr_t)arg;
	void *small = allocate(40), *exact = allocate(1024);
	void *large = heap_malloc(100000);

	must(small && exact && large);
	memset(small, 1, 40);
	heap_free(large);
	release(exact, 1024);
	if (round < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(late_key, (void *)(round + 1));
	release(small, 40);
}

static void *end_late(void *arg)
{
	(void)arg;
	pthread_setspecific(late_key, (void *)1);
	release(allocate(40), 40);
	return NULL;
}

static void destructors_may_use_the_heap(void **state)
{
	struct thread_sums now;

	(void)state;
	assert_int_equal(pthread_key_create(&late_key, work_late), 0);
	start_counting();
	run_threads(end_late, THREADS);
	must_count_right();
	thread_sum(&now);
	assert_int_equal(now.live_threads, 1);
	pthread_key_delete(late_key);
}

static void operations_without_a_cache_count(void **state)
{
	(void)state;
	start_counting();
	thread_count_alloc(5);
	thread_count_alloc(5);
	thread_count_free(5);
	shadow_allocs[5] = 2;
	shadow_frees[5] = 1;
	must_count_right();
	/* a recount before the count: wraps, and comes out right */
	thread_recount_free(9, 10);
	thread_count_free(9);
	shadow_frees[10] = 1;
	must_count_right();
}

static void idle_blocks_are_cached_bytes(void **state)
{
	struct thread_sums now;

	(void)state;
	heap_trim();
	heap_free(heap_malloc(1000));
	thread_sum(&now);
	assert_true(now.cached_bytes >= 1008);
	assert_true(now.cached_bytes <= 64 * KIB);
	heap_trim();
	thread_sum(&now);
	assert_int_equal(now.cached_bytes, 0);
}

static int hook_calls;
static uint64_t hook_now;

static void hook(uint64_t now_ns)
{
	hook_calls++;
	hook_now = now_ns;
}

static void the_hook_is_called_from_slow_paths(void **state)
{
	uint64_t before = monotonic_ns();

	(void)state;
	thread_set_hook(hook);
	for (int i = 0; i < 320; i++)
		heap_free(heap_malloc(100000));
	thread_set_hook(NULL);
	assert_in_range(hook_calls, 40, 160);
	/* the clock it is told is coarse */
	assert_true(hook_now + 20000000 >= before);
	assert_true(hook_now <= monotonic_ns());
	hook_calls = 0;
	for (int i = 0; i < 320; i++)
		heap_free(heap_malloc(100000));
	assert_int_equal(hook_calls, 0);
}

/* A hit is no slow path; only when a grant is used up, after some hundred
 * frees, something looks at the clock. */
static void hits_hardly_call_the_hook(void **state)
{
	(void)state;
	heap_free(heap_malloc(100));
	thread_set_hook(hook);
	hook_calls = 0;
	for (int i = 0; i < 100000; i++)
		heap_free(heap_malloc(100));
	thread_set_hook(NULL);
	assert_in_range(hook_calls, 1, 100000 / 1000);
}

static void ticks_give_idle_memory_back(void **state)
{
	uint64_t returned = peek64(&stats.figures[FIGURE_RETURNED_BYTES]);
	uint64_t now = monotonic_ns() + 1000000000u * 60;
	uint64_t step = (uint64_t)conf.tick_ms * 1000000;
	void *held[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		memset(held[i] = heap_malloc(60000), 1, 60000);
	for (int i = 0; i < 64; i++)
		heap_free(held[i]);
	assert_true(span_dirty_bytes() >= 64 * ARENA_UNIT);
	thread_tick(now);
	assert_true(span_dirty_bytes() >= 64 * ARENA_UNIT);
	/* too early for another */
	for (int i = 0; i < 10; i++)
		thread_tick(now + step / 2);
	assert_true(span_dirty_bytes() >= 64 * ARENA_UNIT);
	thread_tick(now += step);
	thread_tick(now += step);
	assert_int_equal(span_dirty_bytes(), 0);
	assert_true(peek64(&stats.figures[FIGURE_RETURNED_BYTES]) - returned >=
		    64 * ARENA_UNIT);
}

/* What rows and transfer caches held in vain goes to the system with the tick
 * that takes it from them, not with the next but one. */
static void what_a_tick_finds_idle_goes_at_once(void **state)
{
	uint64_t now = monotonic_ns() + 1000000000u * 120;
	uint64_t step = (uint64_t)conf.tick_ms * 1000000;
	static void *held[2000];
	uint64_t returned;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(held); i++)
		memset(held[i] = heap_malloc(1000), 1, 1000);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		heap_free(held[i]);
	thread_tick(now); /* in use until now */
	returned = peek64(&stats.figures[FIGURE_RETURNED_BYTES]);
	assert_true(cache_depth(cache_self, sizeclass_with_header(1000)) > 50);
	thread_tick(now + step);
	assert_true(cache_depth(cache_self, sizeclass_with_header(1000)) <= 2);
	assert_true(peek64(&stats.figures[FIGURE_RETURNED_BYTES]) - returned >
		    1000 * 1000);
	assert_true(span_dirty_bytes() <= ARENA_UNIT);
}

static void *wait_with_cache(void *arg)
{
	int *ends = arg;
	void *ptr = allocate(50);
	char byte;

	release(allocate(60), 60);
	must(write(ends[1], "x", 1) == 1);
	must(read(ends[2], &byte, 1) == 1);
	release(ptr, 50);
	return NULL;
}

static void live_in_child(void)
{
	struct thread_sums now;

	lock_reset_ranks();
	lock_reset(&thread_lock);
	thread_reset();
	must_count_right();
	thread_sum(&now);
	must(now.live_threads == 1);
	/* the caches of the lost threads are used again */
	for (int i = 0; i < 100; i++)
		release(allocate(50), 50);
#ifndef __SANITIZE_THREAD__ /* whose runtime allows no thread there */
	run_threads(touch, 2);
#endif
	must_count_right();
}

static void a_child_drops_the_other_threads(void **state)
{
	int ready[2], go[2], ends[3];
	pthread_t threads[THREADS];
	struct thread_sums now;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	ends[1] = ready[1];
	ends[2] = go[0];
	start_counting();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, wait_with_cache, ends);
	for (int i = 0; i < THREADS; i++) {
		char byte;

		assert_int_equal(read(ready[0], &byte, 1), 1);
	}
	thread_sum(&now);
	assert_int_equal(now.live_threads, THREADS + 1);
	lock_acquire(&thread_lock, LOCK_THREADS);
	assert_child_passes(live_in_child);
	lock_release(&thread_lock, LOCK_THREADS);
	assert_int_equal(write(go[1], "xxxx", THREADS), THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	must_count_right();
}

static pthread_t main_thread;

static void *outlive_main(void *arg)
{
	(void)arg;
	must(!thread_all_ended());
	pthread_join(main_thread, NULL);
	for (int i = 0; i < 6000 && !thread_all_ended(); i++)
		sleep_ms(10);
	must(thread_all_ended());
	_exit(0);
}

static void end_main(void)
{
	pthread_t thread;

	heap_free(heap_malloc(10));
	main_thread = pthread_self();
	pthread_create(&thread, NULL, outlive_main, NULL);
	sleep_ms(20);
	pthread_exit(NULL);
}

static void the_last_thread_knows_it(void **state)
{
	(void)state;
	assert_false(thread_all_ended());
	if (SANITIZED)
		skip(); /* their runtimes have a thread of their own */
	assert_child_passes(end_main);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_exact_after_threads_have_ended),
		cmocka_unit_test(recycled_caches_count_nothing_twice),
		cmocka_unit_test(destructors_may_use_the_heap),
		cmocka_unit_test(operations_without_a_cache_count),
		cmocka_unit_test(idle_blocks_are_cached_bytes),
		cmocka_unit_test(the_hook_is_called_from_slow_paths),
		cmocka_unit_test(hits_hardly_call_the_hook),
		cmocka_unit_test(ticks_give_idle_memory_back),
		cmocka_unit_test(what_a_tick_finds_idle_goes_at_once),
		cmocka_unit_test(a_child_drops_the_other_threads),
		cmocka_unit_test(the_last_thread_knows_it),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
