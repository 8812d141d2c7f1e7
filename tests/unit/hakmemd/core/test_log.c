#include "hakmemd/core/log.h"

#include <sys/syscall.h>

#include "tests/unit/hakmemd/harness.h"

/* The room's clock, so a second need not be waited for. */
static uint64_t second = 1000;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, now);
	now->tv_sec = (time_t)second;
	now->tv_nsec = 0;
	return 0;
}

static struct capture capture;

static int begin(void **state)
{
	(void)state;
	second++;
	log_limit(0);
	capture_begin(&capture, STDERR_FILENO);
	return 0;
}

static int end(void **state)
{
	(void)state;
	dup2(capture.saved, capture.fd); /* also of a test that failed */
	return 0;
}

static unsigned lines_of(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void a_line_says_who_speaks(void **state)
{
	(void)state;
	log_line("pid %d: %s", 42, "gone");
	log_line("%s", "");
	assert_string_equal(capture_end(&capture),
			    "hakmemd: pid 42: gone\nhakmemd: \n");
}

static void a_line_is_one_line_of_printable_ascii(void **state)
{
	(void)state;
	log_line("%s", "a\x1b[2J\nhakmemd: forged\r\x1f\x7f\\\xc3\xa4~");
	assert_string_equal(capture_end(&capture),
			    "hakmemd: a\\x1b[2J\\x0ahakmemd: "
			    "forged\\x0d\\x1f\\x7f\\x5c\\xc3\\xa4~\n");
}

static void a_long_line_is_cut(void **state)
{
	static const char head[] = "hakmemd: ", tail[] = "\\x0a\n";
	char text[LOG_LINE_BYTES + 200] = "";
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	log_line("%s", text);
	memset(text, '\n', sizeof(text) - 1);
	log_line("%s", text);
	line = capture_end(&capture);
	assert_int_equal(lines_of(line), 2);
	assert_int_equal(strspn(line + strlen(head), "x"), LOG_LINE_BYTES - 1);
	line = strchr(line, '\n') + 1;
	assert_true(strlen(line) <= strlen(head) + LOG_LINE_BYTES);
	assert_true(strlen(line) > strlen(head) + LOG_LINE_BYTES - 5);
	assert_string_equal(line + strlen(line) - strlen(tail), tail);
}

static void so_many_lines_a_second_and_the_rest_is_counted(void **state)
{
	struct capture next;
	const char *text;

	(void)state;
	for (unsigned i = 0; i < LOG_BURST + 7; i++)
		log_line("line %u", i);
	text = capture_end(&capture);
	assert_int_equal(lines_of(text), LOG_BURST);
	assert_non_null(strstr(text, "hakmemd: line 19\n"));
	assert_null(strstr(text, "line 20"));
	second++;
	capture_begin(&next, STDERR_FILENO);
	log_line("after");
	assert_string_equal(capture_end(&next),
			    "hakmemd: 7 messages left out: too many a second\n"
			    "hakmemd: after\n");
	second++;
	capture_begin(&next, STDERR_FILENO);
	log_line("later");
	assert_string_equal(capture_end(&next), "hakmemd: later\n");
}

/* Also in a second that begins with what was left out of the last. */
static void no_second_has_more(void **state)
{
	struct capture next;

	(void)state;
	for (unsigned i = 0; i < LOG_BURST + 1; i++)
		log_line("%u", i);
	capture_end(&capture);
	second++;
	capture_begin(&next, STDERR_FILENO);
	for (unsigned i = 0; i < LOG_BURST + 1; i++)
		log_line("%u", i);
	assert_int_equal(lines_of(capture_end(&next)), LOG_BURST);
	second++; /* nothing is owed to the next test */
	capture_begin(&next, STDERR_FILENO);
	log_line("end");
	assert_string_equal(capture_end(&next),
			    "hakmemd: 2 messages left out: too many a second\n"
			    "hakmemd: end\n");
}

/* The first test: all that was ever written counts. */
static void a_file_has_a_limit(void **state)
{
	static const char line[] = "hakmemd: 0123456789\n";
	const size_t length = sizeof(line) - 1;
	struct capture next;

	(void)state;
	log_limit(3 * length - 1);
	for (int i = 0; i < 5; i++)
		log_line("0123456789");
	assert_int_equal(strlen(capture_end(&capture)), 2 * length);
	capture_begin(&next, STDERR_FILENO);
	log_limit(3 * length);
	for (int i = 0; i < 5; i++)
		log_line("0123456789");
	assert_string_equal(capture_end(&next), line);
	capture_begin(&next, STDERR_FILENO);
	log_limit(0); /* never */
	log_line("0123456789");
	assert_string_equal(capture_end(&next), line);
}

static void a_log_that_cannot_be_written_stops_nothing(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(full >= 0);
	dup2(full, STDERR_FILENO);
	log_line("to nobody");
	close(STDERR_FILENO);
	log_line("to nobody");
	dup2(full, STDERR_FILENO);
	close(full);
	assert_string_equal(capture_end(&capture), "");
}

static void text_is_escaped_and_cut_to_fit(void **state)
{
	char out[64], small[5];

	(void)state;
	assert_int_equal(log_escape(out, sizeof(out), "a\x1b\\\xc2\x9b~ "), 19);
	assert_string_equal(out, "a\\x1b\\x5c\\xc2\\x9b~ ");
	assert_int_equal(log_escape(out, sizeof(out), ""), 0);
	assert_string_equal(out, "");
	assert_int_equal(log_escape(small, sizeof(small), "abcdef"), 4);
	assert_string_equal(small, "abcd");
	assert_int_equal(log_escape(small, sizeof(small), "\n"), 4);
	assert_string_equal(small, "\\x0a");
	/* Never half an escape. */
	assert_int_equal(log_escape(small, sizeof(small), "a\n"), 1);
	assert_string_equal(small, "a");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_file_has_a_limit),
		CASE(a_line_says_who_speaks),
		CASE(a_line_is_one_line_of_printable_ascii),
		CASE(a_long_line_is_cut),
		CASE(so_many_lines_a_second_and_the_rest_is_counted),
		CASE(no_second_has_more),
		CASE(a_log_that_cannot_be_written_stops_nothing),
		cmocka_unit_test(text_is_escaped_and_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
