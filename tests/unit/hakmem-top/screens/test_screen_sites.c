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

#define WIDE 210 /* room for all columns */

/* The rows of the scene in the order they are shown, by live bytes. */
enum { CACHE, NO_STACK, BUFFER, PARSE };

static struct context context;
static struct sites *sites; /* those of the context, by site id */
static struct site *cache, *buffer, *parse, *no_stack;
static struct table *table;

static void show_in(int height, int width)
{
	assert_true(screen_sites.refresh(&context));
	term_begin();
	screen_sites.draw(&context, 3, height, width);
}

static void show(void)
{
	show_in(20, WIDE);
}

static int setup_with(bool ascii)
{
	sites = scene_sites();
	cache = &sites->rows[0];
	buffer = &sites->rows[1];
	parse = &sites->rows[2];
	no_stack = &sites->rows[3];
	context = (struct context){.detail = scene_detail(1), .sites = sites};
	table = screen_sites.table();
	table->sort = 0;
	table->invert = false;
	table->skip = 0;
	table_select(table, 0);
	return terminal_screen(24, WIDE, ascii) ? 0 : -1;
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
	sites_free(sites);
	context = (struct context){.tree = false};
	screen_sites.refresh(&context); /* nothing points into it any more */
	return 0;
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

/* Sorted by that letter the rows begin so. */
static void expect_order(int letter, const char *begin)
{
	assert_true(table_sort_letter(table, letter));
	show();
	if (strncmp(order(), begin, strlen(begin)) != 0)
		fail_msg("%c: %s, not %s", letter, order(), begin);
}

static void expect_row(size_t row, const char *title, const char *wanted)
{
	assert_string_equal(cells_at(table, row, title), wanted);
}

/* The role of the last character of `text` in the line on top. */
static int role_on_top(const char *text)
{
	const char *line = terminal_row(3), *found = strstr(line, text);

	if (!found) {
		fail_msg("no %s in %s", text, line);
		return -1;
	}
	return PAIR_NUMBER(mvinch(3, (int)(found - line + strlen(text)) - 1) &
			   A_COLOR) -
	       1;
}

static void is_a_screen_of_a_process_with_stacks_inside(void **state)
{
	(void)state;
	assert_string_equal(screen_sites.name, "Sites");
	assert_true(screen_sites.of_process);
	assert_int_equal(screen_sites.needs, NEEDS(SITES));
	assert_true(screen_sites.heap);
	assert_ptr_equal(screen_sites.inside, &screen_stack);
	assert_null(screen_sites.outside);
}

static void a_figure_stands_with_its_error(void **state)
{
	(void)state;
	show();
	assert_int_equal(table->count, 4);
	expect_row(CACHE, "LIVE", "40.0M +-7.84M");
	expect_row(CACHE, "BLOCKS", "4.00k +-784");
	expect_row(CACHE, "ALLOC/S", "2.00M");
	expect_row(CACHE, "AGE", "3m07s");
	expect_row(CACHE, "GROWTH", "^120K/m");
	expect_row(CACHE, "FUNCTION", "Cache::insert");
	expect_row(CACHE, "LOCATION", "cache.cc:42");
	expect_row(CACHE, "MODULE", "libcache.so.1");
	expect_row(CACHE, "ALLOCATED", "80.0M +-9.80M");
	expect_row(CACHE, "PEAK", "41.0M");
	expect_row(CACHE, "SHORT%", "25.0");
	expect_row(CACHE, "THREAD", "worker-3 +3");
}

static void few_samples_are_intervals_and_rough(void **state)
{
	(void)state;
	show();
	expect_row(BUFFER, "LIVE", "1.50M-4.81M n=1");
	expect_row(BUFFER, "BLOCKS", "1-4 n=1");
	expect_row(BUFFER, "ALLOC/S", "<307K");
	expect_row(BUFFER, "AGE", "~0.5s");
	expect_row(BUFFER, "GROWTH", "");
	expect_row(BUFFER, "LOCATION", "buffer.c:7");
	expect_row(BUFFER, "PEAK", "~2.00M");
	expect_row(BUFFER, "SHORT%", "~50.0");
	expect_row(BUFFER, "THREAD", "4112");
	/* One is rough by what it allocated, the other by what lives. */
	cache->live.samples = parse->live.samples = 9;
	buffer->allocated.samples = 10;
	show();
	expect_row(CACHE, "AGE", "~3m07s");
	expect_row(CACHE, "PEAK", "41.0M");
	expect_row(BUFFER, "PEAK", "2.00M");
	expect_row(BUFFER, "SHORT%", "50.0");
	expect_row(BUFFER, "AGE", "~0.5s");
}

static void what_was_not_sampled_is_not_told(void **state)
{
	(void)state;
	show();
	expect_row(PARSE, "LIVE", "<3.00M n=0");
	expect_row(PARSE, "BLOCKS", "-");
	expect_row(PARSE, "AGE", "-");
	expect_row(PARSE, "PEAK", "-");
	expect_row(PARSE, "SHORT%", "100");
	expect_row(PARSE, "ALLOCATED", "30.0M +-5.88M");
	expect_row(NO_STACK, "FUNCTION", "[no stack]");
	expect_row(NO_STACK, "LOCATION", "");
	expect_row(NO_STACK, "MODULE", "");
	expect_row(NO_STACK, "THREAD", "-");
}

/* Now is the baseline. */
static void mark(void)
{
	context.view.baseline_ns = 1;
	scene_mark(&context.detail->process);
	sites->marked = true;
}

static void utf8_has_its_own_signs(void **state)
{
	(void)state;
	show();
	expect_row(CACHE, "LIVE", "40.0M ±7.84M");
	expect_row(CACHE, "BLOCKS", "4.00k ±784");
	expect_row(CACHE, "GROWTH", "▲120K/m");
	expect_row(CACHE, "ALLOCATED", "80.0M ±9.80M");
	assert_string_equal(
		terminal_row(3),
		" 1 in 1.00M  live 44.0M ±7.84M, exact 1.00K  z -0.5");
	mark();
	cache->since.live = (struct estimate){12 * SCENE_M, 5.66 * SCENE_M, 12};
	cache->since.live_objects = (struct estimate){1000, 500, 12};
	cache->since.allocated =
		(struct estimate){12 * SCENE_M, 12 * SCENE_M, 12};
	no_stack->since.live = (struct estimate){2.5 * SCENE_M, SCENE_M, 3};
	show();
	expect_row(CACHE, "+LIVE", "+12.0M ±11.1M");
	expect_row(CACHE, "+BLOCKS", "+1.00k ±980");
	expect_row(CACHE, "+ALLOCATED", "+12.0M ±23.5M");
	expect_row(1, "FUNCTION", "[no stack]");
	expect_row(1, "+LIVE", "+2.50M ±2.77M n=3");
}

static void a_leak_and_an_empty_site_stand_out(void **state)
{
	(void)state;
	show();
	table_select(table, BUFFER); /* the selected row has its own look */
	show();
	assert_int_equal(cells_role(table, CACHE, "GROWTH"), TERM_BAD);
	assert_int_equal(cells_role(table, CACHE, "FUNCTION"), TERM_BAD);
	assert_int_equal(cells_role(table, CACHE, "LIVE"), TERM_TEXT);
	assert_int_equal(cells_role(table, PARSE, "FUNCTION"), TERM_TEXT);
	assert_int_equal(cells_role(table, PARSE, "LIVE"), TERM_DIM);
	assert_int_equal(cells_role(table, PARSE, "BLOCKS"), TERM_DIM);
	assert_int_equal(cells_role(table, PARSE, "ALLOCATED"), TERM_TEXT);
	/* With a baseline those stand back of which nothing changed. */
	mark();
	parse->since.live = (struct estimate){1, 1, 1}; /* the first row */
	show();
	expect_row(0, "FUNCTION", "parse");
	assert_int_equal(cells_role(table, 0, "+LIVE"), TERM_TEXT);
	for (size_t row = 1; row < 4; row++)
		if (strcmp(cells_at(table, row, "FUNCTION"), "buffer_grow"))
			assert_int_equal(cells_role(table, row, "+LIVE"),
					 TERM_DIM);
}

static void sorts_by_what_it_shows(void **state)
{
	(void)state;
	parse->growth = 1e9; /* no suspect */
	free(parse->thread);
	parse->thread = strdup("Alpha");
	expect_order('L', "Cache::insert [no stack] buffer_grow parse ");
	expect_order('B', "Cache::insert [no stack] buffer_grow parse ");
	expect_order('R', "Cache::insert parse ");
	expect_order('A', "[no stack] Cache::insert buffer_grow parse ");
	expect_order('W', "Cache::insert ");
	expect_order('F', "[no stack] buffer_grow Cache::insert parse ");
	expect_order('O', "[no stack] buffer_grow Cache::insert parse ");
	expect_order('D', "[no stack] Cache::insert parse buffer_grow ");
	expect_order('C', "Cache::insert parse buffer_grow [no stack] ");
	expect_order('P', "Cache::insert buffer_grow ");
	expect_order('S', "parse buffer_grow Cache::insert [no stack] ");
	expect_order('T', "[no stack] buffer_grow parse Cache::insert ");
	table_invert(table);
	show();
	assert_string_equal(order(),
			    "Cache::insert parse buffer_grow [no stack] ");
}

static void without_a_name_threads_are_in_order_of_their_ids(void **state)
{
	(void)state;
	scene_name(&cache->thread, "");
	buffer->thread_id = 9;
	parse->thread_id = 10;
	expect_order('T', "[no stack] buffer_grow parse Cache::insert ");
}

/* Ten blocks more of the buffer, two less of the cache; one site is new. */
static void mark_and_change(void)
{
	mark();
	no_stack->since = (struct site_change){
		no_stack->live, no_stack->live_objects, no_stack->allocated};
	buffer->since = (struct site_change){
		{10 * SCENE_M, 3 * SCENE_M, 10},
		{10, 3, 10},
		{10 * SCENE_M, 4.9 * SCENE_M, 10},
	};
	cache->since.live = (struct estimate){-2 * SCENE_M, 2.646 * SCENE_M, 2};
	cache->since.live_objects = (struct estimate){-200, 300, 2};
}

static void with_a_mark_it_shows_what_changed(void **state)
{
	(void)state;
	mark_and_change();
	show();
	assert_string_equal(order(),
			    "buffer_grow [no stack] parse Cache::insert ");
	expect_row(0, "+LIVE", "+10.0M +-5.88M");
	expect_row(0, "+BLOCKS", "+10 +-6");
	expect_row(0, "+ALLOCATED", "+10.0M +-9.60M");
	expect_row(2, "+LIVE", "<3.00M n=0");
	expect_row(2, "+BLOCKS", "-");
	expect_row(2, "+ALLOCATED", "<3.00M n=0");
	expect_row(3, "+LIVE", "-2.00M +-5.54M n=2");
	expect_order('B', "[no stack] buffer_grow parse Cache::insert ");
	expect_order('C', "buffer_grow [no stack] ");
	/* Other columns are of now. */
	expect_row(0, "AGE", "~0.5s");
	assert_string_equal(terminal_text(4, 0, 5), "+LIVE");
	/* Without the baseline it is as before. */
	context.view.baseline_ns = 0;
	expect_order('L', "Cache::insert [no stack] buffer_grow parse ");
	assert_string_equal(terminal_text(4, 0, 5), "LIVE");
	expect_row(0, "LIVE", "40.0M +-7.84M");
	/* Of a process born later all is since then. */
	context.view.baseline_ns = 1;
	context.detail->process.first_seen_ns = 1;
	context.detail->process.base_ns = 0;
	sites->marked = false;
	show();
	expect_row(0, "+LIVE", "+40.0M +-7.84M");
}

static void expect_top(const char *wanted)
{
	show();
	assert_string_equal(terminal_row(3), wanted);
}

static void the_line_on_top_checks_the_samples(void **state)
{
	(void)state;
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 1.00K  z -0.5");
	context.detail->process.figures[FIGURE_LIVE_BYTES] = 45 << 20;
	sites->z = 3;
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 45.0M  z +3.0");
	assert_int_equal(role_on_top("z +3.0"), TERM_TEXT);
	sites->z = 3.25;
	show();
	assert_int_equal(role_on_top("z +3.2"), TERM_BAD);
	sites->z = -3.5;
	show();
	assert_int_equal(role_on_top("z -3.5"), TERM_BAD);
	sites->z = 1e30;
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 45.0M  z +999.0");
	sites->z = -1e30;
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 45.0M  z -999.0");
}

static void the_line_on_top_says_what_is_missing(void **state)
{
	(void)state;
	sites->pending = true;
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 1.00K  z -0.5"
		   "  names are being looked up");
	assert_int_equal(role_on_top("looked up"), TERM_WARN);
	sites->pending = false;
	sites->omitted = 17;
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 1.00K  z -0.5"
		   "  17 more sites");
	sites->omitted = 0;
	context.detail->process.figures[FIGURE_SAMPLE_CONFIGURED_BYTES] = 512
									  << 10;
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 1.00K  z -0.5"
		   "  raised by the limiter from 512K");
	assert_int_equal(role_on_top("512K"), TERM_WARN);
	context.detail->process.figures[FIGURE_SAMPLE_CONFIGURED_BYTES] =
		1 << 20; /* as it is */
	expect_top(" 1 in 1.00M  live 44.0M +-7.84M, exact 1.00K  z -0.5");
}

static void sampling_that_is_off_is_said(void **state)
{
	(void)state;
	sites->sample_bytes = 0;
	context.detail->process.figures[FIGURE_SAMPLE_CONFIGURED_BYTES] = 512
									  << 10;
	expect_top(" sampling is off  live 44.0M +-7.84M, exact 1.00K  z -0.5");
	assert_int_equal(role_on_top("is off"), TERM_WARN);
	/* What was sampled before still shows; other bounds are not known. */
	expect_row(CACHE, "LIVE", "40.0M +-7.84M");
	expect_row(CACHE, "ALLOC/S", "-");
	expect_row(PARSE, "LIVE", "-");
}

static void expect_only(const char *filter, const char *names)
{
	strcpy(context.filter, filter);
	show();
	assert_string_equal(order(), names);
}

static void the_filter_is_a_part_of_a_name(void **state)
{
	(void)state;
	expect_only("INSERT", "Cache::insert ");	      /* function */
	expect_only("no st", "[no stack] ");		      /* or instead */
	expect_only("build", "buffer_grow ");		      /* directory */
	expect_only(":99", "parse ");			      /* location */
	expect_only("lib", "Cache::insert parse ");	      /* module */
	expect_only("worker", "Cache::insert ");	      /* thread */
	expect_only("r", "Cache::insert buffer_grow parse "); /* by LIVE */
	expect_only("nowhere", "");
	assert_string_equal(terminal_row(6), "  No site contains the filter.");
}

static void nothing_yet_is_said(void **state)
{
	(void)state;
	sites->count = 0;
	show();
	assert_string_equal(terminal_row(6),
			    "  No allocation was sampled yet.");
	sites->sample_bytes = 0;
	show();
	sites->count = 4;
	assert_string_equal(terminal_row(6),
			    "  No site: sampling is off (hakmem-top set "
			    "--sample).");
	show();
	assert_int_equal(terminal_find("No "), -1);
	context.sites = NULL;
	show();
	assert_string_equal(terminal_row(4), "  Waiting for its sites ...");
	assert_int_equal(table->count, 0);
	assert_string_equal(terminal_row(3), "");
	strcpy(context.sites_trouble, "an old library");
	show();
	assert_string_equal(terminal_row(4), "  an old library");
	assert_int_equal(PAIR_NUMBER(mvinch(4, 3) & A_COLOR) - 1, TERM_BAD);
	/* The last ones that came stay. */
	context.sites = sites;
	show();
	assert_int_equal(terminal_find("an old library"), -1);
	expect_row(CACHE, "FUNCTION", "Cache::insert");
}

static void little_room_keeps_what_matters(void **state)
{
	(void)state;
	sites->pending = true;
	sites->omitted = 17;
	context.detail->process.figures[FIGURE_SAMPLE_CONFIGURED_BYTES] = 1;
	show_in(3, 40);
	expect_row(0, "LIVE", "40.0M +-7.84M");
	expect_row(0, "FUNCTION", "Cache::insert");
	expect_row(0, "BLOCKS", "(hidden)");
	expect_row(0, "GROWTH", "(hidden)");
	assert_memory_equal(terminal_row(3), " 1 in 1.00M  live 44.0M", 23);
	assert_memory_equal(terminal_row(4), "LIVE  ", 6);
	assert_string_equal(terminal_row(6), ""); /* a header and a row */
	assert_int_equal(terminal_find("more sites"), -1);
	assert_int_equal(terminal_find("limiter"), -1);
	show_in(20, 80);
	expect_row(0, "BLOCKS", "4.00k +-784");
	expect_row(0, "ALLOC/S", "2.00M");
	expect_row(0, "AGE", "3m07s");
	expect_row(0, "GROWTH", "^120K/m");
	expect_row(0, "LOCATION", "(hidden)");
	expect_row(0, "MODULE", "(hidden)");
}

static void enter_opens_the_site_of_the_row(void **state)
{
	(void)state;
	show();
	assert_true(screen_sites.enter(&context));
	assert_int_equal(context.site_id, 11);
	table_select(table, BUFFER);
	assert_true(screen_sites.enter(&context));
	assert_int_equal(context.site_id, 12);
	/* The selection is of the site, wherever it goes. */
	buffer->live.value = 90 * SCENE_M;
	show();
	expect_row(0, "FUNCTION", "buffer_grow");
	buffer->live.value = 0;
	parse->live.value = 20 * SCENE_M;
	show();
	expect_row(3, "FUNCTION", "buffer_grow");
	context.site_id = 0;
	assert_true(screen_sites.enter(&context));
	assert_int_equal(context.site_id, 12);
	strcpy(context.filter, "nowhere");
	show();
	context.site_id = 0;
	assert_false(screen_sites.enter(&context));
	assert_int_equal(context.site_id, 0);
}

static void saves_the_sites_that_are_shown(void **state)
{
	char *text;

	(void)state;
	table_sort_letter(table, 'F');
	strcpy(context.filter, "lib");
	show();
	text = saved(&screen_sites, &context, OPTS_CSV);
	assert_string_equal(
		strchr(text, '\n'),
		"\n11,Cache::insert,src/cache/cache.cc:42,libcache.so.1,"
		"41943040.000,4194304.000,4000.000,400.000,40,83886080.000,"
		"5242880.000,8000.000,500.000,80,2097152.000,42991616.000,"
		"4194304.000,4100.000,410.000,45088768.000,187.000,0.250,1,"
		"2048.000,5.000,4111,worker-3,4,0\n"
		"13,parse,parse.c:99,libxml.so,0.000,0.000,0.000,0.000,0,"
		"31457280.000,3145728.000,0.000,0.000,30,102400.000,0.000,"
		"0.000,0.000,0.000,0.000,0.000,1.000,0,0.000,0.000,4113,\"\","
		"1,0\n");
	assert_memory_equal(text, "site_id,function,location,", 26);
	free(text);
	table_invert(table);
	show();
	text = saved(&screen_sites, &context, OPTS_JSON);
	assert_memory_equal(text, "{\"schema\":1,\"time_s\":0.000,\"pid\":101,",
			    37);
	assert_non_null(strstr(text, "\"sample_bytes\":1048576,"));
	assert_non_null(strstr(text, "\"z\":-0.500,"));
	assert_non_null(strstr(text, "[{\"site_id\":13,"));
	assert_non_null(strstr(text, "},{\"site_id\":11,"));
	assert_null(strstr(text, "\"site_id\":12,"));
	free(text);
}

static void nothing_is_no_file(void **state)
{
	struct detail *detail = context.detail;

	(void)state;
	show();
	context.sites = NULL;
	expect_nothing_saved(&screen_sites, &context);
	context.sites = sites;
	context.detail = NULL;
	expect_nothing_saved(&screen_sites, &context);
	context.detail = detail;
	free(saved(&screen_sites, &context, OPTS_JSON));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_a_screen_of_a_process_with_stacks_inside),
		TEST(a_figure_stands_with_its_error),
		TEST(few_samples_are_intervals_and_rough),
		TEST(what_was_not_sampled_is_not_told),
		cmocka_unit_test_setup_teardown(utf8_has_its_own_signs,
						setup_utf8, teardown),
		TEST(a_leak_and_an_empty_site_stand_out),
		TEST(sorts_by_what_it_shows),
		TEST(without_a_name_threads_are_in_order_of_their_ids),
		TEST(with_a_mark_it_shows_what_changed),
		TEST(the_line_on_top_checks_the_samples),
		TEST(the_line_on_top_says_what_is_missing),
		TEST(sampling_that_is_off_is_said),
		TEST(the_filter_is_a_part_of_a_name),
		TEST(nothing_yet_is_said),
		TEST(little_room_keeps_what_matters),
		TEST(enter_opens_the_site_of_the_row),
		TEST(saves_the_sites_that_are_shown),
		TEST(nothing_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
