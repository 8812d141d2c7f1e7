/*
 * The heap as a whole: programs with known allocations, run over and over.
 * The draws are the same in every run of this test.
 */
#include "libhakmem/heap/heap.h"
#include "libhakmem/heap/thread.h"
#include "tests/unit/libhakmem/truth.h"

#include <pthread.h>

/* This thread draws from `seed` on. */
static void reseed(uint64_t seed)
{
	struct cache *cache = thread_cache();

	cache->sample.random = draw(&seed) | 1;
	cache->sample.bypass_interval = 0;
	for (unsigned i = 0; i < sizeclass_count; i++)
		thread_redraw(cache, i);
}

/* A program: allocates, keeps some in `kept`, says what is true. */
#define KEPT_MAX 40000
static void *kept[KEPT_MAX];
static size_t kept_count;

static void keep(void *ptr, size_t n, double truth[TRUTHS])
{
	kept[kept_count++] = ptr;
	truth[LIVE_OBJECTS]++;
	truth[LIVE_BYTES] += (double)n;
}

static void release_all(void)
{
	while (kept_count > 0)
		heap_free(kept[--kept_count]);
}

static void simulate(const char *what, uint64_t histogram, uint64_t stack,
		     void (*program)(uint64_t seed, double truth[TRUTHS]))
{
	struct score score = {0};

	for (uint64_t run = 1; run <= RUNS; run++) {
		struct estimate before, after;
		double truth[TRUTHS] = {0};

		set_intervals(histogram, stack);
		reseed(run);
		before = estimate_of(0);
		program(run, truth);
		after = estimate_of(0);
		judge(&score, &before, &after, truth);
		release_all();
	}
	sampler_init(0, 0);
	assert_score(what, &score);
	assert_int_equal(profile_live_samples(), 0);
}

/* One size; every second block stays. */
static void fixed(uint64_t seed, double truth[TRUTHS])
{
	(void)seed;
	for (int i = 0; i < 1200; i++) {
		void *ptr = count(heap_malloc(100), 100, truth);

		if (i % 2 == 0)
			keep(ptr, 100, truth);
		else
			heap_free(ptr);
	}
}

static void fixed_sizes(void **state)
{
	(void)state;
	simulate("100 bytes", 0, 250, fixed);
	simulate("100 bytes with a denser histogram", 200, 250, fixed);
	simulate("100 bytes with a thinner histogram", 1000, 250, fixed);
}

/* Exact powers of two have no header; a sample gets a block of another class.
 */
static void powers(uint64_t seed, double truth[TRUTHS])
{
	for (int i = 0; i < 1500; i++) {
		size_t n = (size_t)16 << draw_below(&seed, 12);
		void *ptr = count(heap_malloc(n), n, truth);

		if (i % 2 == 0)
			keep(ptr, n, truth);
		else
			heap_free(ptr);
	}
}

static void powers_of_two(void **state)
{
	(void)state;
	simulate("powers of two", 40000, 60, powers);
}

/* Sizes with density 1/x from 16 bytes to 64 KiB: small and large blocks. */
static void zipf(uint64_t seed, double truth[TRUTHS])
{
	for (int i = 0; i < 1500; i++) {
		double u = (double)(draw(&seed) >> 11) * 0x1p-53;
		size_t n = (size_t)(16 * pow(4096, u));
		void *ptr = count(n > 4096 ? heap_malloc(n) : heap_calloc(1, n),
				  n, truth);

		if (i % 2 == 0)
			keep(ptr, n, truth);
		else
			heap_free(ptr);
	}
}

static void sizes_of_density_1_over_x(void **state)
{
	(void)state;
	simulate("density 1/x", 0, 80, zipf);
}

/* Aligned requests and blocks that move. */
static void aligned(uint64_t seed, double truth[TRUTHS])
{
	for (int i = 0; i < 800; i++) {
		size_t align = (size_t)32 << draw_below(&seed, 8);
		size_t n = 200 + draw_below(&seed, 3000);
		void *ptr = count(heap_aligned(align, n), n, truth);

		if (i % 2 == 0) {
			keep(ptr, n, truth);
			continue;
		}
		/* a realloc that moves is a request of its own */
		ptr = count(heap_realloc(ptr, 3 * n + 5000), 3 * n + 5000,
			    truth);
		heap_free(ptr);
	}
}

static void aligned_and_moved(void **state)
{
	(void)state;
	simulate("aligned", 0, 1500, aligned);
}

/* Much larger than the mean: known exactly, whatever is drawn. */
static void one_huge_block(void **state)
{
	(void)state;
	for (uint64_t run = 0; run < RUNS; run++) {
		struct estimate before, after;
		void *ptr;

		set_intervals(16384, 65536);
		reseed(run);
		before = estimate_of(0);
		ptr = heap_malloc(64 * MIB);
		after = estimate_of(0);
		assert_true(fabs(after.value[LIVE_BYTES] -
				 before.value[LIVE_BYTES] - 64.0 * MIB) < 1);
		assert_true(fabs(after.value[LIVE_OBJECTS] -
				 before.value[LIVE_OBJECTS] - 1) < 1e-6);
		assert_true(after.variance[LIVE_BYTES] < 1);
		heap_free(ptr);
		assert_true(estimate_of(0).value[LIVE_BYTES] == 0);
	}
	sampler_init(0, 0);
}

/* A large block that is resized in place is what it has become. */
static void resized_blocks(void **state)
{
	struct score score = {0};

	(void)state;
	for (uint64_t run = 1; run <= RUNS; run++) {
		struct estimate before, after;
		double truth[TRUTHS] = {0};

		set_intervals(0, 1 << 19);
		reseed(run);
		before = estimate_of(0);
		for (size_t i = 0; i < 200; i++) {
			void *ptr = count(heap_malloc(600000), 600000, truth);

			for (size_t n = 500000; n >= 300000; n -= 100000)
				ptr = count(heap_realloc(ptr, n), n, truth);
			keep(ptr, 300000, truth);
		}
		after = estimate_of(0);
		judge(&score, &before, &after, truth);
		release_all();
	}
	sampler_init(0, 0);
	assert_score("resized", &score);
	assert_int_equal(profile_live_samples(), 0);
}

/* Threads that free each other's blocks. */
#define THREADS 3

static struct {
	uint64_t seed;
	double truth[TRUTHS];
	void *ptr[900];
} workers[THREADS];

static void *work(void *arg)
{
	size_t self = (size_t)(uintptr_t)arg;

	reseed(workers[self].seed);
	for (int i = 0; i < 900; i++) {
		size_t n = 20 + (size_t)i % 300;

		workers[self].ptr[i] =
			count(heap_malloc(n), n, workers[self].truth);
	}
	return NULL;
}

static void *clear(void *arg)
{
	size_t other = ((size_t)(uintptr_t)arg + 1) % THREADS;

	for (int i = 0; i < 900; i += 2)
		heap_free(workers[other].ptr[i]);
	return NULL;
}

static void in_threads(void *(*body)(void *))
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		must(pthread_create(&threads[i], NULL, body,
				    (void *)(uintptr_t)i) == 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void threaded(uint64_t seed, double truth[TRUTHS])
{
	for (size_t i = 0; i < THREADS; i++) {
		workers[i].seed = seed * THREADS + i;
		memset(workers[i].truth, 0, sizeof(workers[i].truth));
	}
	in_threads(work);
	in_threads(clear);
	for (size_t i = 0; i < THREADS; i++) {
		for (int figure = 0; figure < TRUTHS; figure++)
			truth[figure] += workers[i].truth[figure];
		for (int at = 1; at < 900; at += 2)
			keep(workers[i].ptr[at], 20 + (size_t)at % 300, truth);
	}
}

static void threads(void **state)
{
	(void)state;
	simulate("threads", 0, 500, threaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_sizes),
		cmocka_unit_test(powers_of_two),
		cmocka_unit_test(sizes_of_density_1_over_x),
		cmocka_unit_test(aligned_and_moved),
		cmocka_unit_test(one_huge_block),
		cmocka_unit_test(resized_blocks),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
