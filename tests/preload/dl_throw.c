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
	long begin;

	CHECK(plugin);
	throw = (int (*)(int))dlsym(plugin, "plugin_throw");
	CHECK(throw &&throw(1) == 10);
	begin = now_ms();
	CHECK(throw(2000) == 20000);
	CHECK(now_ms() - begin < 300);
	return 0;
}
