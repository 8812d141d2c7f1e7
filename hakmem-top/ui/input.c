#include "hakmem-top/ui/input.h"

/* curses also has macros of names like refresh. */
#define NCURSES_NOMACROS
#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/ui/files.h"

#define MESSAGE_NS 4000000000u

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

static struct table *table_of(const struct input *input)
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
static void swap_filter(struct input *input, const struct screen *screen)
{
	char *filter = input->context.filter;

	if (screen->outside && !input->ui.screen->outside) {
		memcpy(input->outer_filter, filter, SCREEN_FILTER_MAX);
		filter[0] = '\0';
	} else if (!screen->outside && input->ui.screen->outside) {
		memcpy(filter, input->outer_filter, SCREEN_FILTER_MAX);
	}
}

static void go_to(struct input *input, const struct screen *screen)
{
	struct feed *feed = &input->feed;

	swap_filter(input, screen);
	if (input->ui.screen->of_process != screen->of_process) {
		input->context.filter[0] = '\0';
		input->search[0] = '\0';
		feed_rebuild(feed);
	}
	input->ui.screen = screen;
	feed->wants_history = screen->needs_history;
	feed->wants_sites = screen->needs_sites;
	feed->wants_stack = screen->needs_stack;
	if (screen->needs_history || screen->needs_sites)
		feed->next_ns = 0;
	input_refresh(input);
}

void input_leave(struct input *input)
{
	feed_open(&input->feed, NULL);
	go_to(input, &screen_processes);
}

static void enter(struct input *input, const struct screen *screen)
{
	const struct view_row *row;

	if (input->ui.screen->of_process) {
		go_to(input, screen);
		return;
	}
	row = table_selected(screen_processes.table());
	if (!row || !input->context.list)
		return;
	feed_open(&input->feed, row->process);
	go_to(input, screen);
}

/* Enter: into the selected process, or deeper. */
static void open_selected(struct input *input)
{
	const struct screen *screen = input->ui.screen;

	if (!screen->of_process) {
		enter(input, chrome_tabs[0]);
	} else if (screen->inside && screen->enter(&input->context)) {
		feed_open_site(&input->feed);
		go_to(input, screen->inside);
	}
}

static size_t tab_index(const struct input *input, size_t *count)
{
	const struct screen *screen = input->ui.screen;
	size_t at = 0;

	for (*count = 0; chrome_tabs[*count]; ++*count)
		if (chrome_tabs[*count] == screen ||
		    chrome_tabs[*count] == screen->outside)
			at = *count;
	return at;
}

static void step_tab(struct input *input, size_t step)
{
	size_t count, at = tab_index(input, &count);

	if (!input->ui.screen->of_process)
		enter(input, chrome_tabs[0]);
	else if (count > 0)
		go_to(input, chrome_tabs[(at + count + step) % count]);
}

static void back(struct input *input)
{
	if (input->context.filter[0]) {
		input->context.filter[0] = '\0';
		feed_rebuild(&input->feed);
		input_refresh(input);
	} else if (input->ui.screen->outside) {
		go_to(input, input->ui.screen->outside);
	} else if (input->ui.screen->of_process) {
		input_leave(input);
	}
}

static void ask_for(struct input *input, enum input_purpose purpose,
		    const char *label, const char *text)
{
	input->purpose = purpose;
	input->ui.mode = CHROME_PROMPT;
	prompt_start(&input->ui.prompt, label, text);
}

static void ask_export(struct input *input)
{
	const struct screen *screen = input->ui.screen;
	char name[PROMPT_MAX];

	if (input->opts->readonly) {
		input_say(input, true, "--readonly: no files are written");
		return;
	}
	files_offer(screen, &input->context, name, sizeof(name));
	ask_for(input, INPUT_EXPORT, files_label(screen), name);
}

static void export_to(struct input *input, const char *path)
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

static void set_interval(struct input *input, double seconds)
{
	if (!(seconds >= OPTS_INTERVAL_MIN && seconds <= OPTS_INTERVAL_MAX)) {
		input_say(input, true, "interval: want 0.1 to 3600 seconds");
		return;
	}
	feed_set_interval(&input->feed, seconds);
	input_say(input, false, "every %.4g s", seconds);
}

static void step_interval(struct input *input, int step)
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
	set_interval(input, steps[i]);
}

static void search(struct input *input, int step, bool from_here)
{
	struct table *table = table_of(input);

	if (!table || !input->search[0])
		return;
	if (!table_search(table, input->search, step, from_here))
		input_say(input, true, "no row contains '%.100s'",
			  input->search);
}

static void prompt_finished(struct input *input)
{
	const char *text = input->ui.prompt.text;

	switch (input->purpose) {
	case INPUT_FILTER:
		break; /* took effect while it was typed */
	case INPUT_SEARCH:
		snprintf(input->search, sizeof(input->search), "%s", text);
		search(input, 1, true);
		break;
	case INPUT_EXPORT:
		if (*text)
			export_to(input, text);
		break;
	case INPUT_INTERVAL:
		set_interval(input, strtod(text, NULL));
		break;
	}
}

static void apply_filter(struct input *input, const char *text)
{
	snprintf(input->context.filter, sizeof(input->context.filter), "%.*s",
		 SCREEN_FILTER_MAX - 1, text);
	feed_rebuild(&input->feed);
	input_refresh(input);
}

static void key_in_prompt(struct input *input, int key)
{
	enum prompt_state state = prompt_key(&input->ui.prompt, key);

	if (input->purpose == INPUT_FILTER)
		apply_filter(input, state == PROMPT_CANCELLED
					    ? ""
					    : input->ui.prompt.text);
	if (state == PROMPT_GOING_ON)
		return;
	input->ui.mode = CHROME_NORMAL;
	if (state == PROMPT_DONE)
		prompt_finished(input);
}

static void step_menu(struct input *input, const struct table *table, int step)
{
	size_t count = table->column_count, at = input->ui.menu;

	do
		at = (at + count + (size_t)step) % count;
	while (!table->columns[at].letter);
	input->ui.menu = at;
}

static void key_in_menu(struct input *input, int key, enum action action)
{
	struct table *table = table_of(input);

	if (action == ACTION_UP || action == ACTION_DOWN) {
		step_menu(input, table, action == ACTION_UP ? -1 : 1);
		return;
	}
	input->ui.mode = CHROME_NORMAL;
	if (action == ACTION_ENTER)
		table_sort_by(table, input->ui.menu);
	else
		table_sort_letter(table, key);
}

static void key_in_help(struct input *input, enum action action)
{
	struct ui *ui = &input->ui;
	int page = term_rows() - 5, most = ui->help_lines - page;

	switch (action) {
	case ACTION_UP:
		ui->help_top--;
		break;
	case ACTION_DOWN:
		ui->help_top++;
		break;
	case ACTION_PAGE_UP:
		ui->help_top -= page;
		break;
	case ACTION_PAGE_DOWN:
	case ACTION_FREEZE: /* the blank turns pages, as in a pager */
		ui->help_top += page;
		break;
	default:
		ui->mode = CHROME_NORMAL;
		break;
	}
	if (ui->help_top > most)
		ui->help_top = most;
	if (ui->help_top < 0)
		ui->help_top = 0;
}

/* The actions that move in or order a table. */
static void act_on_table(struct input *input, enum action action)
{
	struct table *table = table_of(input);

	if (!table)
		return;
	switch (action) {
	case ACTION_UP:
		table_move(table, -1);
		break;
	case ACTION_DOWN:
		table_move(table, 1);
		break;
	case ACTION_PAGE_UP:
		table_move(table, -(long)table->page);
		break;
	case ACTION_PAGE_DOWN:
		table_move(table, (long)table->page);
		break;
	case ACTION_FIRST:
		table_select(table, 0);
		break;
	case ACTION_LAST:
		table_select(table, table->count);
		break;
	case ACTION_LEFT:
		table_scroll(table, -1);
		break;
	case ACTION_RIGHT:
		table_scroll(table, 1);
		break;
	case ACTION_SORT_LEFT:
		table_sort_step(table, -1);
		input_refresh(input);
		break;
	case ACTION_SORT_RIGHT:
		table_sort_step(table, 1);
		input_refresh(input);
		break;
	case ACTION_INVERT:
		table_invert(table);
		input_refresh(input);
		break;
	case ACTION_SORT_MENU:
		input->ui.mode = CHROME_MENU;
		input->ui.menu = table->sort;
		break;
	default:
		break;
	}
}

static void toggle_tree(struct input *input)
{
	if (input->ui.screen != &screen_processes)
		return;
	input->context.tree = !input->context.tree;
	input_refresh(input);
	input_say(input, false, input->context.tree ? "tree" : "no tree");
}

static void mark(struct input *input, bool set)
{
	if (!input->context.list)
		return;
	feed_mark(&input->feed, set);
	input_refresh(input);
	input_say(input, false,
		  set ? "marked: changes since now; M forgets it"
		      : "mark forgotten");
}

static void act(struct input *input, enum action action)
{
	switch (action) {
	case ACTION_QUIT:
		input->quit = true;
		break;
	case ACTION_HELP:
		input->ui.mode = CHROME_HELP;
		input->ui.help_top = 0;
		break;
	case ACTION_ENTER:
		open_selected(input);
		break;
	case ACTION_BACK:
		back(input);
		break;
	case ACTION_TAB:
		step_tab(input, 1);
		break;
	case ACTION_TAB_BACK:
		step_tab(input, (size_t)-1);
		break;
	case ACTION_FREEZE:
		feed_freeze(&input->feed, !input->feed.frozen);
		break;
	case ACTION_MARK:
	case ACTION_UNMARK:
		mark(input, action == ACTION_MARK);
		break;
	case ACTION_TREE:
		toggle_tree(input);
		break;
	case ACTION_FILTER:
		ask_for(input, INPUT_FILTER, "Filter:", input->context.filter);
		break;
	case ACTION_SEARCH:
		ask_for(input, INPUT_SEARCH, "Search:", "");
		break;
	case ACTION_NEXT:
		search(input, 1, false);
		break;
	case ACTION_PREVIOUS:
		search(input, -1, false);
		break;
	case ACTION_DELETE:
		input->search[0] = '\0';
		apply_filter(input, "");
		break;
	case ACTION_EXPORT:
		ask_export(input);
		break;
	case ACTION_INTERVAL:
		ask_for(input, INPUT_INTERVAL, "Seconds between polls:", "");
		break;
	case ACTION_FASTER:
		step_interval(input, -1);
		break;
	case ACTION_SLOWER:
		step_interval(input, 1);
		break;
	case ACTION_REPAINT:
		term_repaint();
		break;
	default:
		act_on_table(input, action);
		break;
	}
}

static void click(struct input *input, const struct term_click *click)
{
	struct table *table = table_of(input);
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
			act(input, ACTION_ENTER);
		else
			table_select(table, index);
		break;
	case TABLE_MISS:
		break;
	}
}

static void screen_of_digit(struct input *input, int key)
{
	size_t count;

	tab_index(input, &count);
	if (key > '0' && (size_t)(key - '0') <= count)
		enter(input, chrome_tabs[key - '1']);
}

void input_press(struct input *input, int key, const struct term_click *where)
{
	enum action action = keys_action(key);
	struct table *table = table_of(input);

	input->ui.message_until_ns = 0;
	if (key == KEY_MOUSE)
		click(input, where);
	else if (key == KEY_RESIZE)
		term_repaint();
	else if (input->ui.mode == CHROME_PROMPT)
		key_in_prompt(input, key);
	else if (input->ui.mode == CHROME_MENU)
		key_in_menu(input, key, action);
	else if (input->ui.mode == CHROME_HELP)
		key_in_help(input, action);
	else if (action == ACTION_SCREEN)
		screen_of_digit(input, key);
	else if (action != ACTION_NONE)
		act(input, action);
	else if (table && table_sort_letter(table, key))
		input_refresh(input);
}
