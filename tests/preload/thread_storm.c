/*
 * 5,000 short-lived threads: what a thread had cached is not lost with it.
 */
#include <pthread.h>

#include "tests/preload/check.h"

enum { THREADS = 5000, AT_ONCE = 20, BLOCKS = 200 };

static void *live(void *number)
{
	void *blocks[BLOCKS];
	unsigned seed = (unsigned)(uintptr_t)number;

	for (unsigned i = 0; i < BLOCKS; i++) {
		size_t n = (seed * 37 + i * 61) % 1500;

		blocks[i] = malloc(n);
		CHECK(blocks[i]);
		fill(blocks[i], n, i);
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		CHECK(filled(blocks[i], (seed * 37 + i * 61) % 1500, i));
		free(blocks[i]);
	}
	return NULL;
}

int main(void)
{
	long before = rss_bytes();
	pthread_t threads[AT_ONCE];

	for (int done = 0; done < THREADS; done += AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++)
			CHECK(!pthread_create(&threads[i], NULL, live,
					      (void *)(uintptr_t)(done + i)));
		for (int i = 0; i < AT_ONCE; i++)
			pthread_join(threads[i], NULL);
	}
	CHECK(rss_bytes() - before < (48 << 20));
	return 0;
}
