/*
 * Blocks of one thread are freed by another, for millions of blocks: all are
 * intact on arrival, and the heap does not grow.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/preload/check.h"

enum { ROUNDS = 400000, SLOTS = 512, PAIRS = 2 };

struct box {
	_Atomic(unsigned char *) slot[SLOTS];
};
static struct box boxes[PAIRS];

static size_t size_of(unsigned i)
{
	return i % 1000 == 0 ? 50000 : 8 + i * 13 % 900;
}

static void *produce(void *box)
{
	struct box *to = box;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned char *p = malloc(size_of(i));

		CHECK(p);
		memset(p, (int)(i & 255), size_of(i));
		while (atomic_load(&to->slot[i % SLOTS]))
			sched_yield();
		atomic_store(&to->slot[i % SLOTS], p);
	}
	return NULL;
}

static void *consume(void *box)
{
	struct box *from = box;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned char *p;
		size_t n = size_of(i);

		while (!(p = atomic_exchange(&from->slot[i % SLOTS], NULL)))
			sched_yield();
		CHECK(p[0] == (i & 255) && p[n - 1] == (i & 255) &&
		      p[n / 2] == (i & 255));
		free(p);
	}
	return NULL;
}

int main(void)
{
	long before = rss_bytes();
	pthread_t threads[2 * PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		CHECK(!pthread_create(&threads[i], NULL, produce, &boxes[i]));
		CHECK(!pthread_create(&threads[PAIRS + i], NULL, consume,
				      &boxes[i]));
	}
	for (int i = 0; i < 2 * PAIRS; i++)
		pthread_join(threads[i], NULL);
	CHECK(rss_bytes() - before < (64 << 20));
	return 0;
}
