#include "hakmem-top/ui/input.h"

/* curses also has macros of names like refresh. */
#define NCURSES_NOMACROS
#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/ui/files.h"
#include "hakmem-top/ui/keys.h"

#define MESSAGE_NS 4000000000u

#define CTRL(letter) ((letter)&0x1F)
#define ESCAPE	     27

void input_say(struct input *input, bool bad, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(input->ui.message, sizeof(input->ui.message), format,
		  arguments);
	va_end(arguments);
	input->ui.message_bad = bad;
	input->ui.message_until_ns = client_now_ns() + MESSAGE_NS;
}

static struct table *input_table_of(const struct input *input)
{
	return input->ui.screen->table ? input->ui.screen->table() : NULL;
}

void input_refresh(struct input *input)
{
	const struct screen *screen = input->ui.screen;

	/* Also without figures: rows of others must not stay. */
	if (screen->of_process || input->context.list)
		screen->refresh(&input->context);
}

/* The filter of a screen waits while one inside of it is shown. */
static void input_swap_filter(struct input *input, const struct screen *screen)
{
	char *filter = input->context.filter;

	if (screen->outside && !input->ui.screen->outside) {
		memcpy(input->outer_filter, filter, SCREEN_FILTER_MAX);
		filter[0] = '\0';
	} else if (!screen->outside && input->ui.screen->outside) {
		memcpy(filter, input->outer_filter, SCREEN_FILTER_MAX);
	}
}

static void input_go_to(struct input *input, const struct screen *screen)
{
	struct feed *feed = &input->feed;

	input_swap_filter(input, screen);
	if (input->ui.screen->of_process != screen->of_process) {
		input->context.filter[0] = '\0';
		input->search[0] = '\0';
		feed_rebuild(feed);
	}
	input->ui.screen = screen;
	feed->needs = screen->needs;
	if (screen->needs & (NEEDS(HISTORY) | NEEDS(SITES)))
		feed->next_ns = 0;
	input_refresh(input);
}

void input_leave(struct input *input)
{
	feed_open(&input->feed, NULL);
	input_go_to(input, &screen_processes);
}

static void input_enter(struct input *input, const struct screen *screen)
{
	const struct view_row *row;

	if (input->ui.screen->of_process) {
		input_go_to(input, screen);
		return;
	}
	row = table_selected(screen_processes.table());
	if (!row || !input->context.list)
		return;
	feed_open(&input->feed, row->process);
	input_go_to(input, screen);
}

/* Enter: into the selected process, or deeper. */
static void input_open_selected(struct input *input, int argument)
{
	const struct screen *screen = input->ui.screen;

	(void)argument;
	if (!screen->of_process) {
		input_enter(input, chrome_tabs[0]);
	} else if (screen->inside && screen->enter(&input->context)) {
		feed_open_site(&input->feed);
		input_go_to(input, screen->inside);
	}
}

static size_t input_tab_index(const struct input *input, size_t *count)
{
	const struct screen *screen = input->ui.screen;
	size_t at = 0;

	for (*count = 0; chrome_tabs[*count]; ++*count)
		if (chrome_tabs[*count] == screen ||
		    chrome_tabs[*count] == screen->outside)
			at = *count;
	return at;
}

static void input_step_tab(struct input *input, int step)
{
	size_t count, at = input_tab_index(input, &count);

	if (!input->ui.screen->of_process)
		input_enter(input, chrome_tabs[0]);
	else if (count > 0)
		input_go_to(input,
			    chrome_tabs[(at + count + (size_t)step) % count]);
}

static void input_back(struct input *input, int argument)
{
	(void)argument;
	if (input->context.filter[0]) {
		input->context.filter[0] = '\0';
		feed_rebuild(&input->feed);
		input_refresh(input);
	} else if (input->ui.screen->outside) {
		input_go_to(input, input->ui.screen->outside);
	} else if (input->ui.screen->of_process) {
		input_leave(input);
	}
}

static void input_ask_for(struct input *input, enum input_purpose purpose,
			  const char *label, const char *text)
{
	input->purpose = purpose;
	input->ui.mode = CHROME_PROMPT;
	prompt_start(&input->ui.prompt, label, text);
}

static void input_ask_export(struct input *input, int argument)
{
	const struct screen *screen = input->ui.screen;
	char name[PROMPT_MAX];

	(void)argument;
	if (input->opts->readonly) {
		input_say(input, true, "--readonly: no files are written");
		return;
	}
	files_offer(screen, &input->context, name, sizeof(name));
	input_ask_for(input, INPUT_EXPORT, files_label(screen), name);
}

static void input_export_to(struct input *input, const char *path)
{
	char text[256];
	bool done = files_write(input->ui.screen, &input->context, &input->feed,
				path, text, sizeof(text));

	input_say(input, !done, "%s", text);
}

void input_exported(struct input *input)
{
	char text[256];
	bool done = files_finish(&input->feed, text, sizeof(text));

	input_say(input, !done, "%s", text);
}

static void input_set_interval(struct input *input, double seconds)
{
	if (!(seconds >= OPTS_INTERVAL_MIN && seconds <= OPTS_INTERVAL_MAX)) {
		input_say(input, true, "interval: want 0.1 to 3600 seconds");
		return;
	}
	feed_set_interval(&input->feed, seconds);
	input_say(input, false, "every %.4g s", seconds);
}

static void input_step_interval(struct input *input, int step)
{
	static const double steps[] = {0.1, 0.2, 0.5, 1,  2,   5,
				       10,  20,	 30,  60, 120, 300};
	const size_t count = sizeof(steps) / sizeof(steps[0]);
	double now = (double)input->feed.interval_ns / 1e9;
	size_t i;

	if (step > 0) {
		for (i = 0; i + 1 < count && steps[i] <= now * 1.001; i++)
			;
	} else {
		for (i = count - 1; i > 0 && steps[i] >= now * 0.999; i--)
			;
	}
	input_set_interval(input, steps[i]);
}

static void input_search(struct input *input, int step, bool from_here)
{
	struct table *table = input_table_of(input);

	if (!table || !input->search[0])
		return;
	if (!table_search(table, input->search, step, from_here))
		input_say(input, true, "no row contains '%.100s'",
			  input->search);
}

static void input_prompt_finished(struct input *input)
{
	const char *text = input->ui.prompt.text;

	switch (input->purpose) {
	case INPUT_FILTER:
		break; /* took effect while it was typed */
	case INPUT_SEARCH:
		snprintf(input->search, sizeof(input->search), "%s", text);
		input_search(input, 1, true);
		break;
	case INPUT_EXPORT:
		if (*text)
			input_export_to(input, text);
		break;
	case INPUT_INTERVAL:
		input_set_interval(input, strtod(text, NULL));
		break;
	}
}

static void input_apply_filter(struct input *input, const char *text)
{
	snprintf(input->context.filter, sizeof(input->context.filter), "%.*s",
		 SCREEN_FILTER_MAX - 1, text);
	feed_rebuild(&input->feed);
	input_refresh(input);
}

static void input_key_in_prompt(struct input *input, int key)
{
	enum prompt_state state = prompt_key(&input->ui.prompt, key);

	if (input->purpose == INPUT_FILTER)
		input_apply_filter(input, state == PROMPT_CANCELED
						  ? ""
						  : input->ui.prompt.text);
	if (state == PROMPT_GOING_ON)
		return;
	input->ui.mode = CHROME_NORMAL;
	if (state == PROMPT_DONE)
		input_prompt_finished(input);
}

static void input_step_menu(struct input *input, int step)
{
	const struct table *table = input_table_of(input);
	size_t at = input->ui.menu;

	if (!table)
		return;
	do
		at = (at + table->column_count + (size_t)step) %
		     table->column_count;
	while (!table->columns[at].letter);
	input->ui.menu = at;
}

static void input_scroll_help(struct input *input, int step)
{
	struct ui *ui = &input->ui;
	int most = ui->help_lines - (term_rows() - 5);

	ui->help_top += step;
	if (ui->help_top > most)
		ui->help_top = most;
	if (ui->help_top < 0)
		ui->help_top = 0;
}

static void input_move_rows(struct input *input, int step)
{
	if (input->ui.mode == CHROME_HELP)
		input_scroll_help(input, step);
	else if (input->ui.mode == CHROME_MENU)
		input_step_menu(input, step);
	else if (input_table_of(input))
		table_move(input_table_of(input), step);
}

static void input_move_pages(struct input *input, int step)
{
	struct table *table = input_table_of(input);

	if (input->ui.mode == CHROME_HELP)
		input_scroll_help(input, step * (term_rows() - 5));
	else if (table)
		table_move(table, step * (long)table->page);
}

/* To the first row or, behind the last one, to that. */
static void input_move_to_end(struct input *input, int way)
{
	struct table *table = input_table_of(input);

	if (table)
		table_select(table, way < 0 ? 0 : table->count);
}

static void input_push_columns(struct input *input, int step)
{
	if (input_table_of(input))
		table_scroll(input_table_of(input), step);
}

static void input_sort_by_neighbor(struct input *input, int step)
{
	if (input_table_of(input)) {
		table_sort_step(input_table_of(input), step);
		input_refresh(input);
	}
}

static void input_invert(struct input *input, int argument)
{
	(void)argument;
	if (input_table_of(input)) {
		table_invert(input_table_of(input));
		input_refresh(input);
	}
}

static void input_open_menu(struct input *input, int argument)
{
	const struct table *table = input_table_of(input);

	(void)argument;
	if (!table)
		return;
	input->ui.mode = CHROME_MENU;
	input->ui.menu = table->sort;
}

static void input_toggle_tree(struct input *input, int argument)
{
	(void)argument;
	if (input->ui.screen != &screen_processes)
		return;
	input->context.tree = !input->context.tree;
	input_refresh(input);
	input_say(input, false, input->context.tree ? "tree" : "no tree");
}

/* Sets the baseline, or with -1 forgets it. */
static void input_mark(struct input *input, int way)
{
	bool done;

	if (!input->context.list)
		return;
	done = feed_set_baseline(&input->feed, way > 0, client_now_ns());
	input_refresh(input);
	input_say(input, !done,
		  !done	    ? "no mark while frozen or without a daemon"
		  : way > 0 ? "marked: changes since now; M forgets it"
			    : "baseline forgotten");
}

static void input_quit(struct input *input, int argument)
{
	(void)argument;
	input->quit = true;
}

static void input_open_help(struct input *input, int argument)
{
	(void)argument;
	input->ui.mode = CHROME_HELP;
	input->ui.help_top = 0;
}

static void input_freeze(struct input *input, int argument)
{
	(void)argument;
	feed_freeze(&input->feed, !input->feed.frozen);
}

static void input_ask_filter(struct input *input, int argument)
{
	(void)argument;
	input_ask_for(input, INPUT_FILTER, "Filter:", input->context.filter);
}

static void input_ask_search(struct input *input, int argument)
{
	(void)argument;
	input_ask_for(input, INPUT_SEARCH, "Search:", "");
}

static void input_ask_interval(struct input *input, int argument)
{
	(void)argument;
	input_ask_for(input, INPUT_INTERVAL, "Seconds between polls:", "");
}

static void input_search_on(struct input *input, int step)
{
	input_search(input, step, false);
}

static void input_drop_texts(struct input *input, int argument)
{
	(void)argument;
	input->search[0] = '\0';
	input_apply_filter(input, "");
}

static void input_repaint(struct input *input, int argument)
{
	(void)input;
	(void)argument;
	term_repaint();
}

/* The terminal does it by a signal: the row is for those who look for the key.
 */
static void input_suspend(struct input *input, int argument)
{
	(void)input;
	(void)argument;
}

static void input_screen_of_digit(struct input *input, int code)
{
	size_t count;

	input_tab_index(input, &count);
	if (code > '0' && (size_t)(code - '0') <= count)
		input_enter(input, chrome_tabs[code - '1']);
}

#define SHOWN(scope, footer_key, footer, press, argument, names, help, ...)    \
	{                                                                      \
		press, argument, {__VA_ARGS__}, names, help, footer,           \
			footer_key, KEYS_##scope                               \
	}
#define HIDDEN(press, argument, names, help, ...)                              \
	SHOWN(ALL, NULL, NULL, press, argument, names, help, __VA_ARGS__)

/* In the order of the help screen and the footer. */
const struct key keys_table[] = {
	SHOWN(ALL, "F1", "Help", input_open_help, 0, "F1 h ?", "this help",
	      KEY_F(1), 'h', '?'),
	SHOWN(ALL, "q", "Quit", input_quit, 0, "q F10 Ctrl-C", "quit",
	      KEY_F(10), 'q'),
	SHOWN(OPENS, "Enter", "Open", input_open_selected, 0, "Enter",
	      "open the selected process or site", KEY_ENTER, '\n', '\r'),
	SHOWN(PROCESS, "Esc", "Back", input_back, 0, "Esc",
	      "back to where one came from; first drops a filter", ESCAPE,
	      KEY_BACKSPACE, 127, 8),
	SHOWN(PROCESS, "Tab", "Next", input_step_tab, 1, "Tab",
	      "next screen of the process", '\t'),
	HIDDEN(input_step_tab, -1, "Shift-Tab", "previous screen", KEY_BTAB),
	HIDDEN(input_screen_of_digit, 0, "1-5", "the screen of that number",
	       '1', '2', '3', '4', '5'),
	SHOWN(ALL, "F6", "Sort", input_open_menu, 0, "F6",
	      "choose the column that sorts", KEY_F(6)),
	SHOWN(ALL, "F4", "Filter", input_ask_filter, 0, "F4 \\",
	      "show only rows that contain a text", KEY_F(4), '\\'),
	SHOWN(ALL, "F3", "Search", input_ask_search, 0, "F3 /", "search",
	      KEY_F(3), '/'),
	HIDDEN(input_search_on, 1, "n", "next match", 'n'),
	HIDDEN(input_search_on, -1, "N", "previous match", 'N'),
	HIDDEN(input_drop_texts, 0, "Del", "drop filter and search", KEY_DC),
	SHOWN(ALL, "z", "Freeze", input_freeze, 0, "Space z",
	      "freeze: sort, filter and look while nothing moves", ' ', 'z'),
	SHOWN(ALL, "m", "Mark", input_mark, 1, "m",
	      "mark: show changes since now", 'm'),
	HIDDEN(input_mark, -1, "M", "forget the baseline", 'M'),
	SHOWN(LIST, "F5", "Tree", input_toggle_tree, 0, "F5 t",
	      "processes as a tree", KEY_F(5), 't'),
	SHOWN(ALL, "e", "Export", input_ask_export, 0, "e",
	      "write what is on the screen to a file (.csv or .json)", 'e'),
	HIDDEN(input_sort_by_neighbor, -1, "<",
	       "sort by the column to the left", '<', ','),
	HIDDEN(input_sort_by_neighbor, 1, ">",
	       "sort by the column to the right", '>', '.'),
	HIDDEN(input_invert, 0, "I", "invert the order", 'I'),
	HIDDEN(input_ask_interval, 0, "d", "set the interval in seconds", 'd'),
	HIDDEN(input_step_interval, -1, "-", "shorter interval", '-'),
	HIDDEN(input_step_interval, 1, "+", "longer interval", '+', '='),
	HIDDEN(input_move_rows, -1, "Up k", "previous row", KEY_UP, 'k'),
	HIDDEN(input_move_rows, 1, "Down j", "next row", KEY_DOWN, 'j'),
	HIDDEN(input_move_pages, -1, "PgUp", "previous page", KEY_PPAGE,
	       CTRL('b')),
	HIDDEN(input_move_pages, 1, "PgDn", "next page", KEY_NPAGE, CTRL('f')),
	HIDDEN(input_move_to_end, -1, "Home g", "first row", KEY_HOME, 'g'),
	HIDDEN(input_move_to_end, 1, "End G", "last row", KEY_END, 'G'),
	HIDDEN(input_push_columns, -1, "Left", "bring columns back", KEY_LEFT),
	HIDDEN(input_push_columns, 1, "Right",
	       "push columns out to see those that did not fit", KEY_RIGHT),
	HIDDEN(input_repaint, 0, "Ctrl-L", "draw the screen anew", CTRL('l')),
	HIDDEN(input_suspend, 0, "Ctrl-Z", "suspend; fg comes back", CTRL('z')),
};
const size_t keys_count = sizeof(keys_table) / sizeof(keys_table[0]);

const struct key *keys_find(int code)
{
	for (size_t i = 0; i < keys_count; i++)
		for (size_t k = 0; k < KEYS_CODES && keys_table[i].codes[k];
		     k++)
			if (keys_table[i].codes[k] == code)
				return &keys_table[i];
	return NULL;
}

static void input_press_key(struct input *input, const struct key *key,
			    int code)
{
	key->press(input, key->argument ? key->argument : code);
}

/* Up and Down choose, Enter sorts, as does a letter; others leave. */
static void input_key_in_menu(struct input *input, const struct key *key,
			      int code)
{
	struct table *table = input_table_of(input);

	if (key && key->press == input_move_rows) {
		input_press_key(input, key, code);
		return;
	}
	input->ui.mode = CHROME_NORMAL;
	if (table && key && key->press == input_open_selected)
		table_sort_by(table, input->ui.menu);
	else if (table)
		table_sort_letter(table, code);
}

/* The blank turns pages, as in a pager; what does not scroll leaves. */
static void input_key_in_help(struct input *input, const struct key *key,
			      int code)
{
	if (key && key->press == input_freeze)
		input_move_pages(input, 1);
	else if (key && (key->press == input_move_rows ||
			 key->press == input_move_pages))
		input_press_key(input, key, code);
	else
		input->ui.mode = CHROME_NORMAL;
}

static void input_click(struct input *input, const struct term_click *click)
{
	struct table *table = input_table_of(input);
	size_t index;

	if (!table || input->ui.mode != CHROME_NORMAL)
		return;
	if (click->wheel) {
		table_move(table, 3L * click->wheel);
		return;
	}
	switch (table_click(table, click->y, click->x, &index)) {
	case TABLE_HIT_COLUMN:
		if (table->sort == index)
			table_invert(table);
		else
			table_sort_by(table, index);
		input_refresh(input);
		break;
	case TABLE_HIT_ROW:
		if (table->selected == index && click->twice)
			input_open_selected(input, 0);
		else
			table_select(table, index);
		break;
	case TABLE_MISS:
		break;
	}
}

void input_press(struct input *input, int code, const struct term_click *where)
{
	const struct key *key = keys_find(code);
	struct table *table = input_table_of(input);

	input->ui.message_until_ns = 0;
	if (code == KEY_MOUSE)
		input_click(input, where);
	else if (code == KEY_RESIZE)
		term_repaint();
	else if (input->ui.mode == CHROME_PROMPT)
		input_key_in_prompt(input, code);
	else if (input->ui.mode == CHROME_MENU)
		input_key_in_menu(input, key, code);
	else if (input->ui.mode == CHROME_HELP)
		input_key_in_help(input, key, code);
	else if (key)
		input_press_key(input, key, code);
	else if (table && table_sort_letter(table, code))
		input_refresh(input);
}
