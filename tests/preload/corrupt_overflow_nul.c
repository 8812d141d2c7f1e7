/*
 * The classic: a string one longer than its block, whose NUL destroys the
 * next block's header.
 *
 * only: hakmem
 * each: 24 40 1000
 * reject: overwritten header
 */
#include "tests/preload/corrupt.h"

enum { BLOCKS = 200 };

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv), usable;
	static char *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		CHECK((blocks[i] = malloc(n)));
	usable = malloc_usable_size(blocks[0]);
	for (int i = 0; i < BLOCKS; i++)
		for (int j = 0; j < BLOCKS; j++)
			if (blocks[j] == blocks[i] + usable + 1) {
				corrupt_announce(blocks[j], n);
				memset(blocks[i], 's', usable);
				blocks[i][usable] = '\0';
				free(blocks[j]);
				corrupt_survive(n);
				return 0;
			}
	return 3;
}
