/*
 * For the programs that corrupt the heap on purpose. Each announces pointer
 * and class on stdout, then does the wrong thing once; tests/run puts what was
 * announced into the line that it expects on stderr.
 */
#ifndef TESTS_PRELOAD_CORRUPT_H
#define TESTS_PRELOAD_CORRUPT_H

#include "tests/preload/check.h"

#define CORRUPT_LARGE 40000 /* from here on a block is of the large class */

static inline size_t corrupt_size(int argc, char **argv)
{
	return argc > 1 ? strtoul(argv[1], NULL, 0) : 40;
}

/* Announces `ptr`, which need not be a block, and the class of `block`. */
static inline void corrupt_announce_as(void *ptr, void *block, size_t n)
{
	if (n >= CORRUPT_LARGE)
		announce("large", ptr, 0);
	else
		announce("", ptr, malloc_usable_size(block));
}

static inline void corrupt_announce(void *ptr, size_t n)
{
	corrupt_announce_as(ptr, ptr, n);
}

/* After the fault, in report mode: the heap still works and nobody gets the
 * same block twice. */
static inline void corrupt_survive(size_t n)
{
	enum { BLOCKS = 300 };
	static void *blocks[BLOCKS];
	/* as many as 30 MB hold */
	size_t room = 30000000 / n, most = room < BLOCKS ? room : BLOCKS;
	unsigned count = most < 3 ? 3 : (unsigned)most;

	for (unsigned i = 0; i < count; i++) {
		CHECK((blocks[i] = malloc(n)));
		fill(blocks[i], n, i);
	}
	for (unsigned i = 0; i < count; i++)
		CHECK(filled(blocks[i], n, i));
	for (unsigned i = 0; i < count; i++)
		free(blocks[i]);
}

#endif
