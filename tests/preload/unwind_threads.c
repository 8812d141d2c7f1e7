/*
 * Threads of every kind allocate from their first moment on: while they ask
 * for their own attributes, which takes a lock and allocates; on the smallest
 * stack; on one of the program's.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <limits.h>
#include <pthread.h>
#include <threads.h>

#include "tests/preload/check.h"

static __attribute__((noinline)) void *deep(int depth, size_t n)
{
	void *block = depth > 0 ? deep(depth - 1, n) : malloc(n);

	__asm__ volatile("" : "+r"(block));
	return block;
}

static void *live(void *asks)
{
	pthread_attr_t attributes;

	if (asks) {
		CHECK(!pthread_getattr_np(pthread_self(), &attributes));
		CHECK(!pthread_attr_destroy(&attributes));
	}
	for (int i = 0; i < 60; i++)
		free(deep(i % 25, (size_t)i * 10));
	return NULL;
}

static int live_c11(void *unused)
{
	live(unused);
	return 7;
}

static void run(const pthread_attr_t *attributes)
{
	static int asks;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], attributes, live,
				      i % 2 ? &asks : NULL));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

int main(void)
{
	static char memory[65536] __attribute__((aligned(4096)));
	pthread_attr_t small, own;
	pthread_t thread;
	thrd_t other;
	int result;

	CHECK(!pthread_attr_init(&small));
	CHECK(!pthread_attr_setstacksize(
		&small, (size_t)sysconf(_SC_THREAD_STACK_MIN) + 16384));
	CHECK(!pthread_attr_init(&own));
	CHECK(!pthread_attr_setstack(&own, memory, sizeof(memory)));
	for (int i = 0; i < 20; i++) {
		run(NULL);
		run(&small);
		CHECK(!pthread_create(&thread, &own, live, memory));
		CHECK(!pthread_join(thread, NULL));
		CHECK(thrd_create(&other, live_c11, &own) == thrd_success);
		CHECK(thrd_join(other, &result) == thrd_success);
		CHECK(result == 7);
	}
	return 0;
}
