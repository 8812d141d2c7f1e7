#include "hakmem-top/opts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct opts opts;
static char why[256];

/* Parses the blank-separated words of `line`. */
static bool parse(const char *line)
{
	static char words[256];
	char *argv[32] = {words}, *word;
	int argc = 0;

	strncpy(words, line, sizeof(words) - 1);
	argv[argc++] = words;
	for (word = strtok(words, " "); word; word = strtok(NULL, " "))
		if (argc < 31)
			argv[argc++] = word;
	argv[argc] = NULL;
	why[0] = '\0';
	return opts_parse(&opts, argc, argv, why, sizeof(why));
}

static void batch_in_all_spellings(void **state)
{
	(void)state;
	assert_true(parse("--batch -n 3 -d 0.5 --json"));
	assert_int_equal(opts.mode, OPTS_BATCH);
	assert_int_equal(opts.count, 3);
	assert_true(opts.interval_s == 0.5);
	assert_int_equal(opts.format, OPTS_JSON);
	assert_true(parse("-bn3 -d2 --text"));
	assert_int_equal(opts.count, 3);
	assert_true(opts.interval_s == 2);
	assert_true(parse("--count=4 --csv"));
	assert_int_equal(opts.mode, OPTS_BATCH);
}

static void export_and_command(void **state)
{
	(void)state;
	assert_true(parse("export --pid 12 --what sizes --format csv -o f"));
	assert_int_equal(opts.mode, OPTS_EXPORT);
	assert_int_equal(opts.pid, 12);
	assert_string_equal(opts.what, "sizes");
	assert_string_equal(opts.output, "f");
	assert_true(parse("--socket /s -- export --pid"));
	assert_int_equal(opts.mode, OPTS_WATCH);
	assert_string_equal(opts.command[0], "export");
	assert_string_equal(opts.command[1], "--pid");
}

static void refusals_say_what_is_wrong(void **state)
{
	static const char *const cases[][2] = {
		{"--nonsense", "unknown option '--nonsense': try --help"},
		{"-bz", "unknown option '-bz': try --help"},
		{"--batch=1", "unknown option '--batch=1': try --help"},
		{"ls", "unexpected argument 'ls': to run a command write: "
		       "hakmem-top -- COMMAND"},
		{"--", "no command behind '--': write: hakmem-top -- COMMAND"},
		{"-d 0", "bad interval '0': want seconds, 0.1 to 3600"},
		{"-d nan", "bad interval 'nan': want seconds, 0.1 to 3600"},
		{"-d 1x", "bad interval '1x': want seconds, 0.1 to 3600"},
		{"-b -n -1", "bad count '-1': want a number from 1"},
		{"-b -n 0", "bad count '0': want a number from 1"},
		{"-b -n", "--count needs N"},
		{"-n 1", "-n belongs to --batch"},
		{"export", "export needs --pid PID"},
		{"export --pid 1", "export needs --what sizes|classes"},
		{"export --pid 1 --what all",
		 "bad --what 'all': want sizes or classes"},
		{"export --pid 1 --what sizes --format xml",
		 "bad --format 'xml': want csv or json"},
		{"export --pid 99999999999 --what sizes",
		 "bad pid '99999999999': want the number of a process"},
		{"--json --csv", "cannot also use format 'csv': one format at "
				 "a time"},
		{"--pid 3", "--pid and --what belong to: hakmem-top export"},
		{"-o f", "--output needs export or a command"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(parse(cases[i][0]));
		assert_string_equal(why, cases[i][1]);
	}
}

static void defaults(void **state)
{
	(void)state;
	assert_true(parse(""));
	assert_int_equal(opts.mode, OPTS_WATCH);
	assert_true(opts.interval_s == 1);
	assert_null(opts.command);
	assert_null(opts.socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batch_in_all_spellings),
		cmocka_unit_test(export_and_command),
		cmocka_unit_test(refusals_say_what_is_wrong),
		cmocka_unit_test(defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
