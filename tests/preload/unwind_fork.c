/*
 * Forks while other threads allocate at various depths: no child finds a lock
 * taken for ever, and each can allocate, make threads and fork again.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

static atomic_int stop;

/* Ever new stacks, which cannot be told from memory. */
static __attribute__((noinline)) void *deep(int depth, unsigned way, size_t n)
{
	void *block;

	if (depth == 0)
		block = malloc(n);
	else if (way & 1)
		block = deep(depth - 1, way >> 1, n);
	else
		block = deep(depth - 1, way >> 1 | way << 31, n);
	__asm__ volatile("" : "+r"(block));
	return block;
}

static void *churn(void *unused)
{
	(void)unused;
	for (unsigned i = 0; !atomic_load(&stop); i++)
		free(deep((int)(i * 7 % 60), i * 2654435761u, i % 900));
	return NULL;
}

static void *few(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < 50; i++)
		free(deep((int)i % 20, i * 2654435761u, 300));
	return NULL;
}

static void live(int generation)
{
	pthread_t thread;
	int status;
	pid_t pid;

	few(NULL);
	CHECK(!pthread_create(&thread, NULL, few, NULL));
	CHECK(!pthread_join(thread, NULL));
	if (generation == 0)
		return;
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		live(generation - 1);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			alarm(120);
			live(1);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(status == 0);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(threads[i], NULL));
	return 0;
}
