/*
 * Threads allocate through a plugin that they load and unload themselves, all
 * at once; others only allocate.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/check.h"

static atomic_int stop;
static char path[2][4096];

static void *load(void *which)
{
	for (int i = 0; i < 150; i++) {
		void *plugin = dlopen(path[(size_t)which], RTLD_NOW);
		void *(*deep)(int, size_t);

		CHECK(plugin);
		deep = (void *(*)(int, size_t))dlsym(plugin, "plugin_deep");
		CHECK(deep);
		for (int j = 0; j < 20; j++)
			free(deep(j, (size_t)j * 30));
		CHECK(dlclose(plugin) == 0);
	}
	return NULL;
}

static void *churn(void *unused)
{
	(void)unused;
	for (unsigned i = 0; !atomic_load(&stop); i++)
		free(malloc(i * 7 % 3000));
	return NULL;
}

int main(void)
{
	pthread_t loaders[4], other;

	strcpy(path[0], plugin_path("deep_a.so"));
	strcpy(path[1], plugin_path("deep_b.so"));
	CHECK(!pthread_create(&other, NULL, churn, NULL));
	for (size_t i = 0; i < 4; i++)
		CHECK(!pthread_create(&loaders[i], NULL, load,
				      (void *)(i % 2)));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(loaders[i], NULL));
	atomic_store(&stop, 1);
	CHECK(!pthread_join(other, NULL));
	return 0;
}
