/*
 * malloc inside a callback of dl_iterate_phdr, which holds a lock of the
 * loader, while another thread loads and unloads.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/check.h"

static atomic_int stop;

static int visit(struct dl_phdr_info *info, size_t bytes, void *count)
{
	for (size_t i = 0; i < 10; i++) {
		void *block = malloc(strlen(info->dlpi_name) + bytes + i * 50);

		CHECK(block);
		free(block);
	}
	++*(int *)count;
	return 0;
}

static void *iterate(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		int count = 0;

		dl_iterate_phdr(visit, &count);
		CHECK(count > 2);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[3];
	const char *path = plugin_path("simple.so");

	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&threads[i], NULL, iterate, NULL));
	for (int i = 0; i < 300; i++) {
		void *plugin = dlopen(path, RTLD_NOW);

		CHECK(plugin);
		free(malloc(200));
		CHECK(dlclose(plugin) == 0);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(threads[i], NULL));
	return 0;
}
