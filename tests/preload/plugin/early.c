/*
 * Preloaded beside the allocator: allocates in its constructor, whichever of
 * the two comes first, and frees it in its destructor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *blocks[200];

__attribute__((constructor(101))) static void begin(void)
{
	for (size_t i = 0; i < 200; i++) {
		blocks[i] = calloc(1, i * 40 + 1);
		if (!blocks[i])
			abort();
		memset(blocks[i], 'b', i * 40 + 1);
	}
}

__attribute__((destructor(101))) static void end(void)
{
	for (size_t i = 0; i < 200; i++) {
		if (blocks[i][i * 40] != 'b')
			abort();
		free(blocks[i]);
	}
	free(malloc(1000000));
}
