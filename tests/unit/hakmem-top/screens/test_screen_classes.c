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
	assert_true(screen_classes.refresh(&context));
	term_begin();
	screen_classes.draw(&context, 3, 20, 120);
}

static int setup(void **state)
{
	(void)state;
	context = (struct context){.detail = scene_detail(1)};
	table = screen_classes.table();
	table->sort = 0;
	table->invert = false;
	table_select(table, 0);
	return terminal_screen(24, 120, true) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	model_detail_free(context.before);
	model_detail_free(context.detail);
	context = (struct context){.tree = false};
	screen_classes.refresh(&context); /* nothing points into it any more */
	return 0;
}

static void is_a_screen_of_a_process(void **state)
{
	(void)state;
	assert_string_equal(screen_classes.name, "Classes");
	assert_true(screen_classes.of_process);
}

static void a_class_shows_its_blocks(void **state)
{
	(void)state;
	show();
	assert_int_equal(table->count, 2);
	assert_string_equal(cells_at(table, 0, "STRIDE"), "16");
	assert_string_equal(cells_at(table, 0, "REQUESTS"), "1-16");
	assert_string_equal(cells_at(table, 0, "ALLOCS"), "900");
	assert_string_equal(cells_at(table, 0, "FREES"), "840");
	assert_string_equal(cells_at(table, 0, "ALLOC/S"), "-");
	assert_string_equal(cells_at(table, 0, "BLOCKS"), "60");
	assert_string_equal(cells_at(table, 0, "LIVE"), "960B");
	assert_string_equal(cells_at(table, 0, "SLABS"), "1");
	assert_string_equal(cells_at(table, 0, "FILL%"), "1.5");
	assert_string_equal(cells_at(table, 0, "HDR"), "map");
	assert_string_equal(cells_at(table, 1, "STRIDE"), "1040");
	assert_string_equal(cells_at(table, 1, "REQUESTS"), "897-1024");
	assert_string_equal(cells_at(table, 1, "LIVE"), "40.6K");
	assert_string_equal(cells_at(table, 1, "FILL%"), "31.7");
	assert_string_equal(cells_at(table, 1, "HDR"), "byte");
	context.detail->classes[0].aligned_only = true;
	show();
	assert_string_equal(cells_at(table, 0, "HDR"), "align");
	assert_int_equal(
		strlen(cells_at(table, 1, "LIVE BYTES")),
		table->column_width[cells_column(table, "LIVE BYTES")]);
	assert_string_equal(cells_at(table, 0, "LIVE BYTES"), "#");
}

/* Whatever a daemon says, no figure is negative or wraps. */
static void impossible_figures_stay_in_bounds(void **state)
{
	(void)state;
	context.detail->classes[0].frees = 901;
	context.detail->classes[1].allocs = UINT64_MAX;
	context.detail->classes[1].slabs = UINT64_MAX;
	show();
	assert_string_equal(cells_at(table, 0, "BLOCKS"), "0");
	assert_string_equal(cells_at(table, 0, "LIVE"), "0B");
	assert_string_equal(cells_at(table, 1, "LIVE"), "16.0E");
	assert_string_equal(cells_at(table, 1, "FILL%"), "-");
}

static void a_class_never_used_is_dim(void **state)
{
	(void)state;
	show();
	assert_int_equal(cells_role(table, 1, "LIVE"), TERM_TEXT);
	context.detail->classes[1].allocs = 0;
	show();
	assert_int_equal(cells_role(table, 1, "LIVE"), TERM_DIM);
}

static void rates_need_two_states(void **state)
{
	(void)state;
	context.before = scene_detail(1);
	context.before->state_ns -= 2 * SCENE_S;
	context.before->classes[1].allocs = 80;
	show();
	assert_string_equal(cells_at(table, 0, "ALLOC/S"), "0");
	assert_string_equal(cells_at(table, 1, "ALLOC/S"), "10.0");
	/* A library with other classes is not compared. */
	context.before->classes[1].stride = 1024;
	show();
	assert_string_equal(cells_at(table, 1, "ALLOC/S"), "-");
}

static void sorts_by_what_it_shows(void **state)
{
	static const struct {
		int letter;
		const char *first;
	} orders[] = {{'A', "16"},   {'L', "1040"}, {'B', "16"},
		      {'S', "1040"}, {'F', "16"},   {'P', "16"}};

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		show();
		assert_true(table_sort_letter(table, orders[i].letter));
		show();
		assert_string_equal(cells_at(table, 0, "STRIDE"),
				    orders[i].first);
		table_invert(table);
		show();
		assert_string_equal(cells_at(table, 1, "STRIDE"),
				    orders[i].first);
	}
}

static void with_a_mark_it_shows_what_changed(void **state)
{
	(void)state;
	context.view.baseline_ns = 1;
	scene_mark(&context.detail->process);
	memcpy(context.detail->base_classes, context.detail->classes,
	       2 * sizeof(context.detail->classes[0]));
	context.detail->classes[1].allocs += 7;
	context.detail->classes[1].frees += 2;
	show();
	assert_non_null(strstr(terminal_row(3), " +ALLOC "));
	assert_string_equal(cells_at(table, 1, "+ALLOC"), "+7");
	assert_string_equal(cells_at(table, 1, "+FREES"), "+2");
	assert_string_equal(cells_at(table, 1, "+BLOCK"), "+5");
	assert_string_equal(cells_at(table, 1, "+LIVE"), "+5.08K");
	assert_string_equal(cells_at(table, 0, "+ALLOC"), "0");
	table_sort_letter(table, 'A');
	show();
	assert_string_equal(cells_at(table, 0, "STRIDE"), "1040");
}

static void the_filter_is_a_part_of_the_range(void **state)
{
	(void)state;
	strcpy(context.filter, "89");
	show();
	assert_int_equal(table->count, 1);
	assert_string_equal(cells_at(table, 0, "STRIDE"), "1040");
	strcpy(context.filter, "xyz");
	show();
	assert_string_equal(terminal_row(5), "  No class contains the filter.");
	context.filter[0] = '\0';
	context.detail->class_count = 0;
	show();
	context.detail->class_count = 2;
	assert_string_equal(terminal_row(5), "  No class is known yet.");
}

static void saves_the_classes_that_are_shown(void **state)
{
	(void)state;
	strcpy(context.filter, "89");
	show();
	expect_saved(&screen_classes, &context, OPTS_CSV,
		     "stride_bytes,low_bytes,high_bytes,usable_bytes,"
		     "headerless,allocs,frees,live_objects,live_bytes,slabs,"
		     "aligned_only,class\n"
		     "1040,897,1024,1039,0,100,60,40,41600,2,0,1\n");
	expect_saved(&screen_classes, &context, OPTS_JSON,
		     "{\"schema\":1,\"time_s\":0.000,\"pid\":101,\"command\":"
		     "\"/bin/program1 -x\","
		     "\"what\":\"classes\",\"rows\":["
		     "{\"stride_bytes\":1040,\"low_bytes\":897,"
		     "\"high_bytes\":1024,\"usable_bytes\":1039,"
		     "\"headerless\":false,\"allocs\":100,\"frees\":60,"
		     "\"live_objects\":40,\"live_bytes\":41600,"
		     "\"slabs\":2,\"aligned_only\":false,\"class\":1}]}\n");
	model_detail_free(context.detail);
	context.detail = NULL;
	assert_true(screen_classes.refresh(&context));
	expect_nothing_saved(&screen_classes, &context);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_a_screen_of_a_process),
		TEST(a_class_shows_its_blocks),
		TEST(impossible_figures_stay_in_bounds),
		TEST(a_class_never_used_is_dim),
		TEST(rates_need_two_states),
		TEST(sorts_by_what_it_shows),
		TEST(with_a_mark_it_shows_what_changed),
		TEST(the_filter_is_a_part_of_the_range),
		TEST(saves_the_classes_that_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
