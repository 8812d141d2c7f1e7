#include "hakmemd/export_csv.h"
#include "hakmemd/export_json.h"

#include "tests/unit/hakmemd/unit.h"

static struct unit unit;

static const char *written(const struct export_format *format, const char *name,
			   const char *command)
{
	static struct buf out;
	struct export_table table;

	buf_free(&out);
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 10, 4);
	unit.class[0].usable_bytes = 31;
	unit.class[0].headerless = 1;
	assert_true(export_table(name, 42, command, &unit.hello, &unit.state,
				 &table));
	table.time_s = 12.25;
	assert_true(format->write(&table, &out));
	assert_true(buf_append(&out, "", 1));
	return (const char *)buf_bytes(&out);
}

static void csv_is_what_scripts_expect(void **state)
{
	(void)state;
	assert_string_equal(
		written(&export_csv, "sizes", ""),
		"low_bytes,high_bytes,requests,requested_bytes,reserved_bytes,"
		"live_objects,live_bytes,requests_stderr\n"
		"16,31,10,235,320,6,192,0.000\n");
	assert_string_equal(
		written(&export_csv, "classes", ""),
		"stride_bytes,low_bytes,high_bytes,usable_bytes,headerless,"
		"allocs,frees,live_objects,live_bytes,slabs\n"
		"32,16,31,31,1,10,4,6,192,0\n");
}

static void json_escapes_what_others_chose(void **state)
{
	(void)state;
	assert_string_equal(
		written(&export_json, "sizes",
			"a\"\\\n\x1b\x7f\xc2\x9b\xc3\xa4"),
		"{\"time_s\":12.250,\"pid\":42,\"command\":"
		"\"a\\u0022\\u005c\\u000a\\u001b\\u007f"
		"\\u009b\xc3\xa4\",\"what\":\"sizes\",\"rows\":[\n"
		"{\"low_bytes\":16,\"high_bytes\":31,\"requests\":10,"
		"\"requested_bytes\":235,\"reserved_bytes\":320,"
		"\"live_objects\":6,\"live_bytes\":192,"
		"\"requests_stderr\":0.000}\n]}\n");
	assert_non_null(strstr(written(&export_json, "classes", ""),
			       "\"headerless\":true"));
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
		cmocka_unit_test(other_names_are_no_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
