#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hakmem-top/screens/screen.h"
#include "tests/unit/hakmem-top/cells.h"
#include "tests/unit/hakmem-top/scene.h"

static struct context context;
static struct detail *detail;

static void show(int height, int width)
{
	assert_true(screen_overview.refresh(&context));
	term_begin();
	screen_overview.draw(&context, 3, height, width);
}

static int setup(void **state)
{
	(void)state;
	detail = scene_detail(1);
	context = (struct context){.detail = detail, .open_id = 1};
	return terminal_screen(40, 120, true) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	model_history_free(context.history);
	model_detail_free(context.before);
	model_detail_free(detail);
	return 0;
}

static void expect(const char *label, const char *wanted, int role)
{
	int found;

	assert_string_equal(cells_figure(label, 40, &found), wanted);
	assert_int_equal(found, role);
}

static void is_a_screen_with_history(void **state)
{
	(void)state;
	assert_string_equal(screen_overview.name, "Overview");
	assert_true(screen_overview.of_process);
	assert_int_equal(screen_overview.needs, NEEDS(HISTORY));
	assert_null(screen_overview.table);
	context.detail = NULL;
	assert_false(screen_overview.refresh(&context));
}

static void figures_have_units_and_notes(void **state)
{
	(void)state;
	detail->process.figures[FIGURE_COMMITTED_BYTES] = 2 << 20;
	detail->process.figures[FIGURE_MAPPED_BYTES] = 1 << 20;
	detail->process.figures[FIGURE_THREADS_LIVE] = 3;
	detail->process.figures[FIGURE_THREADS_TOTAL] = 1500;
	show(36, 120);
	expect("Live", "1.00K in 10 blocks", TERM_STRONG);
	expect("Peak live", "2.00K", TERM_STRONG);
	expect("RSS", "1.00M", TERM_STRONG);
	expect("Committed", "2.00M + 1.00M mapped", TERM_STRONG);
	expect("Given back", "0B to the OS", TERM_STRONG);
	expect("Allocations", "1,000", TERM_STRONG);
	expect("Frees", "900", TERM_STRONG);
	expect("Of 1024 B", "100 10.0% of all", TERM_STRONG);
	expect("- fell back", "0 0% of them", TERM_STRONG);
	expect("Page bounds", "0", TERM_STRONG);
	expect("Rejects", "0", TERM_STRONG);
	expect("Threads", "3 1.50k ever", TERM_STRONG);
}

static void rates_are_between_two_states(void **state)
{
	(void)state;
	context.before = scene_detail(1);
	context.before->state_ns -= 2 * SCENE_S;
	context.before->process.figures[FIGURE_ALLOCS] = 500;
	context.before->process.figures[FIGURE_FREES] = 900;
	detail->process.figures[FIGURE_PAGE_BOUNDARY] = 6;
	show(36, 120);
	expect("Allocations", "1,000 250/s", TERM_STRONG);
	expect("Frees", "900 0/s", TERM_STRONG);
	expect("Page bounds", "6 3.0/s", TERM_STRONG);
	context.before->state_ns = detail->state_ns;
	show(36, 120);
	expect("Allocations", "1,000", TERM_STRONG);
}

static void trouble_has_the_color_of_trouble(void **state)
{
	(void)state;
	detail->process.figures[FIGURE_FALLBACK_1024] = 4;
	detail->process.figures[FIGURE_REJECTS] = 2;
	show(36, 120);
	expect("- fell back", "4 4.0% of them", TERM_WARN);
	expect("Rejects", "2 see Health", TERM_BAD);
}

static void the_chart_grows_to_the_right(void **state)
{
	int y;

	(void)state;
	context.history = scene_history(1, 40);
	show(36, 120);
	y = terminal_find("LIVE BYTES  the last 39s, top = 3.91K");
	assert_true(y > 0);
	/* The lowest row is full but for the first seconds, the highest has
	 * the newest alone. */
	assert_int_equal(terminal_text(y + 6, 110, 1)[0], '#');
	assert_int_equal(terminal_text(y + 6, 20, 1)[0], '#');
	assert_int_equal(terminal_text(y + 1, 118, 1)[0], '#');
	assert_int_equal(terminal_text(y + 1, 60, 1)[0], '\0');
}

static void a_chart_covers_at_least_20_seconds(void **state)
{
	int y;

	(void)state;
	context.history = scene_history(1, 3);
	show(36, 120);
	y = terminal_find("LIVE BYTES  the last 20s, top = 300B");
	assert_true(y > 0);
	assert_string_equal(terminal_text(y + 6, 1, 90), "");
	assert_int_equal(terminal_text(y + 6, 118, 1)[0], '#');
}

static void time_goes_on_for_the_living(void **state)
{
	(void)state;
	context.history = scene_history(1, 40);
	detail->now_ns = 100 * SCENE_S;
	show(36, 120);
	assert_true(terminal_find("the last 1m29s") > 0);
	detail->process.state = MODEL_EXITED;
	show(36, 120);
	assert_true(terminal_find("the last 39s") > 0);
	detail->process.state = MODEL_RUNNING;
	detail->now_ns = 30 * SCENE_S; /* before the last of the history */
	show(36, 120);
	assert_true(terminal_find("the last 39s") > 0);
	detail->now_ns = 10000 * SCENE_S;
	show(36, 120);
	assert_true(terminal_find("the last 10m00s") > 0);
}

static void the_history_of_another_is_not_drawn(void **state)
{
	(void)state;
	context.history = scene_history(2, 40);
	show(36, 120);
	assert_int_equal(terminal_find("LIVE BYTES"), -1);
	context.history->process_id = 1;
	context.history->count = 0;
	show(36, 120);
	assert_int_equal(terminal_find("LIVE BYTES"), -1);
}

static void the_largest_sizes_and_busiest_classes(void **state)
{
	int y;

	(void)state;
	show(36, 120);
	y = terminal_find("LARGEST SIZES   LIVE BLOCKS");
	assert_true(y > 0);
	assert_string_equal(terminal_text(y, 60, 60),
			    "BUSY CLASSES  ALLOCS  FREES");
	assert_string_equal(terminal_text(y + 1, 1, 27),
			    "         1024  40.6K     40");
	assert_int_equal(strlen(terminal_text(y + 1, 29, 31)), 30);
	assert_string_equal(terminal_text(y + 2, 1, 59),
			    "         1-16   960B     60 #");
	assert_string_equal(terminal_text(y + 1, 60, 27),
			    "         1-16    900    840");
	assert_string_equal(terminal_text(y + 2, 60, 27),
			    "     897-1024    100     60");
}

/* In whatever order they come. */
static void the_largest_come_first(void **state)
{
	const struct size_bin bin = detail->sizes[0];
	const struct class_row class = detail->classes[0];
	int y;

	(void)state;
	detail->sizes[0] = detail->sizes[1];
	detail->sizes[1] = bin;
	detail->classes[0] = detail->classes[1];
	detail->classes[1] = class;
	show(36, 120);
	y = terminal_find("LARGEST SIZES   LIVE BLOCKS");
	assert_string_equal(terminal_text(y + 1, 1, 27),
			    "         1024  40.6K     40");
	assert_string_equal(terminal_text(y + 1, 60, 27),
			    "         1-16    900    840");
}

static void what_holds_nothing_is_left_out(void **state)
{
	int y;

	(void)state;
	detail->sizes[0].live_bytes = 0;
	detail->classes[1].allocs = 0;
	show(36, 120);
	y = terminal_find("LARGEST SIZES");
	assert_int_equal(terminal_find("         1024"), y + 1);
	assert_string_equal(terminal_row(y + 2), "");
}

static void one_below_the_other_when_it_is_narrow(void **state)
{
	(void)state;
	show(36, 99);
	assert_true(terminal_find("BUSY CLASSES") >
		    terminal_find("LARGEST SIZES") + 2);
	assert_string_equal(terminal_text(terminal_find("BUSY CLASSES"), 0, 60),
			    " BUSY CLASSES  ALLOCS  FREES");
}

/* Nothing is drawn outside the rows and columns that are given. */
static void any_size_is_kept_to(void **state)
{
	(void)state;
	context.history = scene_history(1, 40);
	for (int width = 40; width < 120; width += 15)
		for (int height = 1; height < 36; height++) {
			show(height, width);
			for (int y = 0; y < 40; y++) {
				if (y < 3 || y >= 3 + height)
					assert_string_equal(terminal_row(y),
							    "");
				assert_string_equal(
					terminal_text(y, width, 120 - width),
					"");
			}
		}
}

static void saved_by_the_names_of_scripts(void **state)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	assert_true(screen_overview.save(&context, OPTS_CSV, out));
	context.detail = NULL;
	assert_false(screen_overview.save(&context, OPTS_CSV, out));
	fclose(out);
	assert_memory_equal(text, "name,value\nlive_bytes,1024\n", 27);
	assert_non_null(strstr(text, "\nallocs_total,1000\n"));
	assert_non_null(strstr(text, "\nthreads_live,0\n"));
	assert_null(strstr(text, "messages_total"));
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_a_screen_with_history),
		TEST(figures_have_units_and_notes),
		TEST(rates_are_between_two_states),
		TEST(trouble_has_the_color_of_trouble),
		TEST(the_chart_grows_to_the_right),
		TEST(a_chart_covers_at_least_20_seconds),
		TEST(time_goes_on_for_the_living),
		TEST(the_history_of_another_is_not_drawn),
		TEST(the_largest_sizes_and_busiest_classes),
		TEST(the_largest_come_first),
		TEST(what_holds_nothing_is_left_out),
		TEST(one_below_the_other_when_it_is_narrow),
		TEST(any_size_is_kept_to),
		TEST(saved_by_the_names_of_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
