/*
 * free of an aligned block that has just been freed.
 *
 * only: hakmem
 * each: 40 64 1000 20000 100000
 * reject: (double free|interior pointer)
 * class: \S+
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	void *p = memalign(256, n);

	CHECK(p);
	corrupt_announce(p, n);
	free(p);
	free(hide(p));
	corrupt_survive(n);
	return 0;
}
