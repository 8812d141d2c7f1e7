/* calloc's bytes are zero although the heap is full of dirty free blocks. */
#include "tests/preload/check.h"

static void dirty(size_t n)
{
	void *blocks[16];

	for (int i = 0; i < 16; i++) {
		blocks[i] = malloc(n);
		CHECK(blocks[i]);
		memset(blocks[i], 0xEE, malloc_usable_size(blocks[i]));
	}
	for (int i = 0; i < 16; i++)
		free(blocks[i]);
}

static void clean(size_t count, size_t each)
{
	void *blocks[20];

	for (int i = 0; i < 20; i++) {
		blocks[i] = calloc(count, each);
		CHECK(blocks[i] && aligned_to(blocks[i], 16));
		CHECK(all_zero(blocks[i], count * each));
		memset(blocks[i], 0xDD, malloc_usable_size(blocks[i]));
	}
	for (int i = 0; i < 20; i++)
		free(blocks[i]);
}

int main(void)
{
	for (size_t n = 1; n < 70000; n += 1 + n / 16) {
		dirty(n);
		clean(1, n);
		clean(n, 1);
		clean(n / 7 + 1, 7);
	}
	for (size_t n = 100000; n < 3000000; n *= 3) {
		dirty(n);
		clean(1, n);
	}
	for (int round = 0; round < 3; round++) {
		char *huge = calloc(64, 1 << 20);

		CHECK(huge && all_zero(huge, 64 << 20));
		memset(huge, 1, 64 << 20);
		free(huge);
	}
	free(calloc(0, 10));
	free(calloc(10, 0));
	CHECK(calloc(0, 0) != NULL);
	return 0;
}
