#include "hakmem-top/data/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char shown[VALUE_TEXT_MAX];

static void expect_shown(struct value value, const char *wanted)
{
	assert_string_equal(value_show(shown, &value, 4, false), wanted);
}

static void expect_written(struct value value, const char *csv,
			   const char *json)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	value_write(out, &value, false);
	fputc('|', out);
	value_write(out, &value, true);
	fclose(out);
	snprintf(shown, sizeof(shown), "%s|%s", csv, json);
	assert_string_equal(text, shown);
	free(text);
}

static void each_kind_is_shown_in_its_way(void **state)
{
	struct value rate = value_real(VALUE_RATE, 0);
	struct value age = value_real(VALUE_AGE, 187.5);

	(void)state;
	expect_shown(value_whole(VALUE_NONE, 7), "");
	expect_shown(value_whole(VALUE_NUMBER, 1234567), "1234567");
	expect_shown(value_real(VALUE_INTEGER, -3), "-3");
	expect_shown(value_whole(VALUE_COUNT, 1234567), "1.23M");
	expect_shown(value_whole(VALUE_BYTES, 1536), "1.50K");
	expect_shown(value_whole(VALUE_FLAG, 1), "1");
	expect_shown(value_whole(VALUE_ADDRESS, 255), "0xff");
	expect_shown(value_pair(VALUE_RANGE, 17, 32), "17-32");
	expect_shown(value_pair(VALUE_SHARE, 1, 8), "12.5");
	expect_shown(value_pair(VALUE_SHARE, 0, 0), "-");
	expect_shown(value_pair(VALUE_BAR, 1, 2), "##");
	expect_shown(value_real(VALUE_RATE, 12.34), "12.3");
	expect_shown(value_real(VALUE_REAL_BYTES, 2048), "2.00K");
	expect_shown(value_real(VALUE_REAL, 0.5), "0.500");
	expect_shown(value_text(VALUE_TEXT, "/a/b c"), "/a/b c");
	expect_shown(value_text(VALUE_PATH, "/a/b c"), "b c");
	expect_shown(value_text(VALUE_COMMAND, "/a/b /c"), "b /c");
	expect_shown(value_text(VALUE_WORD, "running"), "running");
	expect_shown(age, "3m07s");
	age.rough = true;
	expect_shown(age, "~3m07s");
	rate.unknown = true;
	expect_shown(rate, "-");
}

static void a_change_has_its_sign_on_the_screen_alone(void **state)
{
	struct value change = value_since(VALUE_BYTES, true, 3072, 1024);

	(void)state;
	expect_shown(change, "-2.00K");
	expect_written(change, "1024", "1024");
	change = value_since(VALUE_COUNT, true, 3, 5);
	expect_shown(change, "+2");
	change.since = false;
	expect_shown(change, "5");
}

static void an_estimate_stands_with_its_error(void **state)
{
	struct value value = {.kind = VALUE_BYTES_ESTIMATE,
			      .real = 40960,
			      .weight = 1024,
			      .estimate = {40960, 4096, 40}};

	(void)state;
	expect_shown(value, "40.0K +-7.84K");
	expect_written(value, "40960.000", "40960.000");
	value.since = true;
	expect_shown(value, "+40.0K +-7.84K");
	value.kind = VALUE_COUNT_ESTIMATE;
	value.since = false;
	value.estimate = (struct estimate){4000, 400, 40};
	expect_shown(value, "4.00k +-784");
	value.kind = VALUE_BYTES_RATE;
	value.real = 1024;
	expect_shown(value, "1.00K");
}

static void files_have_whole_numbers_and_three_decimals(void **state)
{
	(void)state;
	expect_written(value_whole(VALUE_BYTES, UINT64_MAX),
		       "18446744073709551615", "18446744073709551615");
	expect_written(value_real(VALUE_AGE, 1.5), "1.500", "1.500");
	expect_written(value_real(VALUE_INTEGER, -7), "-7", "-7");
	expect_written(value_whole(VALUE_FLAG, 1), "1", "true");
	expect_written(value_whole(VALUE_FLAG, 0), "0", "false");
	expect_written(value_whole(VALUE_ADDRESS, 0x1f40), "0x1f40",
		       "\"0x1f40\"");
	expect_written(value_whole(VALUE_NONE, 0), "", "null");
}

static void no_text_breaks_a_file(void **state)
{
	(void)state;
	expect_written(value_text(VALUE_COMMAND, "run \"it\",\n"),
		       "\"run \"\"it\"\",^J\"", "\"run \\\"it\\\",\\u000a\"");
	expect_written(value_text(VALUE_PATH, "a\x1b[2J.c"), "a^[[2J.c",
		       "\"a\\u001b[2J.c\"");
	expect_written(value_text(VALUE_TEXT, ""), "\"\"", "\"\"");
}

static void expect_first(struct value first, struct value second)
{
	assert_true(value_compare(&first, &second) < 0);
	assert_true(value_compare(&second, &first) > 0);
	assert_int_equal(value_compare(&first, &first), 0);
}

/* What is shown is what sorts. */
static void each_kind_has_its_order(void **state)
{
	struct value unnamed = value_text(VALUE_TEXT, "");
	struct value word = value_text(VALUE_WORD, "z");
	struct value few = {.kind = VALUE_BYTES_ESTIMATE, .estimate.value = 1};
	struct value many = {.kind = VALUE_BYTES_ESTIMATE, .estimate.value = 2};

	(void)state;
	expect_first(value_whole(VALUE_COUNT, 9), value_whole(VALUE_COUNT, 10));
	expect_first(value_whole(VALUE_BYTES, 1),
		     value_whole(VALUE_BYTES, UINT64_MAX));
	expect_first(value_since(VALUE_BYTES, true, 9, 5),
		     value_since(VALUE_BYTES, true, 2, 2));
	expect_first(value_pair(VALUE_SHARE, 0, 0),
		     value_pair(VALUE_SHARE, 0, 5));
	expect_first(value_pair(VALUE_SHARE, 2, 8),
		     value_pair(VALUE_SHARE, 1, 2));
	expect_first(value_real(VALUE_RATE, 0.5), value_real(VALUE_RATE, 1));
	expect_first(value_text(VALUE_TEXT, "alpha"),
		     value_text(VALUE_TEXT, "Beta"));
	expect_first(value_text(VALUE_PATH, "/z/a"),
		     value_text(VALUE_PATH, "/a/z"));
	expect_first(value_text(VALUE_COMMAND, "/z/a x"),
		     value_text(VALUE_COMMAND, "b"));
	expect_first(few, many);
	unnamed.count = 1;
	expect_first(value_text(VALUE_TEXT, ""), unnamed);
	expect_first(
		word,
		(struct value){.kind = VALUE_WORD, .text = "a", .count = 1});
}

static void the_whole_text_is_kept(void **state)
{
	struct value path = value_text(VALUE_PATH, "/build/a.c");
	struct value word = value_text(VALUE_WORD, "exited");

	(void)state;
	assert_string_equal(value_whole_text(&path), "/build/a.c");
	assert_null(value_whole_text(&word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_shown_in_its_way),
		cmocka_unit_test(a_change_has_its_sign_on_the_screen_alone),
		cmocka_unit_test(an_estimate_stands_with_its_error),
		cmocka_unit_test(files_have_whole_numbers_and_three_decimals),
		cmocka_unit_test(no_text_breaks_a_file),
		cmocka_unit_test(each_kind_has_its_order),
		cmocka_unit_test(the_whole_text_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
