/*
 * A write of one byte before a block destroys its own header.
 *
 * only: hakmem
 * each: 40 1000 20000 100000
 * reject: overwritten header
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	char *p = malloc(n);

	CHECK(p);
	corrupt_announce(p, n);
	((char *)hide(p))[-1] = 'U';
	free(p);
	corrupt_survive(n);
	return 0;
}
