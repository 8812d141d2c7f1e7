/*
 * A C program that loads C++ later: exceptions and the destructors on the way
 * work, at their normal speed (an unwinder that takes over libgcc's makes a
 * throw some thirty times dearer).
 */
#include <dlfcn.h>

#include "tests/preload/check.h"

int main(void)
{
	void *plugin = dlopen(plugin_path("throw.so"), RTLD_NOW);
	int (*throw)(int);
	clock_t begin;

	CHECK(plugin);
	throw = (int (*)(int))dlsym(plugin, "plugin_throw");
	CHECK(throw &&throw(1) == 10);
	begin = clock();
	CHECK(throw(2000) == 20000);
	CHECK(clock() - begin < 300 * (CLOCKS_PER_SEC / 1000));
	return 0;
}
