/*
 * free of a pointer 16 bytes into a block.
 *
 * only: hakmem
 * each: 100 128 1000 1024 4096 20000 100000
 * reject: interior pointer
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	char *p = malloc(n);

	CHECK(p);
	memset(p, 0, n);
	corrupt_announce_as(p + 16, p, n);
	free(hide(p + 16));
	for (size_t i = 0; i < n; i++)
		CHECK(p[i] == 0);
	free(p);
	corrupt_survive(n);
	return 0;
}
