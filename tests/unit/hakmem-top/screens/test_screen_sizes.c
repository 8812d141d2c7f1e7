#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hakmem-top/screens/screen.h"
#include "tests/unit/hakmem-top/cells.h"
#include "tests/unit/hakmem-top/saved.h"
#include "tests/unit/hakmem-top/scene.h"

static struct context context;
static struct table *table;

static void show(void)
{
	assert_true(screen_sizes.refresh(&context));
	term_begin();
	screen_sizes.draw(&context, 3, 20, 140);
}

static int setup(void **state)
{
	(void)state;
	context = (struct context){.detail = scene_detail(1)};
	table = screen_sizes.table();
	table->sort = 0;
	table->invert = false;
	table_select(table, 0);
	return terminal_screen(24, 140, true) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	model_detail_free(context.detail);
	context = (struct context){.tree = false};
	screen_sizes.refresh(&context); /* nothing points into it any more */
	return 0;
}

static void is_a_screen_of_a_process(void **state)
{
	(void)state;
	assert_string_equal(screen_sizes.name, "Sizes");
	assert_true(screen_sizes.of_process);
	assert_int_equal(screen_sizes.needs, 0);
}

static void the_1024_line_stands_above(void **state)
{
	(void)state;
	context.detail->process.figures[FIGURE_ALLOCS] = 2000;
	context.detail->process.figures[FIGURE_FALLBACK_1024] = 1234;
	show();
	assert_string_equal(terminal_row(3),
			    " 1024 bytes: 100 requests (5.0% of all), 1,234 "
			    "left the small classes");
}

static void a_bin_shows_requests_and_live_bytes(void **state)
{
	size_t bars = cells_column(table, "ERROR") + 1;

	(void)state;
	show();
	assert_int_equal(table->count, 2);
	assert_string_equal(cells_at(table, 0, "SIZE"), "1-16");
	assert_string_equal(cells_at(table, 0, "REQUESTS"), "900");
	assert_string_equal(cells_at(table, 0, "%"), "90.0");
	assert_string_equal(cells_at(table, 0, "ERROR"), "1.0%");
	assert_string_equal(cells_at(table, 0, "BLOCKS"), "60");
	assert_string_equal(cells_at(table, 0, "LIVE"), "960B");
	assert_string_equal(cells_at(table, 0, "RESERVED"), "14.1K");
	assert_string_equal(cells_at(table, 0, "WASTE%"), "50.0");
	assert_string_equal(cells_at(table, 1, "SIZE"), "1024");
	assert_string_equal(cells_at(table, 1, "REQUESTS"), "100");
	assert_string_equal(cells_at(table, 1, "ERROR"), "exact");
	assert_string_equal(cells_at(table, 1, "WASTE%"), "1.5");
	/* The longest bar is the most; live bytes have bars of their own. */
	assert_int_equal(strspn(cells_text(table, 0, bars), "#"),
			 table->column_width[bars]);
	assert_in_range(strspn(cells_text(table, 1, bars), "#"),
			table->column_width[bars] / 9 - 1,
			table->column_width[bars] / 9 + 1);
	assert_string_equal(cells_at(table, 1, "LIVE BYTES"), "##############");
	assert_string_equal(cells_at(table, 0, "LIVE BYTES"), "#");
}

static void the_error_is_of_the_requests(void **state)
{
	(void)state;
	context.detail->sizes[0].stderr_requests = 900.0 * 0.25;
	show();
	assert_string_equal(cells_at(table, 0, "ERROR"), "25%");
	context.detail->sizes[0].stderr_requests = 1800;
	show();
	assert_string_equal(cells_at(table, 0, "ERROR"), ">100%");
	context.detail->sizes[0].requests = 0;
	show();
	assert_string_equal(cells_at(table, 0, "ERROR"), "exact");
}

static void exactly_1024_stands_out(void **state)
{
	(void)state;
	show(); /* the first row is the selected one */
	assert_int_equal(cells_role(table, 1, "SIZE"), TERM_STRONG);
	context.detail->sizes[1].low = 1025;
	context.detail->sizes[1].high = 1040;
	show();
	assert_int_equal(cells_role(table, 1, "SIZE"), TERM_TEXT);
}

static void sorts_by_what_it_shows(void **state)
{
	(void)state;
	assert_true(table_sort_letter(table, 'L'));
	show();
	assert_string_equal(cells_at(table, 0, "SIZE"), "1024");
	assert_true(table_sort_letter(table, 'R'));
	show();
	assert_string_equal(cells_at(table, 0, "SIZE"), "1-16");
	assert_true(table_sort_letter(table, 'V'));
	show();
	assert_string_equal(cells_at(table, 0, "SIZE"), "1024");
	assert_true(table_sort_letter(table, 'B'));
	show();
	assert_string_equal(cells_at(table, 0, "SIZE"), "1-16");
	table_invert(table);
	show();
	assert_string_equal(cells_at(table, 0, "SIZE"), "1024");
	assert_true(table_sort_letter(table, 'P'));
	show();
	assert_string_equal(cells_at(table, 0, "SIZE"), "1-16");
}

static void with_a_mark_it_shows_what_changed(void **state)
{
	size_t bars = cells_column(table, "ERROR") + 1;

	(void)state;
	context.view.baseline_ns = 1;
	scene_mark(&context.detail->process);
	context.detail->base_sizes[1] = context.detail->sizes[1];
	context.detail->sizes[1].requests += 300;
	context.detail->sizes[1].live_bytes -= 1040;
	context.detail->sizes[1].live_objects--;
	show();
	assert_string_equal(cells_at(table, 1, "+REQUESTS"), "+300");
	assert_string_equal(cells_at(table, 1, "+LIVE"), "-1.02K");
	assert_string_equal(cells_at(table, 1, "+BLOCKS"), "-1");
	assert_string_equal(cells_at(table, 1, "+RESERV"), "0");
	assert_string_equal(cells_at(table, 0, "+REQUESTS"), "+900");
	assert_string_equal(cells_at(table, 0, "%"), "75.0"); /* since then */
	assert_string_equal(terminal_text(4, table->column_x[bars],
					  table->column_width[bars]),
			    "SINCE MARK");
	assert_in_range(strspn(cells_text(table, 1, bars), "#"),
			table->column_width[bars] / 3 - 1,
			table->column_width[bars] / 3 + 1);
}

static void the_filter_is_a_part_of_the_range(void **state)
{
	(void)state;
	strcpy(context.filter, "102");
	show();
	assert_int_equal(table->count, 1);
	assert_string_equal(cells_at(table, 0, "SIZE"), "1024");
	assert_string_equal(cells_at(table, 0, "%"), "10.0"); /* of all */
	strcpy(context.filter, "77");
	show();
	assert_int_equal(table->count, 0);
	assert_string_equal(terminal_row(6), "  No size contains the filter.");
	context.filter[0] = '\0';
	context.detail->size_count = 0;
	show();
	context.detail->size_count = 2;
	assert_string_equal(terminal_row(6), "  No request was counted yet.");
}

static void saves_the_bins_that_are_shown(void **state)
{
	(void)state;
	strcpy(context.filter, "102");
	show();
	expect_saved(&screen_sizes, &context, OPTS_CSV,
		     "low_bytes,high_bytes,requests,requested_bytes,"
		     "reserved_bytes,live_objects,live_bytes,requests_stderr\n"
		     "1024,1024,100,102400,104000,40,41600,0.000\n");
	expect_saved(&screen_sizes, &context, OPTS_JSON,
		     "{\"schema\":1,\"time_s\":0.000,\"pid\":101,\"command\":"
		     "\"/bin/program1 -x\","
		     "\"what\":\"sizes\",\"rows\":["
		     "{\"low_bytes\":1024,\"high_bytes\":1024,"
		     "\"requests\":100,\"requested_bytes\":102400,"
		     "\"reserved_bytes\":104000,\"live_objects\":40,"
		     "\"live_bytes\":41600,\"requests_stderr\":0.000}]}\n");
	model_detail_free(context.detail);
	context.detail = NULL;
	assert_true(screen_sizes.refresh(&context));
	expect_nothing_saved(&screen_sizes, &context);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_a_screen_of_a_process),
		TEST(the_1024_line_stands_above),
		TEST(a_bin_shows_requests_and_live_bytes),
		TEST(the_error_is_of_the_requests),
		TEST(exactly_1024_stands_out),
		TEST(sorts_by_what_it_shows),
		TEST(with_a_mark_it_shows_what_changed),
		TEST(the_filter_is_a_part_of_the_range),
		TEST(saves_the_bins_that_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
