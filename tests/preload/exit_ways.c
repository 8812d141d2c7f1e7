/*
 * Every way to end works and is quick, also while other threads allocate.
 *
 * case: return
 * args: return
 * expect: exit 5
 * case: exit-in-thread
 * args: thread
 * expect: exit 5
 * case: _exit
 * args: _exit
 * expect: exit 5
 * case: quick_exit
 * args: quick
 * expect: exit 5
 * case: abort
 * args: abort
 * expect: signal ABRT
 * case: last-thread
 * args: last
 * expect: exit 0
 */
#include <pthread.h>

#include "tests/preload/check.h"

static void *churn(void *unused)
{
	for (unsigned i = 0;; i++) {
		void *p = malloc(i % 5000);

		CHECK(p);
		free(p);
	}
	return unused;
}

static void *leave(void *unused)
{
	exit(5);
	return unused;
}

static void *sleep_a_little(void *unused)
{
	sleep_ms(50);
	free(malloc(100));
	return unused;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "return";
	pthread_t thread;

	alarm(120);
	if (strcmp(how, "last") == 0) {
		CHECK(!pthread_create(&thread, NULL, sleep_a_little, NULL));
		pthread_exit(NULL);
	}
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&thread, NULL, churn, NULL));
	sleep_ms(100);
	if (strcmp(how, "thread") == 0) {
		CHECK(!pthread_create(&thread, NULL, leave, NULL));
		pthread_join(thread, NULL);
	}
	if (strcmp(how, "_exit") == 0)
		_exit(5);
	if (strcmp(how, "quick") == 0)
		quick_exit(5);
	if (strcmp(how, "abort") == 0)
		abort();
	return 5;
}
