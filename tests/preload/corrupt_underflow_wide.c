/*
 * A write of eight bytes before a large block, its header byte included or
 * not.
 *
 * only: hakmem
 * each: 100000 3000000
 * reject: overwritten header
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	char *p = malloc(n);

	CHECK(p);
	corrupt_announce(p, n);
	memset((char *)hide(p) - 16, 'U', 8);
	free(p);
	corrupt_survive(n);
	return 0;
}
