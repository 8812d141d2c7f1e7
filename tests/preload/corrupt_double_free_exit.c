/*
 * One thread frees a block and ends; then another frees it again. (The default
 * tick: see corrupt_double_free_late.)
 *
 * only: hakmem
 * env: HAKMEM_TICK_MS=250
 * each: 40 64 1000 1024
 * reject: double free
 */
#include <pthread.h>

#include "tests/preload/corrupt.h"

static void *release(void *p)
{
	free(p);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	void *p = malloc(n);
	pthread_t thread;

	CHECK(p);
	corrupt_announce(p, n);
	CHECK(!pthread_create(&thread, NULL, release, p));
	pthread_join(thread, NULL);
	free(hide(p));
	corrupt_survive(n);
	return 0;
}
