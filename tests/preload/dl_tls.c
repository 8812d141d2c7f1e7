/* A library with 1 KiB of static TLS can still be loaded at run time. */
#include <dlfcn.h>
#include <pthread.h>

#include "tests/preload/check.h"

static int (*tls)(int);

static void *other(void *unused)
{
	CHECK(tls(9) == 0);
	return unused;
}

int main(void)
{
	void *plugin = dlopen(plugin_path("tls.so"), RTLD_NOW);
	pthread_t thread;

	CHECK(plugin);
	tls = (int (*)(int))dlsym(plugin, "plugin_tls");
	CHECK(tls(5) == 0);
	CHECK(!pthread_create(&thread, NULL, other, NULL));
	pthread_join(thread, NULL);
	CHECK(tls(6) == 5);
	return 0;
}
