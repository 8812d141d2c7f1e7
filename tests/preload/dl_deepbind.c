/*
 * A plugin loaded with RTLD_DEEPBIND would bind to libc's malloc and hand out
 * blocks that the host frees: they must come from one heap.
 */
#include <dlfcn.h>

#include "tests/preload/check.h"

int main(void)
{
	void *plugin = dlopen(plugin_path("simple.so"),
			      RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	char *(*text)(size_t);
	void (*release)(void *);

	CHECK(plugin);
	text = (char *(*)(size_t))dlsym(plugin, "plugin_text");
	release = (void (*)(void *))dlsym(plugin, "plugin_release");
	CHECK(text && release);
	for (size_t n = 0; n < 300000; n = n * 2 + 7) {
		char *p = text(n);

		CHECK(strlen(p) == n && malloc_usable_size(p) > n);
		p = realloc(p, n + 1000);
		CHECK(p && (n == 0 || p[n - 1] == 'p'));
		free(p);
		p = malloc(n + 1);
		memset(p, 1, n + 1);
		release(p);
		release(memalign(256, n));
	}
	CHECK(dlclose(plugin) == 0);
	return 0;
}
