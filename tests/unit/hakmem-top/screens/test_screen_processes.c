#include <setjmp.h>
#include <signal.h>
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
static size_t first_sort; /* before anybody sorted */

static void show(void)
{
	assert_true(view_update(&context.view, context.list));
	assert_true(screen_processes.refresh(&context));
	term_begin();
	screen_processes.draw(&context, 2, 20, 130);
}

static int setup(void **state)
{
	(void)state;
	context = (struct context){.list = scene_list(3)};
	table = screen_processes.table();
	table->sort = cells_column(table, "LIVE");
	table->invert = false;
	table_select(table, 0);
	return terminal_screen(24, 130, true) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	context.view.count = 0;
	screen_processes.refresh(&context);
	view_clear(&context.view);
	model_processes_free(context.list);
	return 0;
}

static void is_a_screen_of_the_list(void **state)
{
	(void)state;
	assert_string_equal(screen_processes.name, "Processes");
	assert_false(screen_processes.of_process);
	assert_int_equal(screen_processes.needs, 0);
	assert_string_equal(table->columns[first_sort].title, "LIVE");
}

static void a_row_shows_the_figures(void **state)
{
	(void)state;
	context.list->rows[2].figures[FIGURE_REJECTS] = 5;
	context.list->rows[2].figures[FIGURE_PAGE_BOUNDARY] = 3;
	show();
	assert_int_equal(table->count, 3);
	/* The most live bytes first. */
	assert_string_equal(cells_at(table, 0, "PID"), "103");
	assert_string_equal(cells_at(table, 1, "PID"), "102");
	assert_string_equal(cells_at(table, 0, "COMMAND"), "program3 -x");
	assert_string_equal(cells_at(table, 0, "LIVE"), "3.00K");
	assert_string_equal(cells_at(table, 0, "RSS"), "3.00M");
	assert_string_equal(cells_at(table, 0, "ALLOC/S"), "-");
	assert_string_equal(cells_at(table, 0, "FREE/S"), "-");
	assert_string_equal(cells_at(table, 0, "PGB/S"), "-");
	assert_string_equal(cells_at(table, 0, "1024%"), "10.0");
	assert_string_equal(cells_at(table, 0, "REJ"), "5");
	assert_string_equal(cells_at(table, 0, "AGE"), "1m15s");
	assert_string_equal(cells_at(table, 0, "STATE"), "running");
	assert_string_equal(cells_at(table, 2, "REJ"), "0");
	assert_string_equal(terminal_row(6), "");
}

static void rates_are_of_a_second(void **state)
{
	(void)state;
	show();
	for (size_t i = 0; i < 3; i++) {
		context.list->rows[i].state_ns += 2 * SCENE_S;
		context.list->rows[i].figures[FIGURE_ALLOCS] += 2000 * (3 - i);
		context.list->rows[i].figures[FIGURE_FREES] += 100;
	}
	context.list->now_ns += 2 * SCENE_S;
	show();
	assert_string_equal(cells_at(table, 0, "ALLOC/S"), "1.00k");
	assert_string_equal(cells_at(table, 2, "ALLOC/S"), "3.00k");
	assert_string_equal(cells_at(table, 0, "FREE/S"), "50.0");
	assert_string_equal(cells_at(table, 0, "PGB/S"), "0");
	table_sort_by(table, cells_column(table, "ALLOC/S"));
	show();
	assert_string_equal(cells_at(table, 0, "PID"), "101");
}

static void with_a_mark_it_shows_what_changed(void **state)
{
	(void)state;
	context.view.baseline_ns = 50 * SCENE_S;
	scene_mark(&context.list->rows[0]);
	scene_mark(&context.list->rows[1]);
	context.list->rows[0].figures[FIGURE_LIVE_BYTES] += 500; /* grew most */
	context.list->rows[1].figures[FIGURE_LIVE_BYTES] -= 24;
	context.list->rows[0].figures[FIGURE_ALLOCS] += 100;
	context.list->rows[0].figures[FIGURE_REQUESTS_1024] += 50;
	context.list->rows[0].figures[FIGURE_REJECTS] += 2;
	show();
	assert_string_equal(
		terminal_text(2, table->column_x[cells_column(table, "LIVE")],
			      6),
		" +LIVE");
	assert_string_equal(cells_at(table, 0, "PID"), "101");
	assert_string_equal(cells_at(table, 0, "+LIVE"), "+500B");
	/* Of whom no baseline is known. */
	assert_string_equal(cells_at(table, 1, "+LIVE"), "-");
	assert_string_equal(cells_at(table, 1, "+ALLOCS"), "-");
	assert_string_equal(cells_at(table, 1, "1024%"), "-");
	assert_string_equal(cells_at(table, 2, "+LIVE"), "-24B");
	assert_string_equal(cells_at(table, 0, "+ALLOCS"), "+100");
	assert_string_equal(cells_at(table, 0, "+REJ"), "+2");
	assert_string_equal(cells_at(table, 0, "+RSS"), "0");
	/* Of the requests since the baseline. */
	assert_string_equal(cells_at(table, 0, "1024%"), "50.0");
	assert_string_equal(cells_at(table, 2, "1024%"), "-");
}

static void the_tree_has_children_behind_parents(void **state)
{
	(void)state;
	context.list->rows[2].parent_id = 1;
	context.list->rows[1].parent_id = 3;
	context.tree = true;
	show();
	assert_string_equal(cells_at(table, 0, "COMMAND"), "program1 -x");
	assert_string_equal(cells_at(table, 1, "COMMAND"), "`-program3 -x");
	assert_string_equal(terminal_text(5, 8, 20), "  `-program2 -x");
	/* Without a new poll the rows are the same. */
	context.tree = false;
	screen_processes.refresh(&context);
	screen_processes.draw(&context, 2, 20, 130);
	assert_string_equal(cells_at(table, 0, "COMMAND"), "program3 -x");
	assert_string_equal(cells_at(table, 1, "COMMAND"), "program2 -x");
}

static void roles_tell_the_living_from_the_ended(void **state)
{
	struct process *rows = context.list->rows;

	(void)state;
	rows[0].state = MODEL_EXITED;
	rows[0].exit_known = true;
	rows[0].exit_status = 1;
	rows[1].state = MODEL_SIGNALLED;
	rows[1].exit_signal = SIGSEGV;
	rows[1].figures[FIGURE_REJECTS] = 1;
	show();
	/* The first row is the selected one. */
	assert_int_equal(cells_role(table, 0, "LIVE"), TERM_SELECTED);
	assert_string_equal(cells_at(table, 1, "STATE"), "SIGSEGV");
	assert_int_equal(cells_role(table, 1, "PID"), TERM_DIM);
	assert_int_equal(cells_role(table, 1, "REJ"), TERM_BAD);
	assert_int_equal(cells_role(table, 2, "REJ"), TERM_DIM);
	assert_string_equal(cells_at(table, 2, "STATE"), "exit 1");
	table_select(table, 2);
	rows[1].state = MODEL_RUNNING;
	show();
	assert_int_equal(cells_role(table, 1, "LIVE"), TERM_STRONG);
	assert_int_equal(cells_role(table, 1, "AGE"), TERM_TEXT);
}

static void old_figures_stand_back_and_say_so(void **state)
{
	struct process *rows = context.list->rows;

	(void)state;
	context.list->now_ns += 60 * SCENE_S;
	rows[0].state_ns = context.list->now_ns;
	rows[2].state = MODEL_DISCONNECTED;
	show();
	table_select(table, 2);
	show();
	assert_string_equal(cells_at(table, 1, "STATE"), "old 60s");
	assert_int_equal(cells_role(table, 1, "STATE"), TERM_WARN);
	assert_int_equal(cells_role(table, 1, "LIVE"), TERM_DIM);
	assert_string_equal(cells_at(table, 1, "ALLOC/S"), "-");
	assert_string_equal(cells_at(table, 0, "STATE"), "no link");
	assert_int_equal(cells_role(table, 0, "LIVE"), TERM_DIM);
	assert_string_equal(cells_at(table, 2, "STATE"), "running");
}

static void the_selection_stays_with_its_process(void **state)
{
	(void)state;
	show();
	table_select(table, 1); /* pid 102 */
	context.list->rows[1].figures[FIGURE_LIVE_BYTES] = 1 << 20;
	show();
	assert_int_equal(table->selected, 0);
	assert_string_equal(cells_at(table, 0, "PID"), "102");
}

static void no_name_is_said_to_be_none(void **state)
{
	(void)state;
	scene_name(&context.list->rows[2].command, "");
	show();
	assert_string_equal(cells_at(table, 0, "COMMAND"), "(no command)");
}

static void an_empty_list_says_what_to_do(void **state)
{
	(void)state;
	strcpy(context.filter, "nothing has this");
	show();
	assert_string_equal(terminal_row(4),
			    "  No process contains 'nothing has this'; Esc "
			    "drops the filter.");
	context.filter[0] = '\0';
	context.list->count = 0;
	show();
	context.list->count = 3;
	assert_string_equal(terminal_row(4), "  No program runs under hakmem "
					     "yet. Start one with:");
	assert_int_equal(terminal_find("LD_PRELOAD="), 6);
}

static void expect_only(const char *filter, uint32_t pid)
{
	strcpy(context.filter, filter);
	show();
	assert_int_equal(table->count, 1);
	assert_int_equal(
		((const struct view_row *)table->rows[0])->process->pid, pid);
}

static void the_filter_looks_at_command_state_and_pid(void **state)
{
	(void)state;
	context.list->rows[2].state = MODEL_SIGNALLED;
	context.list->rows[2].exit_signal = SIGSEGV;
	expect_only("PROGRAM2", 102);
	expect_only("/bin/program1", 101);
	expect_only("segv", 103);
	expect_only("101", 101);
	/* Inside a process it is about what is shown there. */
	context.open_pid = 101;
	show();
	assert_int_equal(table->count, 3);
}

static void saves_the_rows_as_they_are_shown(void **state)
{
	char *text;
	const char *line;

	(void)state;
	strcpy(context.filter, "program");
	context.list->rows[1].command[5] = 'P'; /* of either case */
	scene_name(&context.list->rows[0].command, "other");
	show();
	text = saved(&screen_processes, &context, OPTS_CSV);
	assert_memory_equal(text, "time_s,pid,", 11);
	line = strchr(text, '\n') + 1;
	assert_memory_equal(strchr(line, ','), ",103,", 5);
	line = strchr(line, '\n') + 1;
	assert_memory_equal(strchr(line, ','), ",102,", 5);
	line = strchr(line, '\n') + 1;
	assert_string_equal(line, "");
	free(text);
	text = saved(&screen_processes, &context, OPTS_JSON);
	assert_memory_equal(text, "{\"schema\":1,\"time_s\":", 21);
	assert_non_null(strstr(text, "\"processes\":[{\"pid\":103,"));
	assert_non_null(strstr(text, "},{\"pid\":102,"));
	assert_null(strstr(text, "\"pid\":101"));
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_a_screen_of_the_list),
		TEST(a_row_shows_the_figures),
		TEST(rates_are_of_a_second),
		TEST(with_a_mark_it_shows_what_changed),
		TEST(the_tree_has_children_behind_parents),
		TEST(roles_tell_the_living_from_the_ended),
		TEST(old_figures_stand_back_and_say_so),
		TEST(the_selection_stays_with_its_process),
		TEST(no_name_is_said_to_be_none),
		TEST(an_empty_list_says_what_to_do),
		TEST(the_filter_looks_at_command_state_and_pid),
		TEST(saves_the_rows_as_they_are_shown),
	};

	first_sort = screen_processes.table()->sort;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
