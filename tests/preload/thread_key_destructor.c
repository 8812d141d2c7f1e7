/*
 * Destructors of pthread keys allocate and free, in several rounds, also after
 * the allocator's own destructor has run.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/check.h"

enum { KEYS = 64, THREADS = 400 };

static pthread_key_t keys[KEYS];
static atomic_int calls;

static void destroy(void *value)
{
	unsigned char *old = value;
	int round = old[0];
	void *more[20];

	for (int i = 0; i < 20; i++)
		CHECK((more[i] = malloc((size_t)i * 50 + 1)));
	for (int i = 0; i < 20; i++)
		free(more[i]);
	atomic_fetch_add(&calls, 1);
	if (round < 3) {
		unsigned char *next = calloc(1, 100);

		CHECK(next);
		next[0] = (unsigned char)(round + 1);
		next[1] = old[1];
		CHECK(!pthread_setspecific(keys[old[1]], next));
	}
	free(old);
}

static void *live(void *unused)
{
	(void)unused;
	for (int i = 0; i < KEYS; i++) {
		unsigned char *value = malloc(100);

		value[0] = 0;
		value[1] = (unsigned char)i;
		CHECK(!pthread_setspecific(keys[i], value));
	}
	return NULL;
}

int main(void)
{
	long before = rss_bytes();

	for (int i = 0; i < KEYS; i++)
		CHECK(!pthread_key_create(&keys[i], destroy));
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;

		CHECK(!pthread_create(&thread, NULL, live, NULL));
		pthread_join(thread, NULL);
	}
	CHECK(atomic_load(&calls) == KEYS * THREADS * 4);
	CHECK(rss_bytes() - before < (32 << 20));
	return 0;
}
