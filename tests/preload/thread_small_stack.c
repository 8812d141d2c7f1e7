/*
 * Threads with the smallest stack there is, 16 KiB, go through every path of
 * the allocator, the slow ones included.
 */
#include <limits.h>
#include <pthread.h>

#include "tests/preload/check.h"

static void *live(void *unused)
{
	(void)unused;
	for (size_t n = 1; n < 100000000; n = n * 2 + 1) {
		char *p = malloc(n);

		CHECK(p);
		p[0] = p[n - 1] = 1;
		p = realloc(p, n + n / 2 + 1);
		CHECK(p && p[0] == 1 && p[n - 1] == 1);
		free(p);
		p = calloc(1, n);
		CHECK(p && p[n - 1] == 0);
		free(p);
		p = memalign(8192, n);
		CHECK(p);
		p[n - 1] = 1;
		free(p);
	}
	malloc_trim(0);
	mallinfo2();
	return NULL;
}

int main(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	CHECK(!pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN));
	for (int i = 0; i < 20; i++) {
		pthread_t threads[4];

		for (int j = 0; j < 4; j++)
			CHECK(!pthread_create(&threads[j], &attr, live, NULL));
		for (int j = 0; j < 4; j++)
			pthread_join(threads[j], NULL);
	}
	return 0;
}
