#include "libhakmem/base/conf.h"
#include "proto/path.h"
#include "proto/limits.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <fcntl.h>

static char *entry(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void load(const char *text)
{
	char *environment[] = {entry(text), NULL};

	conf_load(environment);
}

static void assert_defaults(void)
{
	assert_true(conf.stream);
	assert_true(conf.corruption_abort);
	assert_int_equal(conf.interval_ms, 1000);
	assert_int_equal(conf.tick_ms, 250);
	assert_int_equal(conf.sample_bytes, 524288);
	assert_int_equal(conf.histogram_bytes, 16384);
	assert_null(conf.socket);
	assert_null(conf.log);
}

static void assert_refused(const char *text, const char *line)
{
	load(text);
	assert_int_equal(conf.errors, 1);
	assert_string_equal(conf.error[0], line);
	assert_defaults();
}

static void nothing_set_means_defaults(void **state)
{
	char *empty[] = {NULL};

	(void)state;
	conf_load(empty);
	assert_defaults();
	conf_load(NULL);
	assert_defaults();
	assert_null(conf.xdg_runtime_dir);
	assert_int_equal(conf.errors, 0);
}

static void every_variable_is_read(void **state)
{
	char *environment[] = {
		entry("PATH=/bin"),
		entry("HAKMEM_STREAM=off"),
		entry("HAKMEM_SOCKET=/tmp/s"),
		entry("HAKMEM_INTERVAL_MS=10"),
		entry("HAKMEM_SAMPLE=1M"),
		entry("HAKMEM_HISTOGRAM=64k"),
		entry("HAKMEM_CORRUPTION=report"),
		entry("HAKMEM_LOG=/tmp/log"),
		entry("HAKMEM_TICK_MS=3600000"),
		entry("XDG_RUNTIME_DIR=/run/user/1"),
		NULL,
	};

	(void)state;
	conf_load(environment);
	assert_false(conf.stream);
	assert_string_equal(conf.socket, "/tmp/s");
	assert_int_equal(conf.interval_ms, 10);
	assert_int_equal(conf.sample_bytes, 1048576);
	assert_int_equal(conf.histogram_bytes, 65536);
	assert_false(conf.corruption_abort);
	assert_string_equal(conf.log, "/tmp/log");
	assert_int_equal(conf.tick_ms, 3600000);
	assert_string_equal(conf.xdg_runtime_dir, "/run/user/1");
	assert_int_equal(conf.errors, 0);
	/* loading again forgets */
	conf_load(NULL);
	assert_defaults();
	assert_null(conf.xdg_runtime_dir);
}

static void default_words_are_words(void **state)
{
	(void)state;
	load("HAKMEM_STREAM=on");
	assert_defaults();
	load("HAKMEM_CORRUPTION=abort");
	assert_defaults();
	load("HAKMEM_LOG=");
	assert_defaults();
	assert_int_equal(conf.errors, 0);
}

static void sizes_have_suffixes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"HAKMEM_SAMPLE=1", 1},
		{"HAKMEM_SAMPLE=007", 7},
		{"HAKMEM_SAMPLE=4k", 4096},
		{"HAKMEM_SAMPLE=4K", 4096},
		{"HAKMEM_SAMPLE=3m", 3145728},
		{"HAKMEM_SAMPLE=3M", 3145728},
		{"HAKMEM_SAMPLE=2g", 2147483648},
		{"HAKMEM_SAMPLE=2G", 2147483648},
		{"HAKMEM_SAMPLE=1024G", 1099511627776},
		{"HAKMEM_SAMPLE=1099511627776", 1099511627776},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		load(good[i].text);
		assert_int_equal(conf.errors, 0);
		assert_int_equal(conf.sample_bytes, good[i].bytes);
		assert_int_equal(conf.histogram_bytes, 16384);
	}
}

/* 0 turns sampling off; of the stacks: of the histogram, too. */
static void zero_turns_sampling_off(void **state)
{
	char *both[] = {entry("HAKMEM_SAMPLE=0"), entry("HAKMEM_HISTOGRAM=8K"),
			NULL};

	(void)state;
	load("HAKMEM_HISTOGRAM=0");
	assert_int_equal(conf.histogram_bytes, 0);
	assert_int_equal(conf.sample_bytes, 524288);
	conf_load(both);
	assert_int_equal(conf.histogram_bytes, 0);
	assert_int_equal(conf.sample_bytes, 0);
	load("HAKMEM_SAMPLE=0K");
	assert_int_equal(conf.histogram_bytes, 0);
	assert_int_equal(conf.errors, 0);
}

static void bad_sizes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1KB",
		"1KK",
		"K",
		"1T",
		"0x10",
		"1.5M",
		"1,5M",
		"1e3",
		"1025G",
		"1099511627777",
		"1\n",
		"1024g1",
		/* 2^64, and what wraps to 1 and to 0 by a suffix */
		"18446744073709551616",
		"18446744073709551617",
		"18014398509481985K",
		"17179869184G",
		"99999999999999999999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char text[100], line[200];

		snprintf(text, sizeof(text), "HAKMEM_SAMPLE=%s", bad[i]);
		snprintf(line, sizeof(line),
			 "%s: not bytes up to 1024G, or 0; the default is used",
			 text);
		/* what would break the line is not repeated */
		for (char *at = line; *at; at++)
			if (*at == '\n')
				*at = '?';
		assert_refused(text, line);
		snprintf(text, sizeof(text), "HAKMEM_HISTOGRAM=%s", bad[i]);
		load(text);
		assert_int_equal(conf.errors, 1);
		assert_defaults();
	}
}

static void bad_times_are_refused(void **state)
{
	static const char *const bad[] = {"0",
					  "3600001",
					  "-1",
					  "1s",
					  "",
					  "4294967306",
					  "18446744073709551626"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char text[100], line[200];

		snprintf(text, sizeof(text), "HAKMEM_INTERVAL_MS=%s", bad[i]);
		snprintf(line, sizeof(line),
			 "%s: not 10 to 3600000 milliseconds; the default is "
			 "used",
			 text);
		assert_refused(text, line);
		snprintf(text, sizeof(text), "HAKMEM_TICK_MS=%s", bad[i]);
		snprintf(line, sizeof(line),
			 "%s: not 1 to 3600000 milliseconds; the default is "
			 "used",
			 text);
		assert_refused(text, line);
	}
	load("HAKMEM_INTERVAL_MS=9");
	assert_int_equal(conf.errors, 1);
	load("HAKMEM_TICK_MS=1");
	assert_int_equal(conf.errors, 0);
	assert_int_equal(conf.tick_ms, 1);
}

static void bad_words_are_refused(void **state)
{
	(void)state;
	assert_refused("HAKMEM_STREAM=yes", "HAKMEM_STREAM=yes: not on or off; "
					    "the default is used");
	assert_refused("HAKMEM_STREAM=", "HAKMEM_STREAM=: not on or off; the "
					 "default is used");
	assert_refused("HAKMEM_CORRUPTION=Abort",
		       "HAKMEM_CORRUPTION=Abort: not abort or report; the "
		       "default is used");
}

static void every_bad_value_is_noted_once(void **state)
{
	char *environment[] = {
		entry("HAKMEM_STREAM=1"), entry("HAKMEM_INTERVAL_MS=1"),
		entry("HAKMEM_SAMPLE=1"), entry("HAKMEM_TICK_MS="), NULL};

	(void)state;
	for (int i = 0; i < 2; i++) {
		conf_load(environment);
		assert_int_equal(conf.errors, 3);
	}
	assert_int_equal(strncmp(conf.error[0], "HAKMEM_STREAM=", 14), 0);
	assert_int_equal(strncmp(conf.error[2], "HAKMEM_TICK_MS=", 15), 0);
	assert_int_equal(conf.sample_bytes, 1);
}

static void there_is_room_for_so_many_errors(void **state)
{
	char *environment[CONF_ERRORS_MAX + 4];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(environment); i++)
		environment[i] = entry("HAKMEM_STREAM=maybe");
	environment[COUNT_OF(environment) - 1] = NULL;
	conf_load(environment);
	assert_int_equal(conf.errors, CONF_ERRORS_MAX);
}

static void long_values_are_cut_in_the_line(void **state)
{
	char text[1000] = "HAKMEM_STREAM=";

	(void)state;
	memset(text + 14, 'x', sizeof(text) - 15);
	text[sizeof(text) - 1] = '\0';
	load(text);
	assert_int_equal(conf.errors, 1);
	assert_int_equal(strlen(conf.error[0]), CONF_LINE_MAX - 1);
}

static void strange_entries_are_passed_over(void **state)
{
	char *environment[] = {
		entry(""),
		entry("="),
		entry("=x"),
		entry("HAKMEM_STREAM"),
		entry("HAKMEM_"),
		entry("HAKMEM_=off"),
		entry("HAKMEM_STREAMS=off"),
		entry("XHAKMEM_STREAM=off"),
		entry("hakmem_stream=off"),
		entry("HAKMEM_A_NAME_OF_THIRTY_ONE_BYTES_AND_MORE=off"),
		NULL,
	};

	(void)state;
	conf_load(environment);
	assert_defaults();
	assert_int_equal(conf.errors, 0);
}

/* Programs write their title there. */
static void the_environment_may_be_overwritten(void **state)
{
	char text[3][64] = {"HAKMEM_SOCKET=/tmp/s", "HAKMEM_LOG=/tmp/log",
			    "XDG_RUNTIME_DIR=/run/user/7"};
	char *environment[] = {text[0], text[1], text[2], NULL};

	(void)state;
	conf_load(environment);
	memset(text, 0, sizeof(text));
	assert_string_equal(conf.socket, "/tmp/s");
	assert_string_equal(conf.log, "/tmp/log");
	assert_string_equal(conf.xdg_runtime_dir, "/run/user/7");
}

/* Cut, they would be other paths. */
static void what_is_too_long_stays_too_long(void **state)
{
	static char text[3][8192] = {
		"HAKMEM_SOCKET=", "HAKMEM_LOG=", "XDG_RUNTIME_DIR="};
	char *environment[] = {text[0], text[1], text[2], NULL};
	char out[PATH_SOCKET_MAX];

	(void)state;
	for (int i = 0; i < 3; i++)
		memset(strchr(text[i], '=') + 1, '/', 5000);
	conf_load(environment);
	assert_int_not_equal(path_socket(conf.socket, NULL, 0, out), 0);
	assert_int_not_equal(path_socket(NULL, conf.xdg_runtime_dir, 0, out),
			     0);
	assert_int_equal(open(conf.log, O_RDONLY), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

/* --- the table in README.md ----------------------------------------------- */

static const struct {
	const char *name, *values, *standard;
} settings[] = {
#define SETTING(field, kind, name, values, standard, help)                     \
	{name, values, standard},
#include "proto/settings.def"
#undef SETTING
};

/* Lines of the file that begin with `text`. */
static unsigned lines_of(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	char line[1000];
	unsigned found = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		found += strncmp(line, text, strlen(text)) == 0;
	fclose(file);
	return found;
}

static void the_readme_has_every_setting(void **state)
{
	char row[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		int length = snprintf(row, sizeof(row), "| `%s` | %s | ",
				      settings[i].name, settings[i].values);

		if (settings[i].standard)
			snprintf(row + length, sizeof(row) - (size_t)length,
				 "`%s` | ", settings[i].standard);
		assert_int_equal(lines_of("README.md", row), 1);
	}
	assert_int_equal(lines_of("README.md", "| `HAKMEM_"),
			 COUNT_OF(settings));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_set_means_defaults),
		cmocka_unit_test(every_variable_is_read),
		cmocka_unit_test(default_words_are_words),
		cmocka_unit_test(sizes_have_suffixes),
		cmocka_unit_test(zero_turns_sampling_off),
		cmocka_unit_test(bad_sizes_are_refused),
		cmocka_unit_test(bad_times_are_refused),
		cmocka_unit_test(bad_words_are_refused),
		cmocka_unit_test(every_bad_value_is_noted_once),
		cmocka_unit_test(there_is_room_for_so_many_errors),
		cmocka_unit_test(long_values_are_cut_in_the_line),
		cmocka_unit_test(strange_entries_are_passed_over),
		cmocka_unit_test(the_environment_may_be_overwritten),
		cmocka_unit_test(what_is_too_long_stays_too_long),
		cmocka_unit_test(the_readme_has_every_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
