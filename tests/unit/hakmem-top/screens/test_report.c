#include "hakmem-top/screens/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hakmem-top/screens/site_columns.h"
#include "tests/unit/hakmem-top/saved.h"
#include "tests/unit/hakmem-top/scene.h"
#include "tests/unit/hakmem-top/scene_sites.h"

static struct context context;
static char *text;

static int setup(void **state)
{
	(void)state;
	context = (struct context){.list = scene_list(2), .time_s = 12.25};
	context.detail = scene_detail(1);
	context.sites = scene_sites();
	context.stack = scene_stack();
	return view_update(&context.view, context.list) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	view_clear(&context.view);
	model_processes_free(context.list);
	model_detail_free(context.detail);
	sites_free(context.sites);
	sites_stack_free(context.stack);
	return 0;
}

static void write_out(const struct screen *screen, enum opts_format format)
{
	assert_true(screen->refresh(&context));
	free(text);
	text = saved(screen, &context, format);
}

/* The names that scripts rely on, in an object on one line. */
static void a_report_has_the_promised_names(void **state)
{
	struct process *one = &context.list->rows[0];
	/* The first of the table is the first column of them. */
	static const char *const parts[] = {
		"{\"schema\":1,\"time_s\":12.250,\"processes\":[{\"pid\":10",
		"\"state\":\"exited\",\"exit_status\":7,\"age_s\":75.000,",
		"\"live_bytes\":18446744073709551614,\"live_objects\":",
		",\"start_ticks\":",
		"},{\"pid\":10",
	};
	char wanted[128];

	(void)state;
	one->state = MODEL_EXITED;
	one->exit_known = true;
	one->exit_status = 7;
	for (unsigned i = 0; i < FIGURES; i++)
		one->figures[i] = 1000 + i;
	one->figures[FIGURE_LIVE_BYTES] = UINT64_MAX - 1;
	one->figures[FIGURE_RSS_BYTES] = FIGURE_UNKNOWN;
	write_out(&screen_processes, OPTS_JSON);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(text, parts[i]))
			fail_msg("no %s in %s", parts[i], text);
	*strchr(text, '}') = '\0'; /* the first process */
	for (unsigned i = 1; i < FIGURES; i++) {
		snprintf(wanted, sizeof(wanted), ",\"%s\":%u,",
			 figures_table[i].name, 1000 + i);
		assert_int_equal(strstr(text, wanted) != NULL,
				 i != FIGURE_RSS_BYTES);
	}
	assert_null(strstr(text, "rss_bytes"));
	write_out(&screen_processes, OPTS_JSON);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	write_out(&screen_processes, OPTS_CSV);
	assert_non_null(
		strstr(text, ",exited,7,,75.000,0.000,18446744073709551614,"));
}

static size_t commas(const char *from, const char *end)
{
	size_t count = 0;

	for (; from < end; from++)
		count += *from == ',';
	return count;
}

/* A name that is not there is an empty field in CSV, no member in JSON. */
static void csv_lines_have_a_field_a_column(void **state)
{
	const struct screen *const screens[] = {
		&screen_processes, &screen_sizes, &screen_classes,
		&screen_sites,	   &screen_stack,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
		char *line;
		size_t wanted;

		write_out(screens[i], OPTS_CSV);
		line = strchr(text, '\n');
		wanted = commas(text, line);
		while (line[1]) {
			char *end = strchr(line + 1, '\n');

			assert_int_equal(commas(line, end), wanted);
			line = end;
		}
	}
	write_out(&screen_processes, OPTS_JSON);
	assert_null(strstr(text, "exit_status"));
}

static void json_is_one_object_on_one_line(void **state)
{
	const struct screen *const screens[] = {&screen_sizes, &screen_classes,
						&screen_sites, &screen_stack};
	char head[128];

	(void)state;
	for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
		write_out(screens[i], OPTS_JSON);
		snprintf(head, sizeof(head),
			 "{\"schema\":1,\"time_s\":12.250,\"pid\":101,"
			 "\"command\":\"/bin/program1 -x\",\"what\":\"%s\"",
			 screens[i]->what);
		assert_memory_equal(text, head, strlen(head));
		assert_non_null(strstr(text, "\"rows\":[{\""));
		assert_string_equal(strchr(text, '\n') - 3, "}]}\n");
	}
}

static void of_many_rows_only_the_first_are_written(void **state)
{
	size_t length;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	assert_true(screen_sites.refresh(&context));
	report_write(out, &screen_sites, &context, OPTS_CSV, 2);
	fclose(out);
	assert_int_equal(commas(text, text + length),
			 3 * (site_field_count - 1));
}

/* Aligned, with the column that takes what is left at the end. */
static void text_is_the_table_of_the_screen(void **state)
{
	(void)state;
	write_out(&screen_sites, OPTS_TEXT);
	assert_memory_equal(text,
			    "LIVE               BLOCKS        ALLOC/S    AGE   "
			    "GROWTH LOCATION               FUNCTION\n"
			    "40.0M +-7.84M      4.00k +-784     2.00M  3m07s  "
			    "^120K/m cache.cc:42            Cache::insert\n",
			    177);
	write_out(&screen_sizes, OPTS_TEXT);
	assert_memory_equal(text, "        SIZE  REQUESTS", 22);
}

/* Each column of the screen that files have is there under the same getter. */
static void a_column_of_files_has_one_getter(void **state)
{
	(void)state;
	for (size_t i = 0; i < site_field_count; i++)
		for (size_t k = 0; k < i; k++)
			assert_ptr_not_equal(site_fields[i].get,
					     site_fields[k].get);
	assert_string_equal(site_fields[4].name, "live_bytes");
	assert_ptr_equal(site_fields[4].get, site_columns[0].get);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_report_has_the_promised_names),
		TEST(csv_lines_have_a_field_a_column),
		TEST(json_is_one_object_on_one_line),
		TEST(of_many_rows_only_the_first_are_written),
		TEST(text_is_the_table_of_the_screen),
		TEST(a_column_of_files_has_one_getter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
