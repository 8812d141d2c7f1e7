#include "hakmem-top/screens/panel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/cells.h"
#include "tests/unit/hakmem-top/scene.h"
#include "tests/unit/hakmem-top/terminal.h"

static struct detail *detail;
static struct context context;
static const struct panel all = {0, FIGURE_GROUPS - 1};
static const struct panel upper = {FIGURE_MEMORY, FIGURE_POINTERS};

static int setup(void **state)
{
	(void)state;
	detail = scene_detail(1);
	context = (struct context){.detail = detail};
	return terminal_screen(90, 80, true) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	model_detail_free(context.before);
	model_detail_free(detail);
	return 0;
}

static void draw(const struct panel *panel, int height, int width)
{
	term_begin();
	panel_draw(panel, &context, 0, height, width);
}

static uint64_t *figure(enum figure figure)
{
	return &detail->process.figures[figure];
}

/* The whole screen, to be freed. */
static char *screen_text(void)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	draw(&all, 90, 79);
	for (int y = 0; y < 90; y++)
		fprintf(out, "%s\n", terminal_row(y));
	fclose(out);
	return text;
}

static void every_row_is_shown(void **state)
{
	char *before, *after;

	(void)state;
	for (unsigned i = 0; i < FIGURES; i++)
		*figure((enum figure)i) = 1;
	for (unsigned i = 0; i < FIGURES; i++) {
		before = screen_text();
		*figure((enum figure)i) = 7000000000000;
		after = screen_text();
		if (strcmp(before, after) == 0)
			fail_msg("%s is shown nowhere", figures_table[i].name);
		free(before);
		free(after);
	}
}

static void every_row_makes_sense(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FIGURES; i++) {
		const struct figure_row *row = &figures_table[i];
		const char *note = strchr(row->label, '%');

		assert_true(row->help[0] != '\0' && row->label[0] != '\0');
		assert_true(strlen(row->label) <= 13);
		assert_true(!note ||
			    (note[1] == 's' && i > 0 &&
			     figures_table[i - 1].group == row->group));
	}
}

static void values_have_their_units(void **state)
{
	int role;

	(void)state;
	*figure(FIGURE_LIVE_BYTES) = 1536;
	*figure(FIGURE_LIVE_OBJECTS) = 105000;
	*figure(FIGURE_ALLOCS) = 10000000;
	*figure(FIGURE_RSS_BYTES) = FIGURE_UNKNOWN;
	*figure(FIGURE_UNWIND_NS) = 1500000000;
	draw(&all, 90, 40);
	assert_string_equal(cells_figure("Live", 40, &role),
			    "1.50K in 105k blocks");
	assert_int_equal(role, TERM_STRONG);
	assert_string_equal(cells_figure("Allocations", 40, &role), "10.0M");
	assert_string_equal(cells_figure("RSS", 40, &role), "-");
	assert_int_equal(role, TERM_STRONG);
	assert_string_equal(cells_figure("Unwound", 40, &role), "0 took 1.5s");
}

static void levels_have_their_color(void **state)
{
	int role;

	(void)state;
	*figure(FIGURE_REJECTS_INTERIOR) = 1;
	*figure(FIGURE_DROPPED) = 2;
	*figure(FIGURE_REFILLS) = 3;
	draw(&all, 90, 80);
	cells_figure("Interior", 40, &role);
	assert_int_equal(role, TERM_BAD);
	cells_figure("Dropped", 40, &role);
	assert_int_equal(role, TERM_WARN);
	cells_figure("Refills", 40, &role);
	assert_int_equal(role, TERM_STRONG);
}

static void groups_flow_into_columns(void **state)
{
	(void)state;
	term_begin();
	/* MEMORY and its 5 lines; beside it REQUESTS (4) and POINTERS (4). */
	assert_int_equal(panel_draw(&upper, &context, 2, 20, 80), 11);
	assert_string_equal(terminal_text(2, 0, 40), " MEMORY");
	assert_string_equal(terminal_text(2, 40, 40), " REQUESTS");
	assert_string_equal(terminal_text(3, 40, 40),
			    "  Allocations      1,000");
	assert_string_equal(terminal_text(7, 0, 40),
			    "  Given back          0B to the OS");
	assert_string_equal(terminal_text(7, 40, 40), "");
	assert_string_equal(terminal_text(8, 40, 40), " POINTERS");
	assert_string_equal(terminal_text(12, 40, 40),
			    "  Threads              0");
}

static void a_narrow_screen_has_one_column(void **state)
{
	(void)state;
	term_begin();
	assert_int_equal(panel_draw(&upper, &context, 0, 40, 79), 18);
	assert_string_equal(terminal_row(7), " REQUESTS");
	assert_string_equal(terminal_row(13), " POINTERS");
}

static void what_does_not_fit_is_left_out(void **state)
{
	(void)state;
	term_begin();
	assert_int_equal(panel_draw(&upper, &context, 0, 2, 40), 2);
	assert_string_equal(terminal_row(1),
			    "  Live             1.00K in 10 blocks");
	for (int y = 2; y < 24; y++)
		assert_string_equal(terminal_row(y), "");
	assert_int_equal(panel_draw(&upper, &context, 0, 0, 40), 0);
}

/* The file begins with and contains so much. */
static void expect_saved(enum opts_format format, const char *begin,
			 const char *with, const char *without)
{
	char *data = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&data, &length);

	panel_save(&upper, &context, format, out);
	fclose(out);
	assert_memory_equal(data, begin, strlen(begin));
	assert_non_null(strstr(data, with));
	assert_null(strstr(data, without));
	assert_int_equal(data[length - 1], '\n');
	free(data);
}

static void saved_with_all_digits(void **state)
{
	(void)state;
	*figure(FIGURE_LIVE_BYTES) = INT64_MAX;
	*figure(FIGURE_FREES) = FIGURE_UNKNOWN;
	expect_saved(OPTS_JSON,
		     "{\"schema\":1,\"live_bytes\":9223372036854775807,",
		     ",\"requests_1024_total\":100,", "frees_total");
	expect_saved(OPTS_CSV, "name,value\nlive_bytes,9223372036854775807\n",
		     "\nfrees_total,\n", "messages_total");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_row_is_shown),
		TEST(every_row_makes_sense),
		TEST(values_have_their_units),
		TEST(levels_have_their_color),
		TEST(groups_flow_into_columns),
		TEST(a_narrow_screen_has_one_column),
		TEST(what_does_not_fit_is_left_out),
		TEST(saved_with_all_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
