#include "hakmem-top/base/opts.h"

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
		{"export --pid 1", "export needs --what sizes|classes|heap"},
		{"export --pid 1 --what all",
		 "bad --what 'all': want sizes, classes or heap"},
		{"export --pid 1 --what sizes --format xml",
		 "bad --format 'xml': want csv, json, pprof, folded, svg"},
		{"export --pid 1 --what sizes --format pprof",
		 "--sample, --diff and --format pprof, folded and svg belong "
		 "to --what heap"},
		{"export --pid 1 --what sizes --sample peak",
		 "--sample, --diff and --format pprof, folded and svg belong "
		 "to --what heap"},
		{"export --pid 1 --what heap --text",
		 "export knows --format csv and json, of the heap also pprof, "
		 "folded and svg"},
		{"export --pid 1 --what heap --sample off",
		 "bad --sample 'off': want inuse, alloc or peak"},
		{"export --pid 1 --what heap --interval-ms 10",
		 "--interval-ms belongs to: hakmem-top set"},
		{"-b --format svg", "--format pprof, folded and svg belong to: "
				    "hakmem-top export"},
		{"mark --pid 1", "mark needs a NAME"},
		{"mark name", "mark needs --pid PID"},
		{"mark --pid 1 a b", "unexpected argument 'b': to run a "
				     "command write: hakmem-top -- COMMAND"},
		{"mark --pid 1 -o f a", "--output needs export or a command"},
		{"set --pid 1", "set needs --sample BYTES|off or "
				"--interval-ms N"},
		{"set --pid 1 --sample 0", "bad --sample '0': want bytes, with "
					   "K, M or G up to 1024G, or off"},
		{"set --pid 1 --sample 2000G",
		 "bad --sample '2000G': want bytes, with K, M or G up to "
		 "1024G, or off"},
		{"set --pid 1 --sample K", "bad --sample 'K': want bytes, with "
					   "K, M or G up to 1024G, or off"},
		{"set --pid 1 --interval-ms 9",
		 "bad --interval-ms '9': want 10 to 3600000"},
		{"set --pid 1 --what heap", "--what belongs to: hakmem-top "
					    "export"},
		{"sites --pid 1 --format folded",
		 "sites knows --text, --json and --csv"},
		{"sites --pid 1 -- ls", "sites takes no command"},
		{"export --pid 99999999999 --what sizes",
		 "bad pid '99999999999': want the number of a process"},
		{"--json --csv", "cannot also use format 'csv': one format at "
				 "a time"},
		{"--pid 3", "--pid belongs to: hakmem-top export sites mark "
			    "set"},
		{"-o f", "--output needs export or a command"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(parse(cases[i][0]));
		assert_string_equal(why, cases[i][1]);
	}
}

static void heap_exports(void **state)
{
	(void)state;
	assert_true(parse("export --pid 1 --what heap --format pprof --sample "
			  "peak --diff before"));
	assert_int_equal(opts.format, OPTS_PPROF);
	assert_string_equal(opts.sample, "peak");
	assert_string_equal(opts.diff, "before");
	assert_true(parse("export --what heap -p1 --format svg"));
	assert_string_equal(opts_format_name(opts.format), "svg");
	assert_true(parse("export --what heap -p1 --format=folded"));
	assert_string_equal(opts_format_name(opts.format), "folded");
}

static void other_verbs(void **state)
{
	(void)state;
	assert_true(parse("mark --pid 7 before"));
	assert_int_equal(opts.mode, OPTS_MARK);
	assert_string_equal(opts.baseline, "before");
	assert_true(parse("set --pid 7 --sample 256k --interval-ms 500"));
	assert_int_equal(opts.mode, OPTS_SET);
	assert_int_equal(opts.sample_bytes, 256 * 1024);
	assert_int_equal(opts.interval_ms, 500);
	assert_false(opts.sampling_off);
	assert_true(parse("set --pid 7 --sample 12345"));
	assert_int_equal(opts.sample_bytes, 12345);
	assert_true(parse("set --pid 7 --sample off"));
	assert_true(opts.sampling_off);
	assert_int_equal(opts.sample_bytes, 0);
	assert_true(parse("sites --pid 7 -n 3 --json"));
	assert_int_equal(opts.mode, OPTS_SITES);
	assert_int_equal(opts.count, 3);
}

static void marks_have_at_most_64_bytes(void **state)
{
	char line[128] = "mark --pid 1 ";

	(void)state;
	memset(line + strlen(line), 'm', OPTS_MARK_MAX);
	assert_true(parse(line));
	strcat(line, "m");
	assert_false(parse(line));
	assert_non_null(strstr(why, "want 1 to 64 bytes"));
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
		cmocka_unit_test(heap_exports),
		cmocka_unit_test(other_verbs),
		cmocka_unit_test(marks_have_at_most_64_bytes),
		cmocka_unit_test(defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
