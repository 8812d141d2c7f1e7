/*
 * A fork handler that was registered before the allocator's own runs inside
 * it: it may allocate all the same, in the parent and in the child.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

static int handled;

static void allocate(void)
{
	void *blocks[300];

	for (size_t i = 0; i < 300; i++)
		CHECK((blocks[i] = malloc(i * 270)));
	for (size_t i = 0; i < 300; i++)
		free(blocks[i]);
	handled++;
}

static void watch(void)
{
	pthread_atfork(allocate, allocate, allocate);
}

/* Before every constructor of every library. */
__attribute__((section(".preinit_array"),
	       used)) static void (*first)(void) = watch;

static void *churn(void *arg)
{
	for (int i = 0; i < 300; i++)
		free(malloc((size_t)i * 100));
	return arg;
}

int main(void)
{
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		pid_t child;
		int status;

		CHECK(!pthread_create(&thread, NULL, churn, NULL));
		child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			allocate();
			_exit(handled == 2 * i + 3 ? 0 : 1);
		}
		CHECK(waitpid(child, &status, 0) == child && status == 0);
		CHECK(!pthread_join(thread, NULL));
	}
	CHECK(handled == 40);
	return 0;
}
