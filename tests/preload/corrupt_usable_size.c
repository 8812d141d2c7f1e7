/*
 * malloc_usable_size of what is no block of ours is 0; of a freed one or an
 * interior pointer it is whatever, but never a crash or an abort.
 *
 * only: hakmem
 * stderr: (?s).*
 */
#include "tests/preload/check.h"

int main(void)
{
	static const size_t sizes[] = {40, 64, 1000, 100000, 10000000};
	char local[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *p = malloc(sizes[i]);

		CHECK(p);
		memset(p, 0, sizes[i]);
		malloc_usable_size(hide(p + 16));
		malloc_usable_size(hide(p + 1));
		free(p);
		malloc_usable_size(hide(p));
	}
	CHECK(malloc_usable_size(hide((char *)(((uintptr_t)local + 31) &
					       ~(uintptr_t)15))) == 0);
	CHECK(malloc_usable_size(hide((void *)4096)) == 0);
	return 0;
}
