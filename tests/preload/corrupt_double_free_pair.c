/*
 * a, b, a: the block freed twice is not the one freed last (the pattern that
 * older allocators missed).
 *
 * only: hakmem
 * each: 40 64 1000
 * reject: double free
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	void *a = malloc(n), *b = malloc(n);

	CHECK(a && b);
	corrupt_announce(a, n);
	free(a);
	free(b);
	free(hide(a));
	corrupt_survive(n);
	return 0;
}
