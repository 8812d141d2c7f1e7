/*
 * 1,000 threads alive at the same moment, each with a few blocks; they end
 * together and leave nothing behind that a second generation cannot use.
 */
#include <pthread.h>

#include "tests/preload/check.h"

enum { THREADS = 1000, GENERATIONS = 3 };

static pthread_barrier_t all_here;

static void *live(void *unused)
{
	char *p = malloc(100), *q = malloc(5000), *r = malloc(40000);

	(void)unused;
	CHECK(p && q && r);
	memset(p, 1, 100);
	memset(q, 2, 5000);
	memset(r, 3, 40000);
	pthread_barrier_wait(&all_here);
	CHECK(p[99] == 1 && q[4999] == 2 && r[39999] == 3);
	free(p);
	free(q);
	free(r);
	return NULL;
}

int main(void)
{
	static pthread_t threads[THREADS];
	pthread_attr_t attr;
	long before = rss_bytes();

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pthread_barrier_init(&all_here, NULL, THREADS);
	for (int g = 0; g < GENERATIONS; g++) {
		for (int i = 0; i < THREADS; i++)
			CHECK(!pthread_create(&threads[i], &attr, live, NULL));
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	CHECK(rss_bytes() - before < (300 << 20));
	return 0;
}
