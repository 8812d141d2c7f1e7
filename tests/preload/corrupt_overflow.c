/*
 * A write of one byte past the usable size destroys the next block's header;
 * free of that neighbor is reported with its class.
 *
 * only: hakmem
 * each: 24 40 100 1000 20000
 * reject: overwritten header
 */
#include "tests/preload/corrupt.h"

enum { BLOCKS = 200 };

int main(int argc, char **argv)
{
	size_t n = corrupt_size(argc, argv), usable;
	static char *blocks[BLOCKS];
	int victim = -1, culprit = -1;

	for (int i = 0; i < BLOCKS; i++)
		CHECK((blocks[i] = malloc(n)));
	usable = malloc_usable_size(blocks[0]);
	CHECK(usable % 16 == 15);
	for (int i = 0; i < BLOCKS && victim < 0; i++)
		for (int j = 0; j < BLOCKS; j++)
			if (blocks[j] == blocks[i] + usable + 1) {
				culprit = i;
				victim = j;
			}
	CHECK(victim >= 0);
	corrupt_announce(blocks[victim], n);
	blocks[culprit][usable] = 'X';
	free(blocks[victim]);
	for (int i = 0; i < BLOCKS; i++)
		if (i != victim)
			free(blocks[i]);
	corrupt_survive(n);
	return 0;
}
