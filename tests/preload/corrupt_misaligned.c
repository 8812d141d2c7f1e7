/*
 * free of a pointer that no allocator could have returned.
 *
 * only: hakmem
 * each: 40 64 1000 1024 20000 100000
 * reject: misaligned pointer
 * class: \S+
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	char *p = malloc(n);

	CHECK(p);
	memset(p, 0, n);
	corrupt_announce_as(p + 8, p, n);
	free(hide(p + 8));
	free(p);
	corrupt_survive(n);
	return 0;
}
