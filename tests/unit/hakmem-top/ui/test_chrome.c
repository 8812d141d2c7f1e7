#include "hakmem-top/ui/chrome.h"
#include "hakmem-top/ui/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/cells.h"
#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"

#define ROWS	24
#define COLUMNS 100

static struct context context;
static struct client *client;
static struct feed feed;
static struct ui ui;
static struct run run;

static void show(void)
{
	chrome_draw(&ui, &feed, 10 * SCENE_S);
}

/* The list of the scene is there, and the daemon that sent it. */
static void have_list(void)
{
	context.list = scene_list(3);
	assert_true(feed_rebuild(&feed));
	feed.shown_at = 45296; /* 12:34:56 */
}

static void have_detail(void)
{
	have_list();
	context.detail = scene_detail(2);
	ui.screen = &screen_overview;
}

static int open_screen(int rows, int columns)
{
	struct frame frame;

	setenv("TZ", "UTC", 1);
	context = (struct context){.tree = false};
	ui = (struct ui){.screen = &screen_processes};
	run = (struct run){.command = 77, .name = "/bin/prog"};
	strcpy(run.output, "/tmp/out");
	if (!feeder_open(NULL) || !terminal_screen(rows, columns, true))
		return -1;
	client = client_new(feeder.path, true);
	client_next(client, SCENE_S, &frame);
	feed_init(&feed, client, &context, 2);
	return client_connected(client) ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	return open_screen(ROWS, COLUMNS);
}

static int setup_narrow(void **state)
{
	(void)state;
	return open_screen(TERM_MIN_ROWS, TERM_MIN_COLUMNS);
}

static int setup_tiny(void **state)
{
	(void)state;
	return open_screen(TERM_MIN_ROWS - 1, 50);
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	feed_clear(&feed);
	screen_processes.refresh(&context);
	client_free(client);
	feeder_close();
	return 0;
}

static void lose_daemon(void)
{
	client_free(client);
	client = client_new("/nonexistent/hakmem/sock", false);
	feed.client = client;
}

static void expect_row(int y, const char *wanted)
{
	assert_string_equal(terminal_row(y), wanted);
}

static int role_at(int y, int x)
{
	return PAIR_NUMBER(mvinch(y, x) & A_COLOR) - 1;
}

static void the_title_tells_counts_daemon_and_time(void **state)
{
	(void)state;
	have_list();
	context.list->rows[0].state = MODEL_EXITED;
	feed_rebuild(&feed);
	show();
	expect_row(0, " hakmem-top  2 running, 1 ended   hakmemd 9.8.7, pid "
		      "4000                         every 2s 12:34:56");
	assert_int_equal(terminal_text(0, COLUMNS - 2, 2)[0], '6');
	feed_set_interval(&feed, 0.5);
	show();
	assert_non_null(strstr(terminal_row(0), " every 0.5s 12:34:56"));
}

static void a_frozen_screen_says_so(void **state)
{
	(void)state;
	have_list();
	feed.frozen = true;
	show();
	assert_non_null(strstr(terminal_row(0), " FROZEN 12:34:56"));
	assert_int_equal(role_at(0, COLUMNS - 3), TERM_WARN);
	feed.frozen = false;
	lose_daemon();
	show();
	assert_non_null(strstr(terminal_row(0), " NO DAEMON 12:34:56"));
	assert_int_equal(role_at(0, COLUMNS - 3), TERM_WARN);
}

static void a_mark_is_told_with_its_time(void **state)
{
	(void)state;
	have_list();
	feed.baseline_at = 45240;
	show();
	assert_non_null(
		strstr(terminal_row(0), " since 12:34:00 | every 2s 12:34:56"));
}

static void the_second_row_has_the_totals(void **state)
{
	(void)state;
	have_list();
	show();
	expect_row(1, " Live 6.00K  RSS 6.00M  Allocs/s 0  Frees/s 0  1024% "
		      "10.0  Rejects 0");
	context.list->rows[1].figures[FIGURE_REJECTS] = 7;
	context.list->rows[1].figures[FIGURE_DROPPED] = 3;
	feed_rebuild(&feed);
	show();
	expect_row(1, " Live 6.00K  RSS 6.00M  Allocs/s 0  Frees/s 0  1024% "
		      "10.0  Rejects 7  Dropped 3");
	assert_int_equal(role_at(1, 67), TERM_BAD);
	assert_int_equal(role_at(1, 78), TERM_WARN);
}

static void what_is_left_of_it_shows_the_trend(void **state)
{
	(void)state;
	have_list();
	feed.trend[0] = 1;
	feed.trend_count = 1;
	show();
	assert_int_equal(terminal_text(1, 98, 1)[0], '\0');
	feed.trend[1] = 2;
	feed.trend_count = 2;
	show();
	assert_string_equal(terminal_text(1, 90, 9), "       :#");
	assert_int_equal(role_at(1, 98), TERM_BAR);
}

static void a_process_has_its_name_and_tabs(void **state)
{
	char wanted[256] = "";
	ptrdiff_t at;

	(void)state;
	have_detail();
	show();
	expect_row(1, " PID 102 program2 -x                                   "
		      "                        running, age 1m15s");
	for (size_t i = 0; chrome_tabs[i]; i++)
		snprintf(wanted + strlen(wanted),
			 sizeof(wanted) - strlen(wanted), "  %zu %s", i + 1,
			 chrome_tabs[i]->name);
	expect_row(2, wanted);
	assert_string_equal(terminal_text(2, 0, 14), "  1 Overview");
	assert_int_equal(role_at(2, 1), TERM_SELECTED);
	assert_int_equal(role_at(2, 13), TERM_TEXT);
	assert_int_equal(role_at(1, 79), TERM_GOOD);
	context.detail->process.state = MODEL_DISCONNECTED;
	ui.screen = &screen_sizes;
	show();
	assert_string_equal(terminal_text(1, 79, 20), "no link, age 1m15s");
	assert_int_equal(role_at(1, 79), TERM_WARN);
	assert_int_equal(role_at(2, 1), TERM_TEXT);
	at = strstr(terminal_row(2), "Sizes") - terminal_row(2);
	assert_int_equal(role_at(2, (int)at), TERM_SELECTED);
}

static void tabs_are_screens_of_a_process(void **state)
{
	(void)state;
	assert_ptr_equal(chrome_tabs[0], &screen_overview);
	for (size_t i = 0; chrome_tabs[i]; i++)
		assert_true(chrome_tabs[i]->of_process);
}

static void the_screen_fills_the_middle(void **state)
{
	const struct table *table = screen_processes.table();

	(void)state;
	have_list();
	show();
	expect_row(2, "");
	assert_int_equal(table->y, 3);
	assert_int_equal(table->height, ROWS - 4);
	assert_string_equal(cells_at(table, 0, "PID"), "103");
}

static void a_detail_that_is_due_is_waited_for(void **state)
{
	(void)state;
	have_list();
	ui.screen = &screen_overview;
	context.open_id = 2;
	show();
	expect_row(1, "");
	expect_row(5, "  Waiting for its figures ...");
}

static void without_a_daemon_it_says_what_to_do(void **state)
{
	(void)state;
	show();
	assert_int_equal(terminal_find("  Connected; waiting for the daemon's "
				       "first answer."),
			 3);
	lose_daemon();
	strcpy(feed.trouble, "you are not welcome");
	show();
	assert_string_equal(terminal_text(0, 0, 60),
			    " hakmem-top  /nonexistent/hakmem/sock");
	assert_string_equal(terminal_text(0, 80, 19), " NO DAEMON --:--:--");
	expect_row(3, "  No hakmemd at this socket:");
	expect_row(4, "    /nonexistent/hakmem/sock");
	expect_row(5, "    you are not welcome");
	expect_row(8, "    hakmemd --daemon");
	expect_row(11, "    hakmem-top -- COMMAND ARGS...");
	assert_int_equal(
		terminal_find("This screen goes on by itself once it is there"),
		13);
}

static void the_trouble_of_the_connection_is_told(void **state)
{
	struct frame frame;

	(void)state;
	lose_daemon();
	client_next(client, SCENE_S, &frame);
	show();
	expect_row(5, "    no daemon there: the socket does not exist");
}

/* As many keys as fit, none of them cut. */
static void expect_keys(const struct screen *screen)
{
	enum keys_scope other = screen->of_process ? KEYS_LIST : KEYS_PROCESS;
	char wanted[512] = "";
	const char *row;

	for (size_t i = 0; i < keys_count; i++)
		if (keys_table[i].footer && keys_table[i].scope != other &&
		    (keys_table[i].scope != KEYS_OPENS || !screen->of_process ||
		     screen->inside))
			snprintf(wanted + strlen(wanted),
				 sizeof(wanted) - strlen(wanted), "%s %s ",
				 keys_table[i].footer_key,
				 keys_table[i].footer);
	ui.screen = screen;
	show();
	row = terminal_row(term_rows() - 1);
	assert_in_range(strlen(row), 30, term_columns());
	assert_memory_equal(wanted, row, strlen(row));
	assert_int_equal(wanted[strlen(row)], ' ');
}

static void the_footer_has_the_keys_of_the_screen(void **state)
{
	(void)state;
	have_detail();
	expect_keys(&screen_processes);
	expect_keys(&screen_sizes);
}

static void a_narrow_footer_has_the_first_of_them(void **state)
{
	(void)state;
	have_detail();
	expect_keys(&screen_processes);
	expect_keys(&screen_sizes);
}

static void a_message_stays_for_its_time(void **state)
{
	(void)state;
	have_list();
	strcpy(ui.message, "wrote out.csv");
	ui.message_until_ns = 10 * SCENE_S + 1;
	show();
	expect_row(ROWS - 1, "wrote out.csv");
	assert_int_equal(role_at(ROWS - 1, 0), TERM_STRONG);
	ui.message_bad = true;
	show();
	assert_int_equal(role_at(ROWS - 1, 0), TERM_BAD);
	ui.message_until_ns = 10 * SCENE_S;
	show();
	assert_string_equal(terminal_text(ROWS - 1, 0, 7), "F1 Help");
}

static void a_filter_is_never_forgotten(void **state)
{
	(void)state;
	have_list();
	strcpy(context.filter, "program2");
	show();
	expect_row(ROWS - 1, "Filter: program2  (Esc drops it)");
}

static void what_is_typed_has_the_cursor(void **state)
{
	(void)state;
	have_list();
	ui.mode = CHROME_PROMPT;
	prompt_start(&ui.prompt, "Filter:", "pro");
	show();
	expect_row(ROWS - 1, "Filter: pro");
	assert_int_equal(getcury(curscr), ROWS - 1);
	assert_int_equal(getcurx(curscr), 11);
	assert_int_equal(curs_set(1), 1);
	ui.mode = CHROME_NORMAL;
	show();
	assert_int_equal(curs_set(1), 0);
}

static void the_help_takes_the_place_of_the_screen(void **state)
{
	(void)state;
	have_list();
	ui.mode = CHROME_HELP;
	show();
	expect_row(3, " KEYS");
	assert_int_equal(ui.help_lines,
			 keys_count + 4 +
				 screen_processes.table()->column_count);
	expect_row(ROWS - 1,
		   "Up, Down and blank scroll; any other key goes back");
	ui.help_top = 1;
	show();
	assert_string_equal(terminal_text(3, 17, 9), "this help");
	ui.screen = &screen_health; /* has no columns */
	ui.mode = CHROME_HELP;
	show();
	assert_int_equal(ui.help_lines, keys_count + 2);
}

static void the_menu_offers_the_columns_that_sort(void **state)
{
	const struct table *table = screen_sizes.table();
	size_t line = 0;

	(void)state;
	have_detail();
	ui.screen = &screen_sizes;
	screen_sizes.refresh(&context);
	ui.mode = CHROME_MENU;
	ui.menu = cells_column(table, "LIVE");
	show();
	assert_string_equal(terminal_text(4, 0, 44), " Sort by (Enter, Esc)");
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		char wanted[64];

		if (!column->letter)
			continue;
		snprintf(wanted, sizeof(wanted), " %c %-9s", column->letter,
			 column->title);
		assert_memory_equal(terminal_text(5 + (int)line, 0, 44), wanted,
				    strlen(wanted));
		assert_int_equal(role_at(5 + (int)line, 0),
				 i == ui.menu ? TERM_SELECTED : TERM_TEXT);
		line++;
	}
	context.detail->size_count = 0; /* for the teardown */
	screen_sizes.refresh(&context);
}

static void a_watched_command_has_a_line(void **state)
{
	(void)state;
	have_list();
	ui.run = &run;
	show();
	expect_row(2, " /bin/prog (pid 77) runs; output in /tmp/out");
	assert_int_equal(screen_processes.table()->y, 4);
	run.ended = true;
	show();
	expect_row(2, " /bin/prog ended; output in /tmp/out");
}

static void the_smallest_screen_is_used_well(void **state)
{
	(void)state;
	have_detail();
	ui.screen = &screen_processes;
	ui.run = &run;
	show();
	expect_row(2, " /bin/prog (pid 77) runs; output in /tm~");
	assert_int_equal(screen_processes.table()->y, 3);
	assert_int_equal(screen_processes.table()->height, 6);
	ui.screen = &screen_health;
	show();
	/* only the tab that is open has its name */
	assert_string_equal(terminal_text(2, 0, 15), "  1  2  3  4  5");
	expect_row(3, " REJECTED POINTERS");
}

static void a_smaller_one_is_refused(void **state)
{
	(void)state;
	have_list();
	show();
	expect_row(0, "50x9 is too small,");
	expect_row(1, "want 40x10");
	expect_row(2, "");
	expect_row(8, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_title_tells_counts_daemon_and_time),
		TEST(a_frozen_screen_says_so),
		TEST(a_mark_is_told_with_its_time),
		TEST(the_second_row_has_the_totals),
		TEST(what_is_left_of_it_shows_the_trend),
		TEST(a_process_has_its_name_and_tabs),
		TEST(tabs_are_screens_of_a_process),
		TEST(the_screen_fills_the_middle),
		TEST(a_detail_that_is_due_is_waited_for),
		TEST(without_a_daemon_it_says_what_to_do),
		TEST(the_trouble_of_the_connection_is_told),
		TEST(the_footer_has_the_keys_of_the_screen),
		TEST(a_message_stays_for_its_time),
		TEST(a_filter_is_never_forgotten),
		TEST(what_is_typed_has_the_cursor),
		TEST(the_help_takes_the_place_of_the_screen),
		TEST(the_menu_offers_the_columns_that_sort),
		TEST(a_watched_command_has_a_line),
		cmocka_unit_test_setup_teardown(
			a_narrow_footer_has_the_first_of_them, setup_narrow,
			teardown),
		cmocka_unit_test_setup_teardown(
			the_smallest_screen_is_used_well, setup_narrow,
			teardown),
		cmocka_unit_test_setup_teardown(a_smaller_one_is_refused,
						setup_tiny, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
