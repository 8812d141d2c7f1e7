/* Fill the heap with dirty blocks and free all of them. */
#ifndef TESTS_PRELOAD_MEMORY_H
#define TESTS_PRELOAD_MEMORY_H

#include "tests/preload/check.h"

#define MEMORY_BYTES ((size_t)128 << 20)

/* Allocates MEMORY_BYTES in dirty blocks of n bytes and frees them in random
 * order. */
static void memory_churn(size_t n)
{
	size_t count = MEMORY_BYTES / n;
	void **blocks = malloc(count * sizeof(void *));
	unsigned long state = 1;

	CHECK(blocks);
	for (size_t i = 0; i < count; i++) {
		CHECK((blocks[i] = malloc(n)));
		memset(blocks[i], 1, n);
	}
	for (size_t i = count; i > 0; i--) {
		size_t at;

		state = state * 6364136223846793005UL + 1442695040888963407UL;
		at = (state >> 33) % i;
		free(blocks[at]);
		blocks[at] = blocks[i - 1];
	}
	free(blocks);
}

#endif
