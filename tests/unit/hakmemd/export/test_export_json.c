#include "hakmemd/export/export_json.h"

#include <stdio.h>

#include "tests/unit/hakmemd/table.h"

static void an_object_with_a_row_an_object(void **state)
{
	(void)state;
	assert_string_equal(
		table_written(export_json, 3, "cmd"),
		"{\"schema\":1,\"time_s\":1700000000.062,\"pid\":42,"
		"\"command\":\"cmd\","
		"\"what\":\"things\",\"rows\":["
		"{\"number\":0,\"change\":0,\"share\":0.000,\"flag\":false},"
		"{\"number\":42,\"change\":-7,\"share\":1.000,\"flag\":true},"
		"{\"number\":18446744073709551615,"
		"\"change\":-9223372036854775808,\"share\":1000000000000000."
		"250,\"flag\":true}]}\n");
}

static void without_rows_the_list_is_empty(void **state)
{
	(void)state;
	assert_string_equal(table_written(export_json, 0, ""),
			    "{\"schema\":1,\"time_s\":1700000000.062,\"pid\":"
			    "42,\"command\":\"\","
			    "\"what\":\"things\",\"rows\":[]}\n");
}

/* A program chooses its command; terminals and parsers are to be left alone. */
static void strings_are_escaped(void **state)
{
	static const struct {
		const char *command, *written;
	} cases[] = {
		{"a b~", "a b~"},
		{"\"", "\\u0022"},
		{"\\", "\\u005c"},
		{"\x01\x1f\x7f\n\t", "\\u0001\\u001f\\u007f\\u000a\\u0009"},
		{"\xc2\x80\xc2\x9b\xc2\x9f", "\\u0080\\u009b\\u009f"},
		{"\xc2\xa0\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		 "\xc2\xa0\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"ends in \x1b", "ends in \\u001b"},
	};
	char wanted[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(wanted, sizeof(wanted), ",\"command\":\"%s\",\"what\"",
			 cases[i].written);
		assert_non_null(
			strstr(table_written(export_json, 1, cases[i].command),
			       wanted));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_with_a_row_an_object),
		cmocka_unit_test(without_rows_the_list_is_empty),
		cmocka_unit_test(strings_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
