/*
 * A single-threaded program stays one, streaming or not: libc's own shortcuts
 * depend on it.
 */
#include <sys/single_threaded.h>

#include "tests/preload/check.h"

int main(void)
{
	for (long end = now_ms() + 1500; now_ms() < end;) {
		void *blocks[500];

		for (int i = 0; i < 500; i++)
			CHECK((blocks[i] = malloc((size_t)i * 20)));
		for (int i = 0; i < 500; i++)
			free(blocks[i]);
		CHECK(__libc_single_threaded);
	}
	CHECK(status_number("Threads:") == 1);
	return 0;
}
