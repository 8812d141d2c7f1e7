/*
 * Free memory goes back to the system by itself, soon, with some
 * activity: a little allocating here and there is enough.
 *
 * only: hakmem
 */
#include "tests/preload/memory.h"

static long after_activity(long limit)
{
	long end = now_ms() + 60000, now = 0;

	while (now_ms() < end && (now = rss_bytes()) > limit) {
		void *blocks[300];

		for (size_t i = 0; i < 300; i++)
			CHECK((blocks[i] = malloc(i * 10)));
		for (size_t i = 0; i < 300; i++)
			free(blocks[i]);
		sleep_ms(1);
	}
	return now;
}

int main(void)
{
	static const size_t sizes[] = {100, 1024, 5000, 100000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		long limit = rss_bytes() + (24 << 20);

		memory_churn(sizes[i]);
		CHECK(after_activity(limit) <= limit);
	}
	return 0;
}
