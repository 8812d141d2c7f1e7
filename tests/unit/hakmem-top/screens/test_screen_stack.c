#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hakmem-top/screens/screen.h"
#include "tests/unit/hakmem-top/cells.h"
#include "tests/unit/hakmem-top/saved.h"
#include "tests/unit/hakmem-top/scene.h"
#include "tests/unit/hakmem-top/scene_sites.h"

#define TOP   2	 /* the first row of the screen */
#define CHART 80 /* the first column of the lifetimes, 120 columns wide */

static struct context context;
static struct stack *stack; /* that of the context */
static struct site *site;   /* its site */
static struct table *table;

static void show_in(int height, int width)
{
	assert_true(screen_stack.refresh(&context));
	term_begin();
	screen_stack.draw(&context, TOP, height, width);
}

static void show(void)
{
	show_in(26, 120);
}

static int setup_with(bool ascii)
{
	stack = scene_stack();
	site = &stack->site;
	context = (struct context){.detail = scene_detail(1),
				   .sites = scene_sites(),
				   .stack = stack};
	table = screen_stack.table();
	table->sort = 0;
	table->invert = false;
	table->skip = 0;
	table->held = false;
	return terminal_screen(30, 120, ascii) ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(true);
}

static int setup_utf8(void **state)
{
	(void)state;
	return setup_with(false);
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	model_detail_free(context.detail);
	sites_free(context.sites);
	sites_stack_free(stack);
	context = (struct context){.tree = false};
	screen_stack.refresh(&context); /* nothing points into it any more */
	return 0;
}

static void expect_row(size_t row, const char *title, const char *wanted)
{
	assert_string_equal(cells_at(table, row, title), wanted);
}

/* The line behind this label is that; the chart is at the right of it. */
static void expect_line(const char *label, const char *wanted)
{
	for (int y = TOP + 1; y < table->y; y++)
		if (strcmp(terminal_text(y, 1, 9), label) == 0) {
			assert_string_equal(terminal_text(y, 11, CHART - 12),
					    wanted);
			return;
		}
	fail_msg("no line %s", label);
}

static int role_at(int y, int x)
{
	return PAIR_NUMBER(mvinch(y, x) & A_COLOR) - 1;
}

/* The role of the last character of `text` in a row. */
static int role_of(int y, const char *text)
{
	const char *line = terminal_row(y), *found = strstr(line, text);

	if (!found) {
		fail_msg("no %s in %s", text, line);
		return -1;
	}
	return role_at(y, (int)(found - line + strlen(text)) - 1);
}

static void is_inside_the_sites(void **state)
{
	(void)state;
	assert_string_equal(screen_stack.name, "Stack");
	assert_true(screen_stack.of_process);
	assert_int_equal(screen_stack.needs, NEEDS(STACK));
	assert_false(screen_stack.heap);
	assert_null(screen_stack.inside);
	assert_ptr_equal(screen_stack.outside, &screen_sites);
}

static void frames_stand_leaf_first(void **state)
{
	(void)state;
	show();
	assert_int_equal(table->count, 4);
	expect_row(0, "#", "0");
	expect_row(0, "INL", "inl");
	expect_row(0, "FUNCTION", "Node::make");
	expect_row(0, "LOCATION", "node.h:12");
	expect_row(0, "MODULE", "libcache.so.1");
	expect_row(0, "OFFSET", "+0x1234");
	expect_row(1, "#", "1");
	expect_row(1, "INL", "");
	expect_row(1, "FUNCTION", "Cache::insert");
	expect_row(1, "LOCATION", "cache.cc:42");
}

static void what_is_not_known_is_given_as_an_address(void **state)
{
	(void)state;
	show();
	expect_row(2, "FUNCTION", "program+0xabc");
	expect_row(2, "LOCATION", "(no debug information)");
	expect_row(2, "MODULE", "program");
	expect_row(2, "OFFSET", "+0xabc");
	expect_row(3, "FUNCTION", "0xdeadbeef");
	expect_row(3, "LOCATION", "");
	expect_row(3, "MODULE", "");
	stack->frames[3].pc = 0xbeef;
	show();
	expect_row(3, "OFFSET", "+0xbeef");
}

static void a_location_is_a_file_a_line_or_a_note(void **state)
{
	(void)state;
	stack->frames[0].line = 0;
	scene_name(&stack->frames[1].note, "stale");
	show();
	expect_row(0, "LOCATION", "node.h");
	expect_row(1, "LOCATION", "cache.cc:42 (stale)");
	stack->frames[1].line = 0;
	show();
	expect_row(1, "LOCATION", "cache.cc (stale)");
}

static void inlined_frames_and_notes_look_different(void **state)
{
	(void)state;
	show();
	table_select(table, 3); /* the selected row has its own look */
	show();
	assert_int_equal(cells_role(table, 0, "FUNCTION"), TERM_DIM);
	assert_int_equal(cells_role(table, 0, "LOCATION"), TERM_DIM);
	assert_int_equal(cells_role(table, 1, "FUNCTION"), TERM_TEXT);
	assert_int_equal(cells_role(table, 1, "LOCATION"), TERM_TEXT);
	assert_int_equal(cells_role(table, 2, "LOCATION"), TERM_WARN);
	assert_int_equal(cells_role(table, 2, "FUNCTION"), TERM_TEXT);
	scene_name(&stack->frames[0].note, "x");
	show();
	assert_int_equal(cells_role(table, 0, "LOCATION"), TERM_WARN);
}

static void the_title_names_the_site(void **state)
{
	(void)state;
	show();
	assert_string_equal(terminal_row(TOP),
			    " Cache::insert  site 11, src/cache/cache.cc:42");
	assert_int_equal(role_of(TOP, "insert"), TERM_STRONG);
	assert_int_equal(role_of(TOP, "cc:42"), TERM_DIM);
	stack->pending = true;
	show();
	assert_string_equal(terminal_row(TOP),
			    " Cache::insert  names are being looked up"
			    "  site 11, src/cache/cache.cc:42");
	assert_int_equal(role_of(TOP, "looked up"), TERM_WARN);
	stack->pending = false;
	site->truncated = true;
	show();
	assert_string_equal(terminal_row(TOP),
			    " Cache::insert  the stack goes on"
			    "  site 11, src/cache/cache.cc:42");
	assert_int_equal(role_of(TOP, "goes on"), TERM_WARN);
	scene_name(&site->function, "");
	site->id = SITES_NO_STACK;
	site->truncated = false;
	show();
	assert_string_equal(terminal_row(TOP),
			    " [no stack]  site 1, src/cache/cache.cc:42");
	scene_name(&site->location, "");
	show();
	assert_string_equal(terminal_row(TOP), " [no stack]  site 1");
}

static void the_figures_stand_with_their_errors(void **state)
{
	(void)state;
	show();
	expect_line("Live", "40.0M +-7.84M");
	expect_line("Growth", "leak? +120K/m for 5m00s");
	expect_line("Blocks", "4.00k +-784");
	expect_line("Allocated", "80.0M +-9.80M, 2.00M/s");
	expect_line("Peak", "41.0M +-7.84M, own highest 43.0M");
	expect_line("Age", "3m07s; of freed 25.0% <1 s");
	expect_line("Sizes", "897-1024: 75.0%, in all 2 classes");
	expect_line("Thread", "worker-3 +3");
	assert_int_equal(role_at(TOP + 1, 1), TERM_TITLE);
	assert_int_equal(role_at(TOP + 1, 11), TERM_STRONG);
	assert_int_equal(role_of(TOP + 2, "leak?"), TERM_BAD);
	assert_int_equal(table->y, TOP + 9);
}

static void few_samples_are_rough(void **state)
{
	(void)state;
	site->live = (struct estimate){1.5 * SCENE_M, 0, 1};
	site->live_objects = (struct estimate){1, 0, 1};
	site->allocated = (struct estimate){1.5 * SCENE_M, 0, 1};
	site->rate = 0;
	show();
	expect_line("Live", "1.50M-4.81M n=1");
	expect_line("Blocks", "1-4 n=1");
	expect_line("Allocated", "1.50M-4.81M n=1, <307K/s");
	expect_line("Peak", "~41.0M, own highest ~43.0M");
	expect_line("Age", "~3m07s; of freed ~25.0% <1 s");
	site->allocated.samples = 10;
	site->live = (struct estimate){0, 0, 0};
	show();
	expect_line("Live", "<3.00M n=0");
	expect_line("Peak", "41.0M +-7.84M, own highest 43.0M");
	expect_line("Age", "-; of freed 25.0% <1 s");
	site->peak.error = 0; /* an older daemon tells none */
	show();
	expect_line("Peak", "41.0M, own highest 43.0M");
	/* As on the screen of the sites: none of it was sampled then. */
	site->peak.value = 0;
	site->allocated.samples = 9;
	show();
	expect_line("Peak", "-, own highest ~43.0M");
	/* Without the sites the sampling interval is not known. */
	sites_free(context.sites);
	context.sites = NULL;
	show();
	expect_line("Live", "-");
}

static void no_leak_and_nothing_freed_are_said(void **state)
{
	(void)state;
	site->growing = false;
	memset(stack->lifetimes, 0, sizeof(stack->lifetimes));
	show();
	expect_line("Growth", "no steady rise");
	assert_int_equal(role_of(TOP + 2, "no steady"), TERM_TEXT);
	expect_line("Age", "3m07s; none freed");
	site->live.samples = 9;
	show();
	expect_line("Age", "~3m07s; none freed");
	memset(&site->live, 0, sizeof(site->live));
	show();
	expect_line("Age", "-; none freed");
	assert_string_equal(terminal_text(TOP + 1, CHART, 40),
			    "AGE AT FREE: nothing sampled was freed");
}

static void the_class_of_most_bytes_is_named(void **state)
{
	(void)state;
	stack->classes[0].allocated.value = 64 * SCENE_M;
	show();
	expect_line("Sizes", "1-16: 80.0%, in all 2 classes");
	/* The number of classes stands for large blocks. */
	stack->classes[1].index = 2;
	stack->class_count = 1;
	stack->classes[0].index = 2;
	show();
	expect_line("Sizes", "large: 80.0%, in all 1 class");
	stack->class_count = 0;
	show();
	expect_line("Sizes", "-");
}

/* Two columns a bin: 10 of the ages from 1 us on, 40 of those from 1 s on. */
static void lifetimes_are_bars(void **state)
{
	(void)state;
	show();
	assert_string_equal(terminal_text(TOP + 1, CHART, 40), "AGE AT FREE");
	assert_string_equal(terminal_text(TOP + 8, CHART, 40),
			    "  1us       1ms       1s    1m    1h");
	assert_int_equal(role_at(TOP + 3, CHART + 22), TERM_BAR);
	for (int y = TOP + 2; y <= TOP + 7; y++) {
		assert_string_equal(terminal_text(y, CHART + 22, 2), "##");
		assert_string_equal(terminal_text(y, CHART + 24, 16), "");
		assert_string_equal(terminal_text(y, CHART + 4, 18), "");
		assert_string_equal(terminal_text(y, CHART, 2), "");
	}
	/* A quarter of six rows. */
	assert_string_equal(terminal_text(TOP + 5, CHART + 2, 2), "");
	assert_string_equal(terminal_text(TOP + 6, CHART + 2, 2), "::");
	assert_string_equal(terminal_text(TOP + 7, CHART + 2, 2), "##");
	/* Less than a block is something. */
	memset(stack->lifetimes, 0, sizeof(stack->lifetimes));
	stack->lifetimes[AGES_COUNT - 1] = 0.25;
	show();
	assert_string_equal(terminal_text(TOP + 2, CHART + 38, 2), "##");
	assert_string_equal(terminal_text(TOP + 2, CHART, 38), "");
}

static void utf8_has_its_own_signs(void **state)
{
	(void)state;
	show();
	expect_line("Live", "40.0M ±7.84M");
	expect_line("Blocks", "4.00k ±784");
	expect_line("Allocated", "80.0M ±9.80M, 2.00M/s");
	assert_string_equal(terminal_text(TOP + 2, CHART + 22, 2), "██");
	assert_string_equal(terminal_text(TOP + 6, CHART + 2, 2), "▄▄");
}

/* The functions from the top, with a blank behind each. */
static const char *order(void)
{
	static char names[256];

	names[0] = '\0';
	for (size_t i = 0; i < table->count; i++) {
		strcat(names, cells_at(table, i, "FUNCTION"));
		strcat(names, " ");
	}
	return names;
}

static void expect_order(int letter, const char *wanted)
{
	assert_true(table_sort_letter(table, letter));
	show();
	assert_string_equal(order(), wanted);
}

static void sorts_by_place_function_and_module(void **state)
{
	(void)state;
	scene_name(&stack->frames[2].function, "a_last");
	scene_name(&stack->frames[3].function, "b");
	scene_name(&stack->frames[0].module, "/usr/lib/libzero.so");
	expect_order('F', "a_last b Cache::insert Node::make ");
	/* By the name that is shown, "" first. */
	expect_order('D', "b Cache::insert Node::make a_last ");
	expect_order('P', "Node::make Cache::insert a_last b ");
	table_invert(table);
	show();
	assert_string_equal(order(), "b a_last Cache::insert Node::make ");
	/* A column that does not sort has no letter. */
	assert_false(table_sort_letter(table, 'O'));
}

static void expect_only(const char *filter, const char *names)
{
	strcpy(context.filter, filter);
	show();
	assert_string_equal(order(), names);
}

static void the_filter_is_a_part_of_a_frame(void **state)
{
	(void)state;
	expect_only("INSERT", "Cache::insert ");
	expect_only("node.h", "Node::make ");
	expect_only("opt/", "program+0xabc ");
	expect_only("/src/", "Node::make Cache::insert ");
	expect_only("cache", "Node::make Cache::insert ");
	assert_true(table_sort_letter(table, 'P'));
	expect_only("cache.cc", "Cache::insert ");
	expect_row(0, "#", "1"); /* its place is that in the whole stack */
	expect_only("nowhere", "");
	assert_string_equal(terminal_row(TOP + 10),
			    "  No frame contains the filter.");
}

static void nothing_yet_is_said(void **state)
{
	(void)state;
	stack->frame_count = 0;
	show();
	stack->frame_count = 4;
	assert_string_equal(terminal_row(TOP + 10), "  There is no stack.");
	context.stack = NULL;
	show();
	assert_string_equal(terminal_row(TOP), "");
	assert_string_equal(terminal_row(TOP + 1),
			    "  Waiting for its stack ...");
	assert_int_equal(table->count, 0);
	strcpy(context.sites_trouble, "no such site");
	show();
	assert_string_equal(terminal_row(TOP + 1), "  no such site");
	context.stack = stack;
	show();
	assert_int_equal(terminal_find("no such site"), -1);
}

static void little_room_keeps_what_matters(void **state)
{
	(void)state;
	stack->pending = site->truncated = true;
	scene_name(&site->function, "a_function_with_such_a_long_name");
	show_in(10, 40);
	assert_memory_equal(terminal_row(TOP),
			    " a_function_with_such_a_long_name", 33);
	assert_int_equal(terminal_find("site 11"), -1);
	assert_memory_equal(terminal_row(TOP + 1), " Live ", 6);
	assert_memory_equal(terminal_row(TOP + 4), " Allocated ", 11);
	assert_int_equal(terminal_find("Peak"), -1);
	assert_int_equal(terminal_find("AGE AT FREE"), -1);
	assert_int_equal(table->y, TOP + 5);
	expect_row(0, "FUNCTION", "Node::make");
	expect_row(0, "LOCATION", "node.h:12");
	expect_row(0, "INL", "(hidden)");
	expect_row(0, "MODULE", "(hidden)");
	expect_row(0, "OFFSET", "(hidden)");
	/* Of a few rows the last ones are the first frames. */
	show_in(4, 80);
	assert_memory_equal(terminal_row(TOP + 1), " Live ", 6);
	assert_memory_equal(terminal_row(TOP + 2), "  # INL", 7);
	assert_memory_equal(terminal_row(TOP + 3), "  0 inl", 7);
	assert_string_equal(terminal_row(TOP + 4), "");
}

static void the_chart_needs_half_of_the_width(void **state)
{
	(void)state;
	show_in(26, 80);
	assert_string_equal(terminal_text(TOP + 1, 40, 40), "AGE AT FREE");
	/* No figure runs into it. */
	scene_name(&site->thread,
		   "a-thread-of-a-name-of-fifty-characters-or-more-yes");
	show_in(26, 80);
	assert_string_equal(terminal_text(TOP + 8, 38, 42),
			    "~   1us       1ms       1s    1m    1h");
	show_in(26, 79);
	assert_int_equal(terminal_find("AGE AT FREE"), -1);
	/* And five lines, for bars to be told from each other. */
	show_in(12, 80);
	assert_string_equal(terminal_text(TOP + 1, 40, 40), "AGE AT FREE");
	assert_string_equal(terminal_text(TOP + 5, 40, 40),
			    "  1us       1ms       1s    1m    1h");
	show_in(11, 80);
	assert_int_equal(terminal_find("AGE AT FREE"), -1);
}

static void saves_the_frames_that_are_shown(void **state)
{
	char *text;

	(void)state;
	strcpy(context.filter, "cache");
	table_invert(table);
	show();
	text = saved(&screen_stack, &context, OPTS_CSV);
	assert_string_equal(
		text,
		"function,file,line,module,module_offset,pc,inlined,note\n"
		"Cache::insert,/build/src/cache.cc,42,/usr/lib/libcache.so.1,"
		"0x1234,0x7f0000001234,0,\"\"\n"
		"Node::make,/build/src/node.h,12,/usr/lib/libcache.so.1,"
		"0x1234,0x7f0000001234,1,\"\"\n");
	free(text);
	strcpy(context.filter, "opt/");
	show();
	text = saved(&screen_stack, &context, OPTS_JSON);
	assert_memory_equal(text, "{\"schema\":1,\"time_s\":0.000,", 27);
	assert_non_null(strstr(text, ",\"site\":{\"site_id\":11,"));
	assert_non_null(
		strstr(text, "{\"age_us\":1048576,\"objects\":40.000}"));
	assert_non_null(strstr(text, "\"rows\":[{\"function\":\"\","
				     "\"file\":\"\",\"line\":0,\"module\":"
				     "\"/opt/app/program\","));
	assert_non_null(strstr(text, "\"note\":\"no debug information\"}]}"));
	assert_null(strstr(text, "Node::make"));
	free(text);
}

static void nothing_is_no_file(void **state)
{
	struct detail *detail = context.detail;

	(void)state;
	show();
	context.stack = NULL;
	expect_nothing_saved(&screen_stack, &context);
	context.stack = stack;
	context.detail = NULL;
	expect_nothing_saved(&screen_stack, &context);
	context.detail = detail;
	free(saved(&screen_stack, &context, OPTS_JSON));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_inside_the_sites),
		TEST(frames_stand_leaf_first),
		TEST(what_is_not_known_is_given_as_an_address),
		TEST(a_location_is_a_file_a_line_or_a_note),
		TEST(inlined_frames_and_notes_look_different),
		TEST(the_title_names_the_site),
		TEST(the_figures_stand_with_their_errors),
		TEST(few_samples_are_rough),
		TEST(no_leak_and_nothing_freed_are_said),
		TEST(the_class_of_most_bytes_is_named),
		TEST(lifetimes_are_bars),
		cmocka_unit_test_setup_teardown(utf8_has_its_own_signs,
						setup_utf8, teardown),
		TEST(sorts_by_place_function_and_module),
		TEST(the_filter_is_a_part_of_a_frame),
		TEST(nothing_yet_is_said),
		TEST(little_room_keeps_what_matters),
		TEST(the_chart_needs_half_of_the_width),
		TEST(saves_the_frames_that_are_shown),
		TEST(nothing_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
