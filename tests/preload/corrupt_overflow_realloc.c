/*
 * realloc of a block whose header was overwritten is reported as free is.
 *
 * only: hakmem
 * each: 40 1000 20000 100000
 * reject: overwritten header
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	char *p = malloc(n), *q;

	CHECK(p);
	corrupt_announce(p, n);
	((char *)hide(p))[-1] = 'U';
	errno = 0;
	q = realloc(p, n * 3);
	CHECK(q == NULL && errno == ENOMEM);
	corrupt_survive(n);
	return 0;
}
