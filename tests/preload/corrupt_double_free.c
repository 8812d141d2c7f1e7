/*
 * free of a block that has just been freed.
 *
 * only: hakmem
 * each: 8 16 40 64 100 1000 1024 4000 4096 20000 100000
 * reject: double free
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	void *p = malloc(n);

	CHECK(p);
	corrupt_announce(p, n);
	free(p);
	free(hide(p));
	corrupt_survive(n);
	return 0;
}
