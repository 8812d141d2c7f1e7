#include "hakmem-top/ui/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/cells.h"
#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"

#define ESCAPE 27

static struct opts opts;
static struct input input;
static struct client *client;
static struct table *table;
static char directory[64], path[96];

static void show(void)
{
	chrome_draw(&input.ui, &input.feed, client_now_ns());
}

static void press(int key)
{
	input_press(&input, key, NULL);
}

static void type(const char *text)
{
	while (*text)
		press(*text++);
}

static void click(int y, int x, bool twice, int wheel)
{
	const struct term_click where = {y, x, twice, wheel};

	input_press(&input, KEY_MOUSE, &where);
}

static int setup(void **state)
{
	(void)state;
	opts = (struct opts){.interval_s = 1};
	input = (struct input){.opts = &opts};
	strcpy(directory, "/tmp/hakmem-input-XXXXXX");
	client = client_new("/nonexistent/hakmem/sock", false);
	if (!mkdtemp(directory) || !client || !terminal_screen(24, 100, true))
		return -1;
	input.ui.screen = &screen_processes;
	feed_init(&input.feed, client, &input.context, opts.interval_s);
	input.context.list = scene_list(5);
	feed_rebuild(&input.feed);
	table = screen_processes.table();
	table_sort_by(table, cells_column(table, "LIVE"));
	table->invert = false;
	table->skip = 0;
	input_refresh(&input);
	table_select(table, 0);
	show();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	feed_clear(&input.feed);
	screen_processes.refresh(&input.context);
	screen_sizes.refresh(&input.context);
	client_free(client);
	return rmdir(directory); /* fails when something was left in it */
}

static uint32_t selected_pid(void)
{
	const struct view_row *row = table_selected(table);

	return row ? row->process->pid : 0;
}

/* The process n is open, as if its answer had come. */
static void open_process(const struct screen *screen)
{
	press('\n');
	input.context.detail = scene_detail(input.context.open_id);
	for (size_t i = 0; chrome_tabs[i] && input.ui.screen != screen; i++)
		press('\t');
	assert_ptr_equal(input.ui.screen, screen);
}

static void expect_message(const char *wanted, bool bad)
{
	assert_true(input.ui.message_until_ns > client_now_ns());
	assert_string_equal(input.ui.message, wanted);
	assert_int_equal(input.ui.message_bad, bad);
}

static void a_message_is_shown_until_a_key(void **state)
{
	(void)state;
	input_say(&input, true, "%d things", 3);
	expect_message("3 things", true);
	assert_in_range(input.ui.message_until_ns - client_now_ns(),
			2 * SCENE_S, 10 * SCENE_S);
	press(KEY_DOWN);
	assert_int_equal(input.ui.message_until_ns, 0);
}

static void quits(void **state)
{
	static const int keys[] = {'q', KEY_F(10)};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		input.quit = false;
		press(keys[i]);
		assert_true(input.quit);
	}
}

static void enter_opens_what_is_selected(void **state)
{
	(void)state;
	press(KEY_DOWN);
	assert_int_equal(selected_pid(), 104);
	press('\n');
	assert_int_equal(input.context.open_id, 4);
	assert_ptr_equal(input.ui.screen, chrome_tabs[0]);
	assert_int_equal(input.feed.needs, chrome_tabs[0]->needs);
	assert_int_equal(input.feed.next_ns, 0); /* is asked for at once */
	press('2');
	press('\n'); /* there is nothing to open in a process */
	assert_ptr_equal(input.ui.screen, chrome_tabs[1]);
}

static void there_may_be_nothing_to_open(void **state)
{
	(void)state;
	press('\\');
	type("no such thing");
	press('\n');
	press('\n');
	assert_int_equal(input.context.open_id, 0);
	assert_ptr_equal(input.ui.screen, &screen_processes);
}

static void tab_goes_round_the_screens(void **state)
{
	size_t count = 0;

	(void)state;
	while (chrome_tabs[count])
		count++;
	press('\t'); /* in the list it opens, too */
	assert_int_equal(input.context.open_id, 5);
	for (size_t i = 0; i <= count; i++) {
		assert_ptr_equal(input.ui.screen, chrome_tabs[i % count]);
		assert_int_equal(input.feed.needs,
				 chrome_tabs[i % count]->needs);
		press('\t');
	}
	for (size_t i = 0; i <= count; i++) {
		press(KEY_BTAB);
		assert_ptr_equal(input.ui.screen,
				 chrome_tabs[(count - i) % count]);
	}
}

static void a_digit_is_the_screen_of_that_number(void **state)
{
	size_t count = 0;

	(void)state;
	press('2');
	assert_int_equal(input.context.open_id, 5);
	assert_ptr_equal(input.ui.screen, chrome_tabs[1]);
	/* What only the first screen needs is asked for at once. */
	input.feed.next_ns = 77;
	press('3');
	assert_int_equal(input.feed.next_ns, 77);
	press('1');
	assert_ptr_equal(input.ui.screen, chrome_tabs[0]);
	assert_int_equal(input.feed.next_ns, 0);
	while (chrome_tabs[count])
		count++;
	for (int key = '1' + (int)count; key <= '9'; key++) {
		press(key);
		assert_ptr_equal(input.ui.screen, chrome_tabs[0]);
	}
}

static void escape_goes_back_to_the_list(void **state)
{
	(void)state;
	open_process(&screen_sizes);
	press(ESCAPE);
	assert_ptr_equal(input.ui.screen, &screen_processes);
	assert_int_equal(input.context.open_id, 0);
	assert_null(input.context.detail);
	assert_int_equal(input.feed.needs, 0);
	press(ESCAPE);
	assert_false(input.quit);
}

static void escape_drops_a_filter_first(void **state)
{
	(void)state;
	open_process(&screen_sizes);
	press('\\');
	type("1024");
	press('\n');
	assert_int_equal(screen_sizes.table()->count, 1);
	press(ESCAPE);
	assert_ptr_equal(input.ui.screen, &screen_sizes);
	assert_string_equal(input.context.filter, "");
	assert_int_equal(screen_sizes.table()->count, 2);
	press(ESCAPE);
	assert_ptr_equal(input.ui.screen, &screen_processes);
}

static void a_filter_works_while_it_is_typed(void **state)
{
	(void)state;
	press(KEY_F(4));
	assert_int_equal(input.ui.mode, CHROME_PROMPT);
	type("program");
	assert_int_equal(table->count, 5);
	type("2q"); /* no key quits now */
	assert_int_equal(table->count, 0);
	press(KEY_BACKSPACE);
	assert_int_equal(table->count, 1);
	assert_int_equal(selected_pid(), 102);
	press('\n');
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
	assert_int_equal(table->count, 1);
	assert_false(input.quit);
	press('\\'); /* goes on with what is there */
	assert_string_equal(input.ui.prompt.text, "program2");
	press(ESCAPE);
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
	assert_int_equal(table->count, 5);
}

static void a_filter_is_of_its_screen(void **state)
{
	(void)state;
	press('\\');
	type("program3");
	press('\n');
	press('\n');
	assert_int_equal(input.context.open_id, 3);
	assert_string_equal(input.context.filter, "");
	press(ESCAPE);
	assert_int_equal(table->count, 5);
}

static void a_filter_has_a_largest_length(void **state)
{
	(void)state;
	press('\\');
	for (int i = 0; i < 100; i++)
		press('x');
	assert_int_equal(strlen(input.context.filter), SCREEN_FILTER_MAX - 1);
}

static void search_goes_from_row_to_row(void **state)
{
	(void)state;
	scene_name(&input.context.list->rows[0].command, "/bin/gcc one");
	scene_name(&input.context.list->rows[1].command, "/bin/gcc two");
	scene_name(&input.context.list->rows[3].command, "/bin/gcc three");
	feed_rebuild(&input.feed);
	press('/');
	type("GCC");
	press('\n');
	assert_int_equal(selected_pid(), 104);
	press('n');
	assert_int_equal(selected_pid(), 102);
	press('n');
	assert_int_equal(selected_pid(), 101);
	press('n'); /* goes round */
	assert_int_equal(selected_pid(), 104);
	press('N');
	assert_int_equal(selected_pid(), 101);
	press('/'); /* the row it stands on counts at first */
	type("gcc");
	press('\n');
	assert_int_equal(selected_pid(), 101);
	press('/');
	type("cargo");
	press('\n');
	expect_message("no row contains 'cargo'", true);
	assert_int_equal(selected_pid(), 101);
}

static void delete_drops_filter_and_search(void **state)
{
	(void)state;
	press('/');
	type("program1");
	press('\n');
	press('\\');
	type("program");
	press('\n');
	press(KEY_DC);
	assert_string_equal(input.context.filter, "");
	assert_string_equal(input.search, "");
	table_select(table, 0);
	press('n');
	assert_int_equal(selected_pid(), 105);
	assert_int_equal(input.ui.message_until_ns, 0);
}

static void keys_move_the_selection(void **state)
{
	(void)state;
	press('j');
	press(KEY_DOWN);
	assert_int_equal(selected_pid(), 103);
	press('k');
	assert_int_equal(selected_pid(), 104);
	press(KEY_END);
	assert_int_equal(selected_pid(), 101);
	press(KEY_DOWN);
	assert_int_equal(selected_pid(), 101);
	press('g');
	assert_int_equal(selected_pid(), 105);
	table->page = 2;
	press(KEY_NPAGE);
	assert_int_equal(selected_pid(), 103);
	press(KEY_PPAGE);
	assert_int_equal(selected_pid(), 105);
}

static void letters_sort(void **state)
{
	(void)state;
	press('P');
	assert_int_equal(table->sort, cells_column(table, "PID"));
	assert_int_equal(selected_pid(), 101);
	press('I');
	assert_int_equal(selected_pid(), 105);
	press('>');
	assert_int_equal(table->sort, cells_column(table, "COMMAND"));
	assert_int_equal(selected_pid(), 101);
	press('<');
	assert_int_equal(table->sort, cells_column(table, "PID"));
	/* In a tree the order is made anew. */
	input.context.list->rows[0].parent_id = 5;
	feed_rebuild(&input.feed);
	press('t');
	press('L');
	show();
	assert_string_equal(cells_at(table, 0, "PID"), "105");
	assert_string_equal(cells_at(table, 1, "PID"), "101");
}

static void the_menu_sorts(void **state)
{
	(void)state;
	press(KEY_F(6));
	assert_int_equal(input.ui.mode, CHROME_MENU);
	assert_int_equal(input.ui.menu, cells_column(table, "LIVE"));
	press(KEY_UP);
	press(KEY_UP);
	assert_int_equal(input.ui.menu, cells_column(table, "PID"));
	press(KEY_UP); /* goes round */
	assert_int_equal(input.ui.menu, table->column_count - 1);
	press(KEY_DOWN);
	press('\n');
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
	assert_int_equal(table->sort, cells_column(table, "PID"));
	press(KEY_F(6));
	press('T');
	assert_int_equal(table->sort, cells_column(table, "AGE"));
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
	press(KEY_F(6));
	press(KEY_DOWN);
	press(ESCAPE);
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
	assert_int_equal(table->sort, cells_column(table, "AGE"));
}

static void the_menu_passes_columns_that_cannot_sort(void **state)
{
	(void)state;
	open_process(&screen_sizes);
	press(KEY_F(6));
	for (int i = 0; i < 20; i++) {
		assert_true(
			screen_sizes.table()->columns[input.ui.menu].letter);
		press(KEY_DOWN);
	}
	press(ESCAPE);
	press(ESCAPE);
	open_process(&screen_health); /* has nothing to sort */
	press(KEY_F(6));
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
}

static void left_and_right_push_columns(void **state)
{
	(void)state;
	press(KEY_RIGHT);
	assert_int_equal(table->skip, 1);
	press(KEY_LEFT);
	press(KEY_LEFT);
	assert_int_equal(table->skip, 0);
}

static void help_scrolls_and_ends_with_any_other_key(void **state)
{
	static const int keys[] = {KEY_F(1), 'h', '?'};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		press(keys[i]);
		assert_int_equal(input.ui.mode, CHROME_HELP);
		press('q');
		assert_int_equal(input.ui.mode, CHROME_NORMAL);
		assert_false(input.quit);
	}
	press('h');
	show();
	press(KEY_UP);
	assert_int_equal(input.ui.help_top, 0);
	press(KEY_DOWN);
	press(KEY_DOWN);
	assert_int_equal(input.ui.help_top, 2);
	press(' ');
	assert_int_equal(input.ui.help_top, 2 + 24 - 5);
	for (int i = 0; i < 9; i++)
		press(KEY_NPAGE);
	assert_int_equal(input.ui.help_top, input.ui.help_lines - (24 - 5));
	press(KEY_PPAGE);
	assert_int_equal(input.ui.help_top, input.ui.help_lines - 2 * (24 - 5));
	assert_false(input.feed.frozen);
	press('q');
	press('h'); /* begins at the top again */
	assert_int_equal(input.ui.help_top, 0);
}

static void freezes_and_thaws(void **state)
{
	(void)state;
	press('z');
	assert_true(input.feed.frozen);
	press(' ');
	assert_false(input.feed.frozen);
}

static void marks_and_forgets(void **state)
{
	(void)state;
	press('m'); /* nobody is there who could keep it */
	expect_message("no mark while frozen or without a daemon", true);
	assert_true(feeder_open(NULL));
	input.feed.client = client_new(feeder.path, true);
	feed_step(&input.feed, client_now_ns());
	feeder_accept();
	press('m');
	expect_message("marked: changes since now; M forgets it", false);
	input.context.view.baseline_ns = 1; /* its answer came */
	input_refresh(&input);
	feed_rebuild(&input.feed);
	assert_true(table->has_baseline);
	press('M');
	expect_message("baseline forgotten", false);
	assert_false(table->has_baseline);
	client_free(input.feed.client);
	feeder_close();
}

static void the_tree_is_for_the_list(void **state)
{
	(void)state;
	press('t');
	assert_true(input.context.tree);
	expect_message("tree", false);
	press(KEY_F(5));
	assert_false(input.context.tree);
	expect_message("no tree", false);
	open_process(&screen_sizes);
	press('t');
	assert_false(input.context.tree);
}

static void nothing_happens_without_a_list(void **state)
{
	(void)state;
	feed_clear(&input.feed);
	table_make(table, 0, 1);
	for (int key = 0; key < 128; key++) {
		if (key == 'q')
			continue;
		press(key);
		press(ESCAPE);
		press(ESCAPE);
	}
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
	assert_ptr_equal(input.ui.screen, &screen_processes);
	assert_int_equal(input.context.open_id, 0);
	press('m');
	assert_int_equal(input.ui.message_until_ns, 0);
	input_refresh(&input);
}

/* Answers the query for a file with one of the directory. */
static void export_to(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	press('e');
	assert_int_equal(input.ui.mode, CHROME_PROMPT);
	press(('u' & 0x1F));
	type(path);
	press('\n');
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
}

static void expect_file(const char *begin)
{
	char content[256] = "";
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_true(fread(content, 1, sizeof(content) - 1, file) > 0);
	fclose(file);
	assert_memory_equal(content, begin, strlen(begin));
	unlink(path);
}

static void exports_by_the_end_of_the_name(void **state)
{
	char wanted[128];

	(void)state;
	export_to("list.json");
	snprintf(wanted, sizeof(wanted), "wrote %s", path);
	expect_message(wanted, false);
	expect_file("{\"schema\":1,\"time_s\":");
	export_to("list.json.csv");
	expect_file("time_s,pid,");
	export_to("json");
	expect_file("time_s,pid,");
	open_process(&screen_sizes);
	export_to("sizes.csv");
	expect_file("low_bytes,high_bytes,");
}

static void an_export_has_a_name_to_begin_with(void **state)
{
	(void)state;
	press('e');
	assert_string_equal(input.ui.prompt.text, "hakmem-processes.csv");
	press(ESCAPE);
	open_process(&screen_sizes);
	press('e');
	assert_string_equal(input.ui.prompt.text, "hakmem-105-sizes.csv");
	press(('u' & 0x1F));
	press('\n'); /* no name, no file */
	assert_int_equal(input.ui.message_until_ns, 0);
}

static void an_export_that_fails_says_why(void **state)
{
	(void)state;
	export_to("no/such/place.csv");
	assert_true(input.ui.message_bad);
	assert_non_null(strstr(input.ui.message, "no/such/place.csv"));
	press('2'); /* a process of which nothing has come yet */
	export_to("early.csv");
	expect_message("nothing to write yet", true);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void readonly_writes_no_files(void **state)
{
	(void)state;
	opts.readonly = true;
	press('e');
	assert_int_equal(input.ui.mode, CHROME_NORMAL);
	expect_message("--readonly: no files are written", true);
}

static void an_interval_is_typed(void **state)
{
	(void)state;
	press('d');
	type("2.5");
	press('\n');
	assert_int_equal(input.feed.interval_ns, 2500000000);
	expect_message("every 2.5 s", false);
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = {"0.05", "3601", "nan", "x"};

		press('d');
		type(bad[i]);
		press('\n');
		expect_message("interval: want 0.1 to 3600 seconds", true);
		assert_int_equal(input.feed.interval_ns, 2500000000);
	}
}

static void an_interval_goes_up_and_down(void **state)
{
	(void)state;
	press('+');
	assert_int_equal(input.feed.interval_ns, 2000000000);
	press('-');
	press('-');
	assert_int_equal(input.feed.interval_ns, 500000000);
	for (int i = 0; i < 20; i++)
		press('-');
	assert_int_equal(input.feed.interval_ns, 100000000);
	for (int i = 0; i < 20; i++)
		press('=');
	assert_int_equal(input.feed.interval_ns, 300 * SCENE_S);
	feed_set_interval(&input.feed, 3);
	press('-');
	assert_int_equal(input.feed.interval_ns, 2000000000);
}

static void a_click_selects_and_a_second_one_opens(void **state)
{
	(void)state;
	click(table->y + 3, 10, false, 0);
	assert_int_equal(selected_pid(), 103);
	click(table->y + 3, 10, false, 0); /* some time later */
	assert_int_equal(input.context.open_id, 0);
	click(table->y + 2, 10, true, 0); /* twice, but elsewhere before */
	assert_int_equal(selected_pid(), 104);
	assert_int_equal(input.context.open_id, 0);
	click(table->y + 2, 10, true, 0);
	assert_int_equal(input.context.open_id, 4);
}

static void a_click_on_a_header_sorts(void **state)
{
	int x = table->column_x[0] + 1;

	(void)state;
	click(table->y, x, false, 0);
	assert_int_equal(table->sort, 0);
	assert_int_equal(selected_pid(), 101);
	click(table->y, x, false, 0);
	assert_true(table->invert);
	assert_int_equal(selected_pid(), 105);
}

static void the_wheel_moves_three_rows(void **state)
{
	(void)state;
	click(0, 0, false, 1);
	assert_int_equal(selected_pid(), 102);
	click(0, 0, false, -1);
	assert_int_equal(selected_pid(), 105);
}

static void a_click_elsewhere_does_nothing(void **state)
{
	(void)state;
	click(0, 0, true, 0);
	assert_int_equal(selected_pid(), 105);
	assert_int_equal(input.context.open_id, 0);
	press('d');
	click(table->y + 3, 10, false, 0);
	assert_int_equal(selected_pid(), 105);
	assert_int_equal(input.ui.mode, CHROME_PROMPT);
	press(ESCAPE);
	open_process(&screen_health); /* has no table */
	click(5, 5, true, 1);
}

static void a_new_size_is_painted_anew(void **state)
{
	static const int keys[] = {KEY_RESIZE, ('l' & 0x1F)};

	(void)state;
	assert_true(terminal_wrote("program5"));
	for (size_t i = 0; i < 2; i++) {
		terminal_forget();
		press(keys[i]);
		show();
		assert_true(terminal_wrote("program5"));
	}
	press('d'); /* also while something is typed */
	press(KEY_RESIZE);
	assert_int_equal(input.ui.mode, CHROME_PROMPT);
}

static void leave_goes_back_to_the_list(void **state)
{
	(void)state;
	open_process(&screen_sizes);
	press('\\');
	type("10");
	press('\n');
	input_leave(&input);
	assert_ptr_equal(input.ui.screen, &screen_processes);
	assert_int_equal(input.context.open_id, 0);
	assert_string_equal(input.context.filter, "");
	assert_int_equal(table->count, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_shown_until_a_key),
		TEST(quits),
		TEST(enter_opens_what_is_selected),
		TEST(there_may_be_nothing_to_open),
		TEST(tab_goes_round_the_screens),
		TEST(a_digit_is_the_screen_of_that_number),
		TEST(escape_goes_back_to_the_list),
		TEST(escape_drops_a_filter_first),
		TEST(a_filter_works_while_it_is_typed),
		TEST(a_filter_is_of_its_screen),
		TEST(a_filter_has_a_largest_length),
		TEST(search_goes_from_row_to_row),
		TEST(delete_drops_filter_and_search),
		TEST(keys_move_the_selection),
		TEST(letters_sort),
		TEST(the_menu_sorts),
		TEST(the_menu_passes_columns_that_cannot_sort),
		TEST(left_and_right_push_columns),
		TEST(help_scrolls_and_ends_with_any_other_key),
		TEST(freezes_and_thaws),
		TEST(marks_and_forgets),
		TEST(the_tree_is_for_the_list),
		TEST(nothing_happens_without_a_list),
		TEST(exports_by_the_end_of_the_name),
		TEST(an_export_has_a_name_to_begin_with),
		TEST(an_export_that_fails_says_why),
		TEST(readonly_writes_no_files),
		TEST(an_interval_is_typed),
		TEST(an_interval_goes_up_and_down),
		TEST(a_click_selects_and_a_second_one_opens),
		TEST(a_click_on_a_header_sorts),
		TEST(the_wheel_moves_three_rows),
		TEST(a_click_elsewhere_does_nothing),
		TEST(a_new_size_is_painted_anew),
		TEST(leave_goes_back_to_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
