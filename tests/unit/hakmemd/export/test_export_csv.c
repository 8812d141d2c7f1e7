#include "hakmemd/export/export_csv.h"

#include "tests/unit/hakmemd/table.h"

static void a_header_and_a_line_a_row(void **state)
{
	(void)state;
	assert_string_equal(table_written(export_csv, 3, "a,\"b\"\n"),
			    "number,change,share,flag,note\n"
			    "0,0,0.000,0,\"\"\n"
			    "42,-7,1.000,1,\"a\"\"b??\"\n"
			    "18446744073709551615,-9223372036854775808,"
			    "1000000000000000.250,1,\"c,d\"\n");
}

static void without_rows_the_header_stands_alone(void **state)
{
	(void)state;
	assert_string_equal(table_written(export_csv, 0, ""),
			    "number,change,share,flag,note\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_and_a_line_a_row),
		cmocka_unit_test(without_rows_the_header_stands_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
