#include "libhakmem/unwind/paths.h"

#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <link.h>
#include <unistd.h>

static const char *path_of(char *name)
{
	struct link_map map = {.l_name = name};

	return paths_of(&map);
}

static void what_has_no_name_is_the_program(void **unused)
{
	char expected[4096] = {0};
	char none[] = "";

	(void)unused;
	assert_string_equal(path_of(NULL), ""); /* before the start */
	paths_start();
	assert_true(readlink("/proc/self/exe", expected, sizeof(expected) - 1) >
		    0);
	assert_string_equal(path_of(NULL), expected);
	assert_string_equal(path_of(none), expected);
}

static void the_kernels_object_has_a_name_of_its_own(void **unused)
{
	char vdso[] = "linux-vdso.so.1", gate[] = "linux-gate.so.1";

	(void)unused;
	assert_string_equal(path_of(vdso), "[vdso]");
	assert_string_equal(path_of(gate), "[vdso]");
}

static void the_same_path_is_kept_once(void **unused)
{
	char name[] = "/usr/lib/libone.so", longer[] = "/usr/lib/libone.so.1";
	const char *first = path_of(name);

	(void)unused;
	assert_string_equal(first, "/usr/lib/libone.so");
	assert_ptr_not_equal(first, name);
	assert_string_equal(path_of(longer), longer);
	assert_ptr_equal(path_of(name), first);
}

static void a_relative_path_begins_here(void **unused)
{
	char name[] = "plugins/two.so";

	(void)unused;
	assert_int_equal(chdir("/usr"), 0);
	errno = 77;
	assert_string_equal(path_of(name), "/usr/plugins/two.so");
	assert_int_equal(errno, 77);
	assert_int_equal(chdir("/"), 0);
	assert_string_equal(path_of(name), "/plugins/two.so");
}

static void the_end_of_a_long_path_is_kept(void **unused)
{
	static char name[3000];

	(void)unused;
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	memcpy(name + sizeof(name) - 8, "/end.so", 7);
	assert_int_equal(strlen(path_of(name)), PATHS_LONGEST);
	assert_string_equal(path_of(name),
			    name + sizeof(name) - 1 - PATHS_LONGEST);
}

/* Without room the others stay as they are. */
static void there_is_room_for_so_many(void **unused)
{
	static char name[600];
	char first[] = "/usr/lib/libthree.so";
	const char *kept = path_of(first), *last = kept;
	size_t count = 0;

	(void)unused;
	for (; *last && count < 1000; count++) {
		memset(name, 'y', sizeof(name) - 1);
		snprintf(name, sizeof(name), "/%zu", count);
		name[strlen(name)] = '/';
		last = path_of(name);
	}
	assert_in_range(count, 300, PATHS_MOST / 500);
	assert_string_equal(kept, first);
	assert_string_equal(path_of(name), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_no_name_is_the_program),
		cmocka_unit_test(the_kernels_object_has_a_name_of_its_own),
		cmocka_unit_test(the_same_path_is_kept_once),
		cmocka_unit_test(a_relative_path_begins_here),
		cmocka_unit_test(the_end_of_a_long_path_is_kept),
		cmocka_unit_test(there_is_room_for_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
