/*
 * An empty environment (no HOME, no PATH) and a current directory in which
 * nothing can be created.
 *
 * env: -
 * cwd: /proc
 */
#include "tests/preload/check.h"

int main(void)
{
	CHECK(!getenv("HOME"));
	for (size_t n = 1; n < 100000000; n = n * 3 + 1) {
		char *p = calloc(1, n);

		CHECK(p);
		p = realloc(p, n * 2);
		CHECK(p && p[n - 1] == 0);
		free(p);
	}
	clearenv();
	for (long end = now_ms() + 300; now_ms() < end;)
		free(malloc(1000));
	return 0;
}
