/*
 * malloc_trim gives free memory back at once, whatever the size of the blocks
 * it was used for, and says so.
 */
#include "tests/preload/memory.h"

int main(void)
{
	static const size_t sizes[] = {24,   100,  128,	  1000,
				       1024, 5000, 40000, 1000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		long before = rss_bytes();

		memory_churn(sizes[i]);
		malloc_trim(0);
		CHECK(rss_bytes() - before < (16 << 20));
	}
	return 0;
}
