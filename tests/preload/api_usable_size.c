/* The usable size may be written to its last byte; the neighbors stay. */
#include "tests/preload/check.h"

enum { BLOCKS = 64 };

static void row(size_t n)
{
	void *blocks[BLOCKS];

	for (unsigned i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(n);
		CHECK(blocks[i] && malloc_usable_size(blocks[i]) >= n);
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		fill(blocks[i], malloc_usable_size(blocks[i]), i);
	for (unsigned i = 0; i < BLOCKS; i++)
		CHECK(filled(blocks[i], malloc_usable_size(blocks[i]), i));
	for (unsigned i = 0; i < BLOCKS; i += 2)
		free(blocks[i]);
	for (unsigned i = 1; i < BLOCKS; i += 2) {
		CHECK(filled(blocks[i], malloc_usable_size(blocks[i]), i));
		free(blocks[i]);
	}
}

int main(void)
{
	CHECK(malloc_usable_size(NULL) == 0);
	for (size_t n = 0; n < 70000; n += n < 2100 ? 1 : n / 10)
		row(n);
	row(1 << 20);
	return 0;
}
