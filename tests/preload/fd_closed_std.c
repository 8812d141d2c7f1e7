/*
 * Started with standard input, output and error closed: the numbers 0, 1 and 2
 * stay free for the program, which gets them in order.
 *
 * fds: closed
 */
#include "tests/preload/check.h"

int main(void)
{
	for (long end = now_ms() + 300; now_ms() < end;) {
		void *p = malloc(3000), *q = malloc(300000);

		CHECK(p && q);
		free(p);
		free(q);
	}
	CHECK(open("/dev/null", O_RDWR) == 0);
	CHECK(open("/dev/null", O_RDWR) == 1);
	CHECK(open("/dev/null", O_RDWR) == 2);
	return 0;
}
