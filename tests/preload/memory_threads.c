/*
 * What a sleeping or ended thread had freed goes back, too, soon
 * of another thread's activity.
 *
 * only: hakmem
 */
#include <pthread.h>

#include "tests/preload/memory.h"

static pthread_barrier_t filled_up, done;

static void *fill_up(void *stays)
{
	memory_churn(200);
	pthread_barrier_wait(&filled_up);
	if (stays)
		pthread_barrier_wait(&done);
	return NULL;
}

int main(void)
{
	long limit = rss_bytes() + (32 << 20), end;
	pthread_t ends, sleeps;

	pthread_barrier_init(&filled_up, NULL, 3);
	pthread_barrier_init(&done, NULL, 2);
	CHECK(!pthread_create(&ends, NULL, fill_up, NULL));
	CHECK(!pthread_create(&sleeps, NULL, fill_up, &done));
	pthread_barrier_wait(&filled_up);
	pthread_join(ends, NULL);
	for (end = now_ms() + 60000; now_ms() < end && rss_bytes() > limit;) {
		void *blocks[300];

		for (size_t i = 0; i < 300; i++)
			CHECK((blocks[i] = malloc(i * 10)));
		for (size_t i = 0; i < 300; i++)
			free(blocks[i]);
		sleep_ms(1);
	}
	CHECK(rss_bytes() <= limit);
	pthread_barrier_wait(&done);
	pthread_join(sleeps, NULL);
	return 0;
}
