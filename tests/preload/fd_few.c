/*
 * With 16 descriptors in all, the program gets at least 12 besides the
 * standard ones, the first in order, and the allocator does not mind that
 * none is left.
 *
 * limit: n=16
 */
#include "tests/preload/check.h"

int main(void)
{
	int count = 0, fd;

	for (long end = now_ms() + 300; now_ms() < end;)
		free(malloc(300000));
	while ((fd = open("/dev/null", O_RDONLY)) >= 0) {
		CHECK(count >= 8 || fd == 3 + count);
		count++;
	}
	CHECK(errno == EMFILE && count >= 12);
	for (size_t n = 1; n < 100000000; n *= 3) {
		char *p = malloc(n);

		CHECK(p);
		p[n - 1] = 1;
		free(p);
	}
	return 0;
}
