/*
 * A C program that loads C++ later, with every allocation of it unwound: the
 * exceptions are still libgcc's.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <dlfcn.h>

#include "tests/preload/check.h"

static void must_be_from(const char *name, const char *library)
{
	void *symbol = dlsym(RTLD_DEFAULT, name);
	Dl_info info;

	/* Not there at all, or the right one. */
	if (!symbol)
		return;
	CHECK(dladdr(symbol, &info) != 0);
	CHECK(strstr(info.dli_fname, library));
}

int main(void)
{
	void *plugin;
	int (*throw)(int);

	must_be_from("_Unwind_RaiseException", "libgcc_s");
	plugin = dlopen(plugin_path("throw.so"), RTLD_NOW | RTLD_GLOBAL);
	CHECK(plugin);
	must_be_from("_Unwind_RaiseException", "libgcc_s");
	must_be_from("_Unwind_Resume", "libgcc_s");
	must_be_from("_Unwind_ForcedUnwind", "libgcc_s");
	CHECK(!dlsym(RTLD_DEFAULT, "unw_backtrace"));
	throw = (int (*)(int))dlsym(plugin, "plugin_throw");
	CHECK(throw &&throw(1) == 10);
	CHECK(throw(500) == 5000);
	return 0;
}
