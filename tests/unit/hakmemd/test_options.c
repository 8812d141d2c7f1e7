#include "hakmemd/options.h"

#include "tests/unit/hakmemd/harness.h"

static struct options options;
static const char *said;

/* Words with the program's name first, ended by NULL. */
static bool parse(const char *const *given)
{
	static char words[16][64];
	char *list[16];
	struct capture capture;
	int count = 0;
	bool good;

	for (; given[count]; count++)
		list[count] = strcpy(words[count], given[count]);
	memset(&options, 0xff, sizeof(options)); /* nothing is left as it was */
	capture_begin(&capture, STDERR_FILENO);
	good = options_parse(&options, count, list);
	said = capture_end(&capture);
	return good;
}

#define PARSE(...) parse((const char *[]){"hakmemd", ##__VA_ARGS__, NULL})

static void without_words_the_defaults_hold(void **state)
{
	(void)state;
	assert_true(PARSE());
	assert_null(options.socket);
	assert_false(options.detach);
	assert_false(options.help);
	assert_false(options.version);
	assert_false(options.debuginfod);
	assert_true(options.idle_seconds == 0);
	assert_true(options.retain_seconds == 600);
	assert_string_equal(said, "");
}

static void every_option_is_taken(void **state)
{
	(void)state;
	assert_true(PARSE("--socket", "/a b", "--daemon", "--idle-exit", "5",
			  "--retain", "0", "--version", "--debuginfod",
			  "--help"));
	assert_string_equal(options.socket, "/a b");
	assert_true(options.detach);
	assert_true(options.help);
	assert_true(options.version);
	assert_true(options.debuginfod);
	assert_true(options.idle_seconds == 5);
	assert_true(options.retain_seconds == 0);
	assert_string_equal(said, "");
}

static void a_value_may_follow_an_equals_sign(void **state)
{
	(void)state;
	assert_true(PARSE("--socket=/x=y", "--retain=77", "--idle-exit=1"));
	assert_string_equal(options.socket, "/x=y");
	assert_true(options.retain_seconds == 77);
	assert_true(options.idle_seconds == 1);
}

static void the_last_word_counts(void **state)
{
	(void)state;
	assert_true(PARSE("--daemon", "--foreground", "--retain", "1",
			  "--retain", "2"));
	assert_false(options.detach);
	assert_true(options.retain_seconds == 2);
}

/* What looks like an option is a value where one is due. */
static void a_value_is_whatever_comes_next(void **state)
{
	(void)state;
	assert_true(PARSE("--socket", "--daemon"));
	assert_string_equal(options.socket, "--daemon");
	assert_false(options.detach);
}

static void refused(const char *const *words, const char *line)
{
	assert_false(parse(words));
	assert_string_equal(said, line);
}

#define REFUSED(text, ...)                                                     \
	refused((const char *[]){"hakmemd", __VA_ARGS__, NULL},                \
		"hakmemd: " text " (see hakmemd --help)\n")

static void one_line_names_what_was_wrong(void **state)
{
	(void)state;
	REFUSED("unknown option 'x'", "x");
	REFUSED("unknown option ''", "");
	REFUSED("unknown option '--sock'", "--sock", "/x");
	REFUSED("unknown option '--sockets=1'", "--sockets=1");
	REFUSED("--socket needs PATH", "--socket");
	REFUSED("--retain needs SECONDS", "--daemon", "--retain");
	REFUSED("--daemon takes no value", "--daemon=1");
	REFUSED("--help takes no value", "--help=");
	REFUSED("--socket: '' is no good value", "--socket=");
	REFUSED("--socket: '' is no good value", "--socket", "");
	REFUSED("--idle-exit: '0' is no good value", "--idle-exit", "0");
	REFUSED("unknown option 'y'", "--daemon", "y", "--zzz");
}

static void seconds_are_whole_and_bounded(void **state)
{
	static const char *const bad[] = {
		"",    "-1",  "+1",	    " 1",
		"1 ",  "1s",  "0x10",	    "1.5",
		"1e3", "ten", "3153600001", "18446744073709551617"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(PARSE("--retain", bad[i]));
		assert_false(PARSE("--idle-exit", bad[i]));
		assert_non_null(strstr(said, "is no good value"));
	}
	assert_true(PARSE("--retain", "3153600000")); /* 100 years */
	assert_true(options.retain_seconds == 3153600000);
	assert_true(PARSE("--retain", "007"));
	assert_true(options.retain_seconds == 7);
}

static void the_help_shows_every_option(void **state)
{
	static const char *const names[] = {
		"--socket PATH",    "--foreground",
		"--daemon",	    "--idle-exit SECONDS",
		"--retain SECONDS", "--version",
		"--debuginfod",	    "--help"};
	struct capture capture;
	const char *help;

	(void)state;
	capture_begin(&capture, STDOUT_FILENO);
	options_help();
	help = capture_end(&capture);
	assert_int_equal(strncmp(help, "usage: hakmemd ", 15), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char line[64];

		snprintf(line, sizeof(line), "\n  %-20s ", names[i]);
		assert_non_null(strstr(help, line));
	}
	assert_int_equal(help[strlen(help) - 1], '\n');
	for (const char *at = help; *at;) { /* fits a terminal */
		size_t length = strcspn(at, "\n");

		assert_true(length <= 80);
		at += length + 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_words_the_defaults_hold),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(a_value_may_follow_an_equals_sign),
		cmocka_unit_test(the_last_word_counts),
		cmocka_unit_test(a_value_is_whatever_comes_next),
		cmocka_unit_test(one_line_names_what_was_wrong),
		cmocka_unit_test(seconds_are_whole_and_bounded),
		cmocka_unit_test(the_help_shows_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
