/*
 * Thousands of wrong frees from several threads in report mode: the heap
 * stays whole and the blocks that were not touched keep their bytes.
 *
 * only: hakmem
 * env: HAKMEM_CORRUPTION=report
 * stderr: (hakmem: [a-z ]+: pointer 0x[0-9a-f]+, class \w+\n){100,1000}
 */
#include <pthread.h>

#include "tests/preload/check.h"

enum { THREADS = 4, ROUNDS = 2000 };

static void *misbehave(void *number)
{
	unsigned seed = (unsigned)(uintptr_t)number;

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t n = 33 + (i * 37 + seed * 11) % 3000;
		char *kept = malloc(n), *p = malloc(n);

		CHECK(kept && p && kept != p);
		memset(kept, 0, n);
		free(hide(kept + 16));
		free(hide(kept + 8));
		fill(kept, n, i);
		free(p);
		free(hide(p));
		free(hide((char *)&n + 16));
		CHECK(filled(kept, n, i));
		free(kept);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, misbehave, (void *)i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
