/*
 * malloc and free are no cancellation points: a thread with a cancel pending
 * passes through all of their paths; the cleanup handler then frees.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/preload/check.h"

static atomic_int passed, cleaned;
static sem_t started, canceled;

static void clean(void *block)
{
	free(block);
	free(malloc(1000));
	atomic_fetch_add(&cleaned, 1);
}

static void paths(void)
{
	static const size_t sizes[] = {1,     100,    1024,    5000,
				       40000, 200000, 5000000, 80000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void *p[40];
		int count = sizes[i] > 1000000 ? 2 : 40;

		for (int j = 0; j < count; j++)
			CHECK((p[j] = malloc(sizes[i])));
		for (int j = 0; j < count; j++)
			CHECK((p[j] = realloc(p[j], sizes[i] * 2)));
		for (int j = 0; j < count; j++)
			free(p[j]);
		free(calloc(1, sizes[i]));
		free(memalign(4096, sizes[i]));
	}
	malloc_trim(0);
	mallinfo2();
}

static void *live(void *unused)
{
	void *block = malloc(100);

	(void)unused;
	pthread_cleanup_push(clean, block);
	sem_post(&started);
	while (sem_trywait(&canceled) != 0)
		;
	paths();
	atomic_fetch_add(&passed, 1);
	pthread_testcancel();
	CHECK(!"canceled");
	pthread_cleanup_pop(0);
	return NULL;
}

int main(void)
{
	enum { THREADS = 30 };

	sem_init(&started, 0, 0);
	sem_init(&canceled, 0, 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;
		void *result;

		CHECK(!pthread_create(&thread, NULL, live, NULL));
		sem_wait(&started);
		CHECK(!pthread_cancel(thread));
		sem_post(&canceled);
		CHECK(!pthread_join(thread, &result));
		CHECK(result == PTHREAD_CANCELED);
		CHECK(atomic_load(&passed) == i + 1);
		CHECK(atomic_load(&cleaned) == i + 1);
	}
	return 0;
}
