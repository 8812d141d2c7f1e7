/*
 * free of a block that was freed a thousand operations ago and since then
 * has gone from the thread to the shared lists. (The default tick: the tiny one
 * of the other tests may have given the whole slab back meanwhile, after which
 * nobody can tell what it was.)
 *
 * only: hakmem
 * env: HAKMEM_TICK_MS=250
 * each: 8 40 64 1000 1024 20000
 * reject: double free
 */
#include "tests/preload/corrupt.h"

enum { BLOCKS = 1000 };

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	static void *blocks[BLOCKS];
	void *p = malloc(n);

	CHECK(p);
	for (int i = 0; i < BLOCKS; i++)
		CHECK((blocks[i] = malloc(n)));
	corrupt_announce(p, n);
	free(p);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	for (int i = 0; i < BLOCKS; i++)
		free(malloc(n * 3 + (size_t)i));
	free(hide(p));
	corrupt_survive(n);
	return 0;
}
