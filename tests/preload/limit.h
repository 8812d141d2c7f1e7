/* Fill what a limit leaves, be refused, give back, and work again. */
#ifndef TESTS_PRELOAD_LIMIT_H
#define TESTS_PRELOAD_LIMIT_H

#include "tests/preload/check.h"

/* Links blocks of n bytes until malloc refuses; the count, or -1 if errno was
 * not ENOMEM. */
static inline long exhaust(size_t n, void ***list)
{
	long count = 0;
	void **block;

	*list = NULL;
	for (errno = 0; (block = malloc(n)); count++) {
		block[0] = *list;
		block[n / sizeof(void *) - 1] = block;
		*list = block;
	}
	return errno == ENOMEM ? count : -1;
}

static inline void release(void **list, size_t n)
{
	while (list) {
		void **next = list[0];

		if (n >= 32)
			CHECK(list[n / sizeof(void *) - 1] == list);
		free(list);
		list = next;
	}
}

/* At least `least` bytes can be had in blocks of n bytes, each time again. */
static inline void refill(size_t n, size_t least)
{
	for (int round = 0; round < 3; round++) {
		void **list;
		long count = exhaust(n, &list);
		void *p;

		CHECK(count > 0);
		CHECK((size_t)count * n >= least);
		errno = 0;
		CHECK(!calloc(1, (size_t)1 << 40) && errno == ENOMEM);
		errno = 0;
		CHECK(!realloc(list, (size_t)1 << 40) && errno == ENOMEM);
		errno = 0;
		CHECK(!memalign(4096, (size_t)1 << 40) && errno == ENOMEM);
		release(list, n);
		p = malloc(n);
		CHECK(p);
		free(p);
		free(malloc(10));
	}
}

#endif
