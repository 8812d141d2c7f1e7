/*
 * One plugin after another at the same address, each allocating through a few
 * of its own frames: whatever is remembered of the one before is of no use.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <dlfcn.h>

#include "tests/preload/check.h"

int main(void)
{
	static const char *const names[] = {"deep_a.so", "deep_b.so"};
	void *(*before)(int, size_t) = NULL;
	int same = 0;

	for (int i = 0; i < 300; i++) {
		void *plugin = dlopen(plugin_path(names[i % 2]), RTLD_NOW);
		void *(*deep)(int, size_t);

		CHECK(plugin);
		deep = (void *(*)(int, size_t))dlsym(plugin, "plugin_deep");
		CHECK(deep);
		same += deep == before;
		before = deep;
		for (int j = 0; j < 20; j++) {
			void *block = deep(j % 12, (size_t)j * 37);

			CHECK(block);
			free(block);
		}
		CHECK(dlclose(plugin) == 0);
	}
	/* Else this shows nothing. */
	CHECK(same > 0);
	return 0;
}
