/* Threads come and go: each is created, does 1,000 operations on 50 blocks of
 * 16 to 512 bytes, frees them and exits; two at a time. An operation is one of
 * the 1,000, so the thread's own cost is a thousandth in it. */
#include "tests/bench/bench.h"

#define LIVE 50u
#define OPS  1000u

static void *live_once(void *arg)
{
	uint64_t seed = bench_seed((unsigned)(uintptr_t)arg);
	void *live[LIVE] = {0};

	for (unsigned i = 0; i < OPS; i++) {
		size_t at = bench_between(&seed, 0, LIVE - 1);

		free(live[at]);
		live[at] = bench_alloc(bench_between(&seed, 16, 512));
	}
	for (unsigned i = 0; i < LIVE; i++)
		free(live[i]);
	return NULL;
}

int main(void)
{
	pthread_t threads[2];
	struct bench b;

	for (b = bench_begin(); bench_more(&b); b.ops += 2 * OPS) {
		for (uintptr_t i = 0; i < 2; i++)
			if (pthread_create(&threads[i], NULL, live_once,
					   (void *)i))
				bench_die("cannot create a thread");
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
	}
	bench_end(&b);
	bench_report(&b, "");
}
