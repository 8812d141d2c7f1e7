/*
 * Threads that run into the limit together: each is refused and goes on.
 *
 * limit: v=204800
 */
#include <pthread.h>

#include "tests/preload/limit.h"

static void *fight(void *number)
{
	size_t n = (size_t)100 << 4 * (uintptr_t)number;

	for (int i = 0; i < 4; i++) {
		void **list;

		CHECK(exhaust(n, &list) >= 0);
		release(list, n);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[4];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], &attr, fight, (void *)i));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
