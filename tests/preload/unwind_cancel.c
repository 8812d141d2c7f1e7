/*
 * A C program cancels threads that wait inside C++: the destructors on their
 * stacks run.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <dlfcn.h>
#include <pthread.h>

#include "tests/preload/check.h"

static void (*plugin_wait)(int *);
static int count;

static void *live(void *unused)
{
	(void)unused;
	plugin_wait(&count);
	return NULL;
}

int main(void)
{
	void *plugin = dlopen(plugin_path("cancel.so"), RTLD_NOW);

	CHECK(plugin);
	plugin_wait = (void (*)(int *))dlsym(plugin, "plugin_wait");
	CHECK(plugin_wait);
	for (int i = 1; i <= 30; i++) {
		pthread_t thread;
		void *result;

		CHECK(!pthread_create(&thread, NULL, live, NULL));
		while (i % 2 && __atomic_load_n(&count, __ATOMIC_ACQUIRE) == 0)
			sleep_ms(1);
		CHECK(!pthread_cancel(thread));
		CHECK(!pthread_join(thread, &result));
		CHECK(result == PTHREAD_CANCELED);
		/* Canceled on its way in, it may not have all of them. */
		CHECK(i % 2 == 0 || count % 10 == 0);
		count = 0;
	}
	return 0;
}
