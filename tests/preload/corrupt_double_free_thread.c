/*
 * One thread frees a block, another, which lives on, has freed it before.
 *
 * only: hakmem
 * each: 16 40 64 1000 1024 20000 100000
 * reject: double free
 */
#include <pthread.h>

#include "tests/preload/corrupt.h"

static pthread_barrier_t freed, done;

static void *release(void *p)
{
	free(p);
	pthread_barrier_wait(&freed);
	pthread_barrier_wait(&done);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	void *p = malloc(n);
	pthread_t thread;

	CHECK(p);
	pthread_barrier_init(&freed, NULL, 2);
	pthread_barrier_init(&done, NULL, 2);
	corrupt_announce(p, n);
	CHECK(!pthread_create(&thread, NULL, release, p));
	pthread_barrier_wait(&freed);
	free(hide(p));
	pthread_barrier_wait(&done);
	pthread_join(thread, NULL);
	corrupt_survive(n);
	return 0;
}
