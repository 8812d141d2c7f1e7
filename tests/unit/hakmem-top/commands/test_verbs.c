#include "hakmem-top/commands/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/output.h"

static struct client *client;
static struct opts opts;
static char why[256], what[16], format[16];
static uint32_t pid;

static void answer(const Hakmem__Query *query)
{
	pid = query->pid;
	snprintf(what, sizeof(what), "%s", query->export_what);
	snprintf(format, sizeof(format), "%s", query->export_format);
	if (pid == 7) {
		feeder_error("no such process: 7");
		return;
	}
	feeder_export("low_bytes\n", 10, false);
	feeder_export("16\n", 3, true);
}

static int setup(void **state)
{
	(void)state;
	why[0] = '\0';
	opts = (struct opts){.mode = OPTS_EXPORT,
			     .what = "sizes",
			     .format = OPTS_CSV,
			     .pid = 102};
	if (!feeder_open(answer))
		return -1;
	client = client_new(feeder.path, true);
	return client ? 0 : -1;
}

static int run(void)
{
	return verbs_find(opts.mode)(&opts, client, why, sizeof(why));
}

static int teardown(void **state)
{
	(void)state;
	free(output_end());
	client_free(client);
	feeder_close();
	return 0;
}

static void exports_to_stdout(void **state)
{
	char *text;
	int result;

	(void)state;
	output_catch(1);
	result = run();
	text = output_end();
	assert_int_equal(result, 0);
	assert_string_equal(text, "low_bytes\n16\n");
	assert_string_equal(what, "sizes");
	assert_string_equal(format, "csv");
	assert_int_equal(pid, 102);
	free(text);
}

static void exports_to_a_file(void **state)
{
	char path[128], content[64] = "";
	FILE *file;
	char *text;
	int result;

	(void)state;
	snprintf(path, sizeof(path), "%s/out.json", feeder.directory);
	opts.output = path;
	opts.what = "classes";
	opts.format = OPTS_JSON;
	output_catch(1);
	result = run();
	text = output_end();
	assert_int_equal(result, 0);
	assert_string_equal(text, "");
	assert_string_equal(what, "classes");
	assert_string_equal(format, "json");
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fread(content, 1, 63, file), 13);
	fclose(file);
	unlink(path);
	assert_string_equal(content, "low_bytes\n16\n");
	free(text);
}

static void nothing_is_written_after_an_error(void **state)
{
	char path[128];
	struct stat info;

	(void)state;
	snprintf(path, sizeof(path), "%s/out.csv", feeder.directory);
	opts.output = path;
	opts.pid = 7;
	assert_int_equal(run(), -1);
	assert_string_equal(why, "no such process: 7");
	assert_int_not_equal(stat(path, &info), 0);
}

static void a_file_that_cannot_be_is_told(void **state)
{
	(void)state;
	opts.output = "/nonexistent/out.csv";
	assert_int_equal(run(), -1);
	assert_non_null(strstr(why, "/nonexistent/out.csv"));
	assert_null(strchr(why, '\n'));
}

/* Puts `fd` in the place of stdout for one export. */
static int export_into(int fd)
{
	int result;

	output_catch(1);
	dup2(fd, 1);
	close(fd);
	result = run();
	free(output_end());
	return result;
}

static void a_reader_that_had_enough_is_no_failure(void **state)
{
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as signals_open does */
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(export_into(ends[1]), 0);
	assert_string_equal(why, "");
}

static void a_full_disk_is_one(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(export_into(full), -1);
	assert_string_equal(why,
			    "cannot write to stdout: No space left on device");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(exports_to_stdout),
		TEST(exports_to_a_file),
		TEST(nothing_is_written_after_an_error),
		TEST(a_file_that_cannot_be_is_told),
		TEST(a_reader_that_had_enough_is_no_failure),
		TEST(a_full_disk_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
