/*
 * free of a pointer into a block, whatever byte of the owner's stands before
 * it: each of the 256 is reported and the block stays the owner's.
 *
 * only: hakmem
 * case: 1000
 * args: 1000
 * env: HAKMEM_CORRUPTION=report
 * expect: exit 0
 * stderr: (hakmem: [a-z ]+: pointer {pointer}, class \w+\n){256}
 * case: 1024
 * args: 1024
 * env: HAKMEM_CORRUPTION=report
 * expect: exit 0
 * stderr: (hakmem: [a-z ]+: pointer {pointer}, class \w+\n){256}
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	char *p = malloc(n);

	CHECK(p);
	corrupt_announce_as(p + 64, p, n);
	for (int byte = 0; byte < 256; byte++) {
		memset(p, byte, n);
		free(hide(p + 64));
		for (int i = 0; i < 100; i++)
			CHECK(malloc(n) != p + 64);
		for (size_t i = 0; i < n; i++)
			CHECK(p[i] == (char)byte);
	}
	free(p);
	corrupt_survive(n);
	return 0;
}
