/*
 * A storm of signals while threads allocate: none is lost on a thread that the
 * program does not know, system calls cut short do no harm.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "tests/preload/check.h"

enum { THREADS = 3 };
static atomic_int ticks, strangers, started, stop;
static __thread int ours;

static void on_tick(int signal)
{
	(void)signal;
	atomic_fetch_add(&ticks, 1);
	if (!ours)
		atomic_fetch_add(&strangers, 1);
}

static void *churn(void *unused)
{
	void *blocks[300];

	(void)unused;
	ours = 1;
	atomic_fetch_add(&started, 1);
	while (!atomic_load(&stop)) {
		for (size_t i = 0; i < 300; i++)
			CHECK((blocks[i] = malloc(i * i)));
		for (size_t i = 0; i < 300; i++)
			free(blocks[i]);
		free(malloc(3000000));
	}
	return NULL;
}

int main(void)
{
	struct itimerval every = {{0, 500}, {0, 500}};
	struct sigaction action = {.sa_handler = on_tick};
	pthread_t threads[THREADS];

	ours = 1;
	CHECK(!sigaction(SIGPROF, &action, NULL));
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
	while (atomic_load(&started) < THREADS)
		sleep_ms(1);
	CHECK(!setitimer(ITIMER_PROF, &every, NULL));
	while (atomic_load(&ticks) < 300)
		sleep_ms(1);
	every.it_value.tv_usec = 0;
	CHECK(!setitimer(ITIMER_PROF, &every, NULL));
	atomic_store(&stop, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(atomic_load(&strangers) == 0);
	return 0;
}
