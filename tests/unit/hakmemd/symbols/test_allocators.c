#include "hakmemd/symbols/allocators.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void who_allocates_for_others_is_known(void **state)
{
	static const char *const yes[] = {
		"malloc",
		"calloc",
		"strdup",
		"operator new(unsigned long)",
		"operator new[](unsigned long, std::align_val_t)",
		"g_malloc0",
		"xmalloc",
		"__rust_alloc",
		"zmalloc",
		"std::vector<int, std::allocator<int> >::push_back(int&&)"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!allocators_function(yes[i]))
			fail_msg("%s", yes[i]);
}

static void who_allocates_for_itself_is_not(void **state)
{
	static const char *const no[] = {"main",
					 "mallocate",
					 "my_malloc",
					 "strdupa",
					 "",
					 "new_keys_object",
					 "std::sort<int*>(int*, int*)"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (allocators_function(no[i]))
			fail_msg("%s", no[i]);
}

static void our_library_is_known_by_its_name(void **state)
{
	(void)state;
	assert_true(allocators_module("/usr/lib/hakmem/libhakmem.so"));
	assert_true(allocators_module("libhakmem.so"));
	assert_false(allocators_module("/usr/lib/libhakmem.so.d/other.so"));
	assert_false(allocators_module("/usr/lib/libc.so.6"));
	assert_false(allocators_module(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_allocates_for_others_is_known),
		cmocka_unit_test(who_allocates_for_itself_is_not),
		cmocka_unit_test(our_library_is_known_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
