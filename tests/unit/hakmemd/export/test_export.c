#include "hakmemd/export/export_csv.h"
#include "hakmemd/export/export_json.h"

#include "tests/unit/hakmemd/unit.h"

static struct unit unit;

static const char *written(bool (*write)(const struct export_table *table,
					 struct buf *out),
			   const char *name, const char *command)
{
	static struct buf out;
	struct export_table table;

	buf_free(&out);
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 10, 4);
	unit.class[0].usable_bytes = 31;
	unit.class[0].headerless = 1;
	unit.class[0].aligned_only = strcmp(command, "aligned") == 0;
	assert_true(export_table(name, 42, command, &unit.hello, &unit.state,
				 &table));
	table.time_s = 12.25;
	assert_true(write(&table, &out));
	assert_true(buf_append(&out, "", 1));
	return (const char *)buf_bytes(&out);
}

static void csv_is_what_scripts_expect(void **state)
{
	(void)state;
	assert_string_equal(
		written(export_csv, "sizes", ""),
		"low_bytes,high_bytes,requests,requested_bytes,reserved_bytes,"
		"live_objects,live_bytes,requests_stderr\n"
		"16,31,10,235,320,6,192,0.000\n");
	assert_string_equal(
		written(export_csv, "classes", ""),
		"stride_bytes,low_bytes,high_bytes,usable_bytes,headerless,"
		"allocs,frees,live_objects,live_bytes,slabs,aligned_only,"
		"class\n"
		"32,16,31,31,1,10,4,6,192,0,0,0\n");
}

static void json_escapes_what_others_chose(void **state)
{
	(void)state;
	assert_string_equal(
		written(export_json, "sizes",
			"a\"\\\n\x1b\x7f\xc2\x9b\xc3\xa4"),
		"{\"schema\":1,\"time_s\":12.250,\"pid\":42,\"command\":"
		"\"a\\u0022\\u005c\\u000a\\u001b\\u007f"
		"\\u009b\xc3\xa4\",\"what\":\"sizes\",\"rows\":["
		"{\"low_bytes\":16,\"high_bytes\":31,\"requests\":10,"
		"\"requested_bytes\":235,\"reserved_bytes\":320,"
		"\"live_objects\":6,\"live_bytes\":192,"
		"\"requests_stderr\":0.000}]}\n");
	assert_non_null(strstr(written(export_json, "classes", ""),
			       "\"headerless\":true"));
	assert_non_null(strstr(written(export_json, "classes", "aligned"),
			       "\"aligned_only\":true"));
}

/* The rows as numbers: what both formats write. */
static uint64_t cell(const char *name, size_t row, const char *column)
{
	struct export_table table;
	const void *values;

	assert_true(
		export_table(name, 1, "", &unit.hello, &unit.state, &table));
	values = table.row(&table, row);
	assert_non_null(values);
	for (size_t i = 0; i < table.column_count; i++)
		if (strcmp(table.columns[i].name, column) == 0)
			return table.columns[i].get(values).count;
	fail_msg("no column %s", column);
	return 0;
}

static void columns_that_are_absent_are_zero(void **state)
{
	(void)state;
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 10, 4);
	unit_class(&unit, 80, 48, 79, 7, 2);
	assert_int_equal(cell("classes", 1, "allocs"), 7);
	assert_int_equal(cell("classes", 1, "frees"), 2);
	unit.state.n_class_frees = 0;
	assert_int_equal(cell("classes", 1, "frees"), 0);
	assert_int_equal(cell("classes", 1, "live_objects"), 7);
	unit.state.n_class_allocs = 0;
	assert_int_equal(cell("classes", 1, "allocs"), 0);
	assert_int_equal(cell("classes", 1, "slabs"), 0);
}

static void what_is_too_large_stays_at_the_largest(void **state)
{
	(void)state;
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, UINT64_C(1) << 56, 0);
	assert_true(cell("classes", 0, "live_bytes") == UINT64_C(32) << 56);
	unit.class[0].stride_bytes = UINT32_MAX;
	assert_true(cell("classes", 0, "live_bytes") == UINT64_MAX);
}

static void past_the_end_there_is_no_row(void **state)
{
	static const char *const names[] = {"sizes", "classes"};
	struct export_table table;

	(void)state;
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 10, 4);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_true(export_table(names[i], 1, "", &unit.hello,
					 &unit.state, &table));
		assert_non_null(table.row(&table, 0));
		assert_null(table.row(&table, 1));
		assert_null(table.row(&table, SIZE_MAX));
	}
}

static void other_names_are_no_tables(void **state)
{
	struct export_table table;

	(void)state;
	assert_false(export_table("", 1, "", &unit.hello, &unit.state, &table));
	assert_false(export_table("sizes ", 1, "", &unit.hello, &unit.state,
				  &table));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_is_what_scripts_expect),
		cmocka_unit_test(json_escapes_what_others_chose),
		cmocka_unit_test(columns_that_are_absent_are_zero),
		cmocka_unit_test(what_is_too_large_stays_at_the_largest),
		cmocka_unit_test(past_the_end_there_is_no_row),
		cmocka_unit_test(other_names_are_no_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
