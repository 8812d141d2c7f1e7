#include "hakmem-top/data/dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char command[] = "run \"it\",\n", none[] = "";

static struct process process(void)
{
	return (struct process){
		.id = 3,
		.pid = 42,
		.parent_pid = 1,
		.uid = 1000,
		.state = MODEL_EXITED,
		.exit_known = true,
		.exit_status = 7,
		.age_ns = 1500000000,
		.live_bytes = UINT64_MAX,
		.live_objects = 2,
		.rss_bytes = 3,
		.allocs = 4,
		.frees = 5,
		.requests_1024 = 6,
		.fallback_1024 = 7,
		.page_boundary = 8,
		.mincore = 9,
		.rejects = 10,
		.sample_bytes = 11,
		.dropped = 12,
		.command = command,
		.executable = none,
	};
}

/* The names that scripts rely on, in an object on one line. */
static void json_has_the_promised_names(void **state)
{
	struct process one = process();
	struct view_row rows[2] = {{.process = &one}, {.process = &one}};
	struct view view = {.rows = rows, .count = 2};
	char *data = NULL;
	size_t length;
	FILE *out = open_memstream(&data, &length);
	static const char *const parts[] = {
		"{\"time_s\":12.250,\"processes\":[{\"pid\":42,",
		"\"command\":\"run \\\"it\\\",\\u000a\"",
		"\"state\":\"exited\",\"exit_status\":7,",
		"\"live_bytes\":18446744073709551615,\"live_objects\":2,",
		"\"rss_bytes\":3,\"allocs_total\":4,\"frees_total\":5,",
		"\"requests_1024_total\":6,\"fallback_1024_total\":7,",
		"\"page_boundary_total\":8,\"mincore_total\":9,",
		"\"header_rejects_total\":10,\"sample_bytes\":11,",
		"\"dropped_total\":12",
		"},{\"pid\":42,",
	};

	(void)state;
	dump_report_json(out, 12.25, &view);
	fclose(out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(data, parts[i]))
			fail_msg("no %s in %s", parts[i], data);
	assert_ptr_equal(strchr(data, '\n'), data + length - 1);
	free(data);
}

static size_t commas(const char *from, const char *end)
{
	size_t count = 0;

	for (; from < end; from++)
		count += *from == ',';
	return count;
}

static void csv_lines_have_a_field_a_column(void **state)
{
	struct process one = process();
	struct view_row row = {.process = &one};
	struct view view = {.rows = &row, .count = 1};
	char *data = NULL, *end, plain[] = "plain";
	size_t length;
	FILE *out = open_memstream(&data, &length);

	(void)state;
	one.command = plain;
	dump_report_csv_header(out);
	dump_report_csv(out, 1, &view);
	fclose(out);
	end = strchr(data, '\n');
	assert_int_equal(commas(data, end), commas(end, data + length));
	assert_non_null(strstr(end, "\n1.000,42,1,1000,plain,exited,7,,1.500,"
				    "18446744073709551615,"));
	free(data);
}

static void sizes_have_the_promised_columns(void **state)
{
	struct size_bin bin = {16, 31, 3, 60, 96, 1, 32, 1.5};
	const struct size_bin *bins[] = {&bin};
	char *data = NULL;
	size_t length;
	FILE *out = open_memstream(&data, &length);

	(void)state;
	dump_sizes_csv(out, bins, 1);
	fclose(out);
	assert_string_equal(data, "low_bytes,high_bytes,requests,"
				  "requested_bytes,reserved_bytes,live_objects,"
				  "live_bytes,requests_stderr\n"
				  "16,31,3,60,96,1,32,1.5\n");
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_the_promised_names),
		cmocka_unit_test(csv_lines_have_a_field_a_column),
		cmocka_unit_test(sizes_have_the_promised_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
