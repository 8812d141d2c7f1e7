#include "hakmemd/export/export_csv.h"

#include "tests/unit/hakmemd/table.h"

static void a_header_and_a_line_a_row(void **state)
{
	(void)state;
	assert_string_equal(table_written(&export_csv, 3, "a,\"b\"\n"),
			    "number,share,flag\n"
			    "0,0.000,0\n"
			    "42,1.000,1\n"
			    "18446744073709551615,1000000000000000.250,1\n");
}

static void without_rows_the_header_stands_alone(void **state)
{
	(void)state;
	assert_string_equal(table_written(&export_csv, 0, ""),
			    "number,share,flag\n");
}

static void it_is_asked_for_as_csv(void **state)
{
	(void)state;
	assert_string_equal(export_csv.name, "csv");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_and_a_line_a_row),
		cmocka_unit_test(without_rows_the_header_stands_alone),
		cmocka_unit_test(it_is_asked_for_as_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
