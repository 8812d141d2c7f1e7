/*
 * A process that allocates next to nothing stays small: the allocator's own
 * start costs less than 2 MiB of resident memory.
 */
#include "tests/preload/check.h"

int main(void)
{
	void *blocks[1000];

	for (size_t i = 0; i < 1000; i++)
		CHECK((blocks[i] = malloc(i)));
	CHECK(status_number("RssAnon:") < 2048);
	for (size_t i = 0; i < 1000; i++)
		free(blocks[i]);
	return 0;
}
