#include "proto/path.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char out[PATH_SOCKET_MAX];
static char directory[PATH_MAX];

static const char *path(const char *hakmem_socket, const char *xdg, uid_t uid)
{
	assert_int_equal(path_socket(hakmem_socket, xdg, uid, out), 0);
	return out;
}

static void the_first_that_is_set_wins(void **state)
{
	(void)state;
	assert_string_equal(path("/a/b", "/run/user/7", 7), "/a/b");
	assert_string_equal(path("b", "/run/user/7", 0), "b");
	assert_string_equal(path(NULL, "/run/user/7", 7),
			    "/run/user/7/hakmem/sock");
	assert_string_equal(path(NULL, "/run/user/0", 0),
			    "/run/user/0/hakmem/sock");
	assert_string_equal(path(NULL, NULL, 0), "/run/hakmem/sock");
	assert_string_equal(path(NULL, NULL, 7), "/tmp/hakmem-7/sock");
}

static void empty_is_not_set(void **state)
{
	(void)state;
	assert_string_equal(path("", "/run/user/7", 7),
			    "/run/user/7/hakmem/sock");
	assert_string_equal(path("", "", 0), "/run/hakmem/sock");
	assert_string_equal(path(NULL, "", 1000), "/tmp/hakmem-1000/sock");
}

static void user_ids_are_decimal(void **state)
{
	(void)state;
	assert_string_equal(path(NULL, NULL, 10), "/tmp/hakmem-10/sock");
	assert_string_equal(path(NULL, NULL, (uid_t)UINT32_MAX),
			    "/tmp/hakmem-4294967295/sock");
}

static void longest_path_fits(void **state)
{
	char given[PATH_SOCKET_MAX + 1];

	(void)state;
	memset(given, 'x', sizeof(given));
	given[PATH_SOCKET_MAX - 1] = '\0'; /* 107 bytes and the NUL */
	assert_string_equal(path(given, NULL, 7), given);
	given[PATH_SOCKET_MAX - 1] = 'x';
	given[PATH_SOCKET_MAX] = '\0';
	errno = 0;
	assert_int_equal(path_socket(given, NULL, 7, out), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void what_is_appended_counts(void **state)
{
	char xdg[PATH_SOCKET_MAX];
	size_t room = PATH_SOCKET_MAX - sizeof("/hakmem/sock");

	(void)state;
	memset(xdg, 'x', sizeof(xdg));
	xdg[room] = '\0';
	assert_int_equal(strlen(path(NULL, xdg, 7)), PATH_SOCKET_MAX - 1);
	xdg[room] = 'x';
	xdg[room + 1] = '\0';
	assert_int_equal(path_socket(NULL, xdg, 7, out), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

static int make_directory(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/hakmem-path-XXXXXX",
		 base && *base ? base : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	return chdir(directory);
}

static int remove_directory(void **state)
{
	(void)state;
	return chdir("/") != 0 || rmdir(directory) != 0;
}

static bool trusts(mode_t mode)
{
	assert_int_equal(chmod(directory, mode), 0);
	errno = 0;
	return path_trusted("./sock", geteuid());
}

static void only_the_owner_may_write(void **state)
{
	(void)state;
	assert_true(trusts(0700));
	assert_true(trusts(0755));
	assert_false(trusts(0770));
	assert_int_equal(errno, EPERM);
	assert_false(trusts(0702));
	assert_int_equal(errno, EPERM);
	assert_true(trusts(01777)); /* sticky, as /tmp is */
	assert_true(trusts(0700));
}

static void of_others_only_root_is_trusted(void **state)
{
	uid_t other = geteuid() + 1;

	(void)state;
	assert_true(path_trusted("/sock", other));
	if (geteuid() == 0) {
		assert_int_equal(chown(directory, other, (gid_t)-1), 0);
		assert_true(path_trusted("./sock", other));
		assert_false(path_trusted("./sock", other + 1));
		assert_int_equal(errno, EPERM);
		assert_false(path_trusted("./sock", 0));
		assert_int_equal(chown(directory, 0, (gid_t)-1), 0);
	} else {
		assert_false(path_trusted("./sock", other));
		assert_int_equal(errno, EPERM);
	}
}

static void a_link_is_no_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir("real", 0700), 0);
	assert_int_equal(symlink("real", "link"), 0);
	assert_true(path_trusted("real/sock", geteuid()));
	assert_false(path_trusted("link/sock", geteuid()));
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(unlink("link"), 0);
	assert_int_equal(rmdir("real"), 0);
}

static void the_directory_is_the_one_of_the_socket(void **state)
{
	(void)state;
	assert_true(path_trusted("sock", geteuid())); /* "." */
	assert_true(path_trusted("/sock", geteuid()));
	assert_false(path_trusted("none/sock", geteuid()));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir("open", 0700), 0);
	assert_int_equal(chmod("open", 0777), 0);
	assert_false(path_trusted("open/sock", geteuid()));
	assert_true(path_trusted("open", geteuid()));
	assert_int_equal(rmdir("open"), 0);
}

static void too_long_a_directory_is_refused(void **state)
{
	char given[PATH_SOCKET_MAX + 8];

	(void)state;
	memset(given, 'x', sizeof(given));
	given[sizeof(given) - 3] = '/';
	given[sizeof(given) - 1] = '\0';
	assert_false(path_trusted(given, geteuid()));
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_is_set_wins),
		cmocka_unit_test(empty_is_not_set),
		cmocka_unit_test(user_ids_are_decimal),
		cmocka_unit_test(longest_path_fits),
		cmocka_unit_test(what_is_appended_counts),
		cmocka_unit_test(only_the_owner_may_write),
		cmocka_unit_test(of_others_only_root_is_trusted),
		cmocka_unit_test(a_link_is_no_directory),
		cmocka_unit_test(the_directory_is_the_one_of_the_socket),
		cmocka_unit_test(too_long_a_directory_is_refused),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
