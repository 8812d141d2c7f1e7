#include "libhakmem/base/report.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static char caught[2048];

/* What `body` writes to descriptor 2. */
static const char *catch_stderr(void (*body)(void))
{
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t got;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	body();
	dup2(old, STDERR_FILENO);
	close(old);
	got = read(ends[0], caught, sizeof(caught) - 1);
	close(ends[0]);
	assert_true(got >= 0);
	caught[got] = '\0';
	return caught;
}

static const char *file_text(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, caught, sizeof(caught) - 1);
	close(fd);
	assert_true(got >= 0);
	caught[got] = '\0';
	return caught;
}

static void say_small(void)
{
	report_corruption(REJECT_DOUBLE_FREE, (void *)0x7f12345678f0, 48, true,
			  NULL);
}

static void say_unknown(void)
{
	report_corruption(REJECT_FOREIGN, NULL, REPORT_CLASS_UNKNOWN, false,
			  NULL);
}

static void say_large(void)
{
	report_corruption(REJECT_OVERWRITTEN_HEADER, (void *)UINTPTR_MAX,
			  REPORT_CLASS_LARGE, true, NULL);
}

static void say_each_kind(void)
{
	for (int kind = 0; kind < REJECT_KINDS; kind++)
		report_corruption((enum reject_kind)kind, (void *)0x10, 16,
				  false, NULL);
}

static void lines_are_exact(void **state)
{
	(void)state;
	assert_string_equal(catch_stderr(say_small),
			    "hakmem: double free: pointer 0x7f12345678f0, "
			    "class 48 (HAKMEM_CORRUPTION=report carries on)\n");
	assert_string_equal(catch_stderr(say_unknown),
			    "hakmem: foreign pointer: pointer 0x0, class "
			    "unknown\n");
	assert_string_equal(catch_stderr(say_large),
			    "hakmem: overwritten header: pointer "
			    "0xffffffffffffffff, class large "
			    "(HAKMEM_CORRUPTION=report carries on)\n");
}

static void every_kind_has_its_line(void **state)
{
	(void)state;
	assert_string_equal(
		catch_stderr(say_each_kind),
		"hakmem: double free: pointer 0x10, class 16\n"
		"hakmem: overwritten header: pointer 0x10, class 16\n"
		"hakmem: unknown code: pointer 0x10, class 16\n"
		"hakmem: interior pointer: pointer 0x10, class 16\n"
		"hakmem: misaligned pointer: pointer 0x10, class 16\n"
		"hakmem: foreign pointer: pointer 0x10, class 16\n");
}

static char log_path[64];

static void say_to_log(void)
{
	errno = 77;
	report_corruption(REJECT_INTERIOR, (void *)0x30, 64, false, log_path);
	report_log(log_path, "HAKMEM_TICK_MS=0: not 1 to 3600000");
	assert_int_equal(errno, 77);
}

static void the_log_is_private_and_appended_to(void **state)
{
	static const char both[] =
		"hakmem: interior pointer: pointer 0x30, class 64\n"
		"hakmem: HAKMEM_TICK_MS=0: not 1 to 3600000\n";
	char twice[2 * sizeof(both)];
	struct stat info;

	(void)state;
	snprintf(log_path, sizeof(log_path), "/tmp/hakmem-unit-%d.log",
		 (int)getpid());
	unlink(log_path);
	assert_string_equal(catch_stderr(say_to_log),
			    "hakmem: interior pointer: pointer 0x30, class "
			    "64\n");
	assert_string_equal(file_text(log_path), both);
	assert_int_equal(stat(log_path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	catch_stderr(say_to_log);
	snprintf(twice, sizeof(twice), "%s%s", both, both);
	assert_string_equal(file_text(log_path), twice);
	unlink(log_path);
}

static void the_log_follows_no_link(void **state)
{
	char link_path[80], target[80];

	(void)state;
	snprintf(link_path, sizeof(link_path), "/tmp/hakmem-unit-%d.link",
		 (int)getpid());
	snprintf(target, sizeof(target), "/tmp/hakmem-unit-%d.target",
		 (int)getpid());
	assert_int_equal(symlink(target, link_path), 0);
	report_log(link_path, "text");
	assert_int_equal(access(target, F_OK), -1);
	unlink(link_path);
}

static char long_text[1000];

static void say_long(void)
{
	report_log(log_path, long_text);
}

static void a_long_text_is_cut(void **state)
{
	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	assert_string_equal(catch_stderr(say_long), "");
	file_text(log_path);
	assert_true(strlen(caught) <= 256);
	assert_int_equal(strncmp(caught, "hakmem: xxx", 11), 0);
	unlink(log_path);
}

static void a_closed_stderr_does_no_harm(void **state)
{
	int old = dup(STDERR_FILENO), kept;

	(void)state;
	close(STDERR_FILENO);
	errno = 77;
	say_small();
	kept = errno;
	dup2(old, STDERR_FILENO);
	close(old);
	assert_int_equal(kept, 77);
	errno = 77;
	report_log("/nonexistent/directory/log", "text");
	assert_int_equal(errno, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_exact),
		cmocka_unit_test(every_kind_has_its_line),
		cmocka_unit_test(the_log_is_private_and_appended_to),
		cmocka_unit_test(the_log_follows_no_link),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(a_closed_stderr_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
