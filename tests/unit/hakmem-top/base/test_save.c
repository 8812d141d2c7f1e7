#include "hakmem-top/base/save.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[64], path[96], why[256];

static int setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/hakmem-save-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/out", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory); /* fails when a temporary file was left */
}

static void expect_content(const char *content)
{
	char data[64] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(data, 1, sizeof(data) - 1, file) == strlen(content));
	fclose(file);
	assert_string_equal(data, content);
}

static void writes_and_replaces(void **state)
{
	struct stat info;

	(void)state;
	assert_int_equal(save_file(path, "old", 3, why, sizeof(why)), 0);
	expect_content("old");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(save_file(path, "newer", 5, why, sizeof(why)), 0);
	expect_content("newer");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0640 & ~umask(022));
}

static void too_large_leaves_the_old_file(void **state)
{
	struct rlimit old, tiny;
	static char large[10000];
	int result;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(save_file(path, "old", 3, why, sizeof(why)), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	tiny = old;
	tiny.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &tiny);
	result = save_file(path, large, sizeof(large), why, sizeof(why));
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(result, -1);
	assert_non_null(strstr(why, "File too large"));
	expect_content("old");
}

static void refuses_all_but_regular_files(void **state)
{
	char target[96];

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(save_file(path, "x", 1, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "not a regular file"));
	unlink(path);
	snprintf(target, sizeof(target), "%s/target", directory);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(save_file(path, "x", 1, why, sizeof(why)), -1);
	assert_int_equal(access(target, F_OK), -1);
	unlink(path);
	assert_int_equal(save_file(directory, "x", 1, why, sizeof(why)), -1);
}

static void names_what_went_wrong(void **state)
{
	(void)state;
	assert_int_equal(save_file("/nowhere/at/all", "x", 1, why, sizeof(why)),
			 -1);
	assert_string_equal(
		why, "cannot write /nowhere/at/all: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_and_replaces, setup,
						teardown),
		cmocka_unit_test_setup_teardown(too_large_leaves_the_old_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_all_but_regular_files,
						setup, teardown),
		cmocka_unit_test(names_what_went_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
