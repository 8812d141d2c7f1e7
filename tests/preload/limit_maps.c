/*
 * Blocks of every size, freed in random order, do not cut the address space
 * into thousands of mappings (the kernel allows 65,530).
 */
#include "tests/preload/check.h"

enum { BLOCKS = 60000 };

static int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int lines = 0, c;

	CHECK(maps);
	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

int main(void)
{
	static void *blocks[BLOCKS];
	unsigned state = 1;

	for (unsigned i = 0; i < 4 * BLOCKS; i++) {
		size_t n;
		unsigned at;

		state = state * 1664525 + 1013904223;
		at = (state >> 8) % BLOCKS;
		n = (size_t)64 << (state >> 28);
		free(blocks[at]);
		CHECK((blocks[at] = malloc(n + (state >> 20) % n)));
		*(char *)blocks[at] = 1;
	}
	malloc_trim(0);
	CHECK(mappings() < 3000);
	for (unsigned i = 0; i < BLOCKS; i += 2) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
	malloc_trim(0);
	CHECK(mappings() < 30000);
	for (unsigned i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	return 0;
}
