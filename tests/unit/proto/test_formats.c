#include "proto/formats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void a_format_is_found_by_name_and_subject(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FORMAT_COUNT; i++) {
		enum format format = (enum format)i;

		assert_true(format_writes(format, FORMAT_HEAP));
		assert_int_equal(format_named(format_name(format), FORMAT_HEAP),
				 format);
		assert_int_equal(
			format_named(format_name(format), FORMAT_SIZES),
			format <= FORMAT_JSON ? format : FORMAT_COUNT);
		assert_true(strlen(format_help(format)) > 0);
	}
	assert_int_equal(format_named("csv2", FORMAT_SIZES), FORMAT_COUNT);
	assert_int_equal(format_named("", FORMAT_HEAP), FORMAT_COUNT);
}

static void a_file_name_tells_its_format(void **state)
{
	static const struct {
		const char *path;
		enum format format;
	} cases[] = {
		{"a.csv", FORMAT_CSV},	     {"x/a.b.json", FORMAT_JSON},
		{"a.pb.gz", FORMAT_PPROF},   {"a.pprof", FORMAT_PPROF},
		{"a.folded", FORMAT_FOLDED}, {".svg", FORMAT_SVG},
		{"a", FORMAT_COUNT},	     {"csv", FORMAT_COUNT},
		{"a.gz", FORMAT_COUNT},	     {"", FORMAT_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(format_of_file(cases[i].path),
				 cases[i].format);
	for (unsigned i = 0; i < FORMAT_COUNT; i++)
		assert_int_equal(format_of_file(format_ending((enum format)i)),
				 i);
}

static void names_are_listed_for_people(void **state)
{
	char out[FORMAT_NAMES_MAX];

	(void)state;
	format_names(FORMAT_SIZES, out);
	assert_string_equal(out, "csv, json");
	format_names(FORMAT_HEAP, out);
	assert_string_equal(out, "csv, json, pprof, folded, svg");
	format_subject_names(out);
	assert_string_equal(out, "sizes, classes, heap");
}

static void a_subject_is_found_by_name(void **state)
{
	(void)state;
	assert_int_equal(format_subject_named("sizes"), FORMAT_SIZES);
	assert_int_equal(format_subject_named("classes"), FORMAT_CLASSES);
	assert_int_equal(format_subject_named("heap"), FORMAT_HEAP);
	assert_int_equal(format_subject_named("heaps"), 0);
	assert_int_equal(format_subject_named(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_format_is_found_by_name_and_subject),
		cmocka_unit_test(a_file_name_tells_its_format),
		cmocka_unit_test(names_are_listed_for_people),
		cmocka_unit_test(a_subject_is_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
