/*
 * dlopen and dlclose again and again while other threads allocate; the
 * plugin's constructor and destructor allocate, too.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/check.h"

static atomic_int stop;

static void *churn(void *unused)
{
	(void)unused;
	for (unsigned i = 0; !atomic_load(&stop); i++) {
		void *p = malloc(i * 7 % 3000), *q = malloc(50);

		CHECK(p && q);
		free(p);
		free(q);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[2];
	const char *path = plugin_path("simple.so");

	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
	for (int i = 0; i < 400; i++) {
		void *plugin = dlopen(path, i % 2 ? RTLD_NOW : RTLD_LAZY);
		char *(*text)(size_t);
		char *p;

		CHECK(plugin);
		text = (char *(*)(size_t))dlsym(plugin, "plugin_text");
		CHECK(text);
		p = text((size_t)i * 10);
		CHECK(strlen(p) == (size_t)i * 10);
		CHECK(dlclose(plugin) == 0);
		free(p);
		CHECK(!dlopen("/nonexistent/plugin.so", RTLD_NOW));
		CHECK(dlerror());
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
