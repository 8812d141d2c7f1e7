/*
 * free of a pointer into a block, whatever text, zeros or ones of the owner's
 * stand before it: the block stays the owner's and is not handed out again.
 * In a block without a header no byte at all can pass for one; elsewhere the
 * codes of classes, 0x80 to 0xef, can.
 *
 * only: hakmem
 * case: 1000
 * args: 1000
 * env: HAKMEM_CORRUPTION=report
 * expect: exit 0
 * stderr: (hakmem: [a-z ]+: pointer {pointer}, class \w+\n)*
 * case: 1024
 * args: 1024
 * env: HAKMEM_CORRUPTION=report
 * expect: exit 0
 * stderr: (hakmem: [a-z ]+: pointer {pointer}, class \w+\n)*
 */
#include "tests/preload/corrupt.h"

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv);
	char *p = malloc(n);

	CHECK(p);
	corrupt_announce_as(p + 64, p, n);
	for (int byte = 0; byte < 256; byte++) {
		if (byte >= 0x80 && byte < 0xf0 &&
		    malloc_usable_size(p) % 16 != 0)
			continue;
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
