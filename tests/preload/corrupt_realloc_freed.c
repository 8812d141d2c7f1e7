/*
 * realloc of a block that has been freed.
 *
 * only: hakmem
 * each: 16 40 64 1000 1024 20000 100000
 * reject: double free
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	void *p = malloc(n), *q;

	CHECK(p);
	corrupt_announce(p, n);
	free(p);
	errno = 0;
	q = realloc(hide(p), n * 2);
	CHECK(q == NULL && errno == ENOMEM);
	corrupt_survive(n);
	return 0;
}
