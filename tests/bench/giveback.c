/*
 * Memory that goes back: 200 MiB of small blocks are freed in random order,
 * by one thread or by a burst of eight that then end; for a second there is a
 * little activity, as in any program. value= is the RSS after it in KiB.
 */
#include "tests/bench/bench.h"

#define USAGE "single|threads"
#define BYTES ((size_t)200 << 20)
#define MOST  (BYTES / 64)

static void burst(size_t bytes, void **blocks, uint64_t seed)
{
	size_t count = 0;

	for (size_t sum = 0; sum < bytes; count++) {
		size_t n = bench_between(&seed, 16, 512);

		blocks[count] = bench_alloc(n);
		sum += n;
	}
	for (; count > 0; count--) {
		size_t at = bench_between(&seed, 0, count - 1);

		free(blocks[at]);
		blocks[at] = blocks[count - 1];
	}
}

static void *one_of_eight(void *arg)
{
	size_t map_bytes = MOST / 8 * sizeof(void *);
	void **blocks = bench_map(map_bytes);

	burst(BYTES / 8, blocks, bench_seed((unsigned)(uintptr_t)arg));
	munmap(blocks, map_bytes);
	return NULL;
}

static void all_eight(void)
{
	pthread_t threads[8];

	for (uintptr_t i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, one_of_eight, (void *)i))
			bench_die("cannot create a thread");
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
}

/* A hundred blocks of as many sizes, every 10 ms. */
static void idle(void)
{
	void *few[100];

	for (int turn = 0; turn < 100; turn++) {
		for (size_t i = 0; i < 100; i++)
			few[i] = bench_alloc(16 + i * 5);
		for (size_t i = 0; i < 100; i++)
			free(few[i]);
		bench_sleep(0.01);
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	struct bench b = bench_begin();
	char extra[64];

	if (strcmp(how, "threads") == 0) {
		all_eight();
	} else if (strcmp(how, "single") == 0) {
		void **blocks = bench_map(MOST * sizeof(*blocks));

		burst(BYTES, blocks, bench_seed(6));
		munmap(blocks, MOST * sizeof(*blocks));
	} else {
		bench_die("usage: %s " USAGE, argv[0]);
	}
	b.ops = BYTES / 264;
	idle();
	snprintf(extra, sizeof(extra), "value=%ld", bench_status_kb("VmRSS"));
	bench_end(&b);
	bench_report(&b, extra);
}
