/*
 * A realloc to a size that the block already offers does not move it, so a
 * loop of small growths is not a loop of copies.
 */
#include "tests/preload/check.h"

int main(void)
{
	for (size_t n = 1; n < 100000; n += n / 5 + 1) {
		char *p = malloc(n);
		uintptr_t was = (uintptr_t)p;
		char *q = realloc(p, malloc_usable_size(p));

		CHECK((uintptr_t)q == was);
		q = realloc(q, n);
		CHECK((uintptr_t)q == was);
		free(q);
	}
	return 0;
}
