#include "hakmem-top/app.h"

/* curses also has macros of names like refresh. */
#define NCURSES_NOMACROS
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/chrome.h"
#include "hakmem-top/feed.h"
#include "hakmem-top/save.h"
#include "hakmem-top/signals.h"
#include "hakmem-top/term.h"
#include "hakmem-top/text.h"

#define MESSAGE_NS 4000000000u

enum purpose { FILTER, SEARCH, EXPORT, INTERVAL };

struct app {
	const struct opts *opts;
	struct client *client;
	struct run *run;
	struct context context;
	struct feed feed;
	struct ui ui;
	enum purpose purpose;
	char search[PROMPT_MAX];
	unsigned interrupts; /* Ctrl-C that went to the command */
	bool quit;
};

__attribute__((format(printf, 3, 4))) static void say(struct app *app, bool bad,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(app->ui.message, sizeof(app->ui.message), format, arguments);
	va_end(arguments);
	app->ui.message_bad = bad;
	app->ui.message_until_ns = client_now_ns() + MESSAGE_NS;
}

static struct table *table_of(const struct app *app)
{
	return app->ui.screen->table ? app->ui.screen->table() : NULL;
}

/* Rows anew; what has no data yet is drawn as waiting. */
static void refresh_screen(struct app *app)
{
	const struct screen *screen = app->ui.screen;

	if (screen->of_process ? app->context.detail != NULL
			       : app->context.list != NULL)
		screen->refresh(&app->context);
}

static void go_to(struct app *app, const struct screen *screen)
{
	if (app->ui.screen->of_process != screen->of_process) {
		app->context.filter[0] = '\0';
		app->search[0] = '\0';
		feed_rebuild(&app->feed);
	}
	app->ui.screen = screen;
	app->feed.wants_history = screen->needs_history;
	if (screen->needs_history)
		app->feed.next_ns = 0;
	refresh_screen(app);
}

static void leave_process(struct app *app)
{
	feed_open(&app->feed, NULL);
	go_to(app, &screen_processes);
}

static void enter(struct app *app, const struct screen *screen)
{
	const struct view_row *row;

	if (app->ui.screen->of_process) {
		go_to(app, screen);
		return;
	}
	row = table_selected(screen_processes.table());
	if (!row || !app->context.list)
		return;
	feed_open(&app->feed, row->process);
	go_to(app, screen);
}

static size_t tab_index(const struct app *app, size_t *count)
{
	size_t at = 0;

	for (*count = 0; chrome_tabs[*count]; ++*count)
		if (chrome_tabs[*count] == app->ui.screen)
			at = *count;
	return at;
}

static void step_tab(struct app *app, size_t step)
{
	size_t count, at = tab_index(app, &count);

	if (!app->ui.screen->of_process)
		enter(app, chrome_tabs[0]);
	else
		go_to(app, chrome_tabs[(at + count + step) % count]);
}

static void back(struct app *app)
{
	if (app->context.filter[0]) {
		app->context.filter[0] = '\0';
		feed_rebuild(&app->feed);
		refresh_screen(app);
	} else if (app->ui.screen->of_process) {
		leave_process(app);
	}
}

static void ask_for(struct app *app, enum purpose purpose, const char *label,
		    const char *text)
{
	app->purpose = purpose;
	app->ui.mode = CHROME_PROMPT;
	prompt_start(&app->ui.prompt, label, text);
}

static void ask_export(struct app *app)
{
	char name[PROMPT_MAX];
	const struct screen *screen = app->ui.screen;
	char lower[16];
	size_t i;

	if (app->opts->readonly) {
		say(app, true, "--readonly: no files are written");
		return;
	}
	for (i = 0; screen->name[i] && i + 1 < sizeof(lower); i++)
		lower[i] = (char)(screen->name[i] | 0x20);
	lower[i] = '\0';
	if (screen->of_process && app->context.detail)
		snprintf(name, sizeof(name), "hakmem-%u-%s.csv",
			 app->context.detail->process.pid, lower);
	else
		snprintf(name, sizeof(name), "hakmem-%s.csv", lower);
	ask_for(app, EXPORT, "Write to (.csv or .json):", name);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

static void export_to(struct app *app, const char *path)
{
	enum opts_format format =
		ends_with(path, ".json") ? OPTS_JSON : OPTS_CSV;
	char *data = NULL, why[256];
	size_t length = 0;
	FILE *out = open_memstream(&data, &length);
	bool made;

	if (!out)
		return;
	made = app->ui.screen->save(&app->context, format, out);
	if (fclose(out) != 0 || !made)
		say(app, true, "nothing to write yet");
	else if (save_file(path, data, length, why, sizeof(why)) != 0)
		say(app, true, "%s", why);
	else
		say(app, false, "wrote %s", path);
	free(data);
}

static void set_interval(struct app *app, double seconds)
{
	if (!(seconds >= OPTS_INTERVAL_MIN && seconds <= OPTS_INTERVAL_MAX)) {
		say(app, true, "interval: want 0.1 to 3600 seconds");
		return;
	}
	feed_set_interval(&app->feed, seconds);
	say(app, false, "every %.4g s", seconds);
}

static void step_interval(struct app *app, int step)
{
	static const double steps[] = {0.1, 0.2, 0.5, 1,  2,   5,
				       10,  20,	 30,  60, 120, 300};
	const size_t count = sizeof(steps) / sizeof(steps[0]);
	double now = (double)app->feed.interval_ns / 1e9;
	size_t i;

	if (step > 0) {
		for (i = 0; i + 1 < count && steps[i] <= now * 1.001; i++)
			;
	} else {
		for (i = count - 1; i > 0 && steps[i] >= now * 0.999; i--)
			;
	}
	set_interval(app, steps[i]);
}

static void search(struct app *app, int step, bool from_here)
{
	struct table *table = table_of(app);

	if (!table || !app->search[0])
		return;
	if (!table_search(table, app->search, step, from_here))
		say(app, true, "no row contains '%.100s'", app->search);
}

static void prompt_finished(struct app *app)
{
	const char *text = app->ui.prompt.text;

	switch (app->purpose) {
	case FILTER:
		break; /* took effect while it was typed */
	case SEARCH:
		snprintf(app->search, sizeof(app->search), "%s", text);
		search(app, 1, true);
		break;
	case EXPORT:
		if (*text)
			export_to(app, text);
		break;
	case INTERVAL:
		set_interval(app, strtod(text, NULL));
		break;
	}
}

static void apply_filter(struct app *app, const char *text)
{
	snprintf(app->context.filter, sizeof(app->context.filter), "%.*s",
		 SCREEN_FILTER_MAX - 1, text);
	feed_rebuild(&app->feed);
	refresh_screen(app);
}

static void key_in_prompt(struct app *app, int key)
{
	enum prompt_state state = prompt_key(&app->ui.prompt, key);

	if (app->purpose == FILTER)
		apply_filter(app, state == PROMPT_CANCELLED
					  ? ""
					  : app->ui.prompt.text);
	if (state == PROMPT_GOING_ON)
		return;
	app->ui.mode = CHROME_NORMAL;
	if (state == PROMPT_DONE)
		prompt_finished(app);
}

static void step_menu(struct app *app, const struct table *table, int step)
{
	size_t count = table->column_count, at = app->ui.menu;

	do
		at = (at + count + (size_t)step) % count;
	while (!table->columns[at].compare);
	app->ui.menu = at;
}

static void key_in_menu(struct app *app, int key, enum action action)
{
	struct table *table = table_of(app);

	if (action == ACTION_UP || action == ACTION_DOWN) {
		step_menu(app, table, action == ACTION_UP ? -1 : 1);
		return;
	}
	app->ui.mode = CHROME_NORMAL;
	if (action == ACTION_ENTER)
		table_sort_by(table, app->ui.menu);
	else
		table_sort_letter(table, key);
}

static void key_in_help(struct app *app, enum action action)
{
	struct ui *ui = &app->ui;
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
static void act_on_table(struct app *app, enum action action)
{
	struct table *table = table_of(app);

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
		refresh_screen(app);
		break;
	case ACTION_SORT_RIGHT:
		table_sort_step(table, 1);
		refresh_screen(app);
		break;
	case ACTION_INVERT:
		table->invert = !table->invert;
		refresh_screen(app);
		break;
	case ACTION_SORT_MENU:
		app->ui.mode = CHROME_MENU;
		app->ui.menu = table->sort;
		break;
	default:
		break;
	}
}

static void toggle_tree(struct app *app)
{
	if (app->ui.screen != &screen_processes)
		return;
	app->context.tree = !app->context.tree;
	refresh_screen(app);
	say(app, false, app->context.tree ? "tree" : "no tree");
}

static void mark(struct app *app, bool set)
{
	if (!app->context.list)
		return;
	feed_mark(&app->feed, set);
	refresh_screen(app);
	say(app, false,
	    set ? "marked: changes since now; M forgets it" : "mark forgotten");
}

static void act(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_QUIT:
		app->quit = true;
		break;
	case ACTION_HELP:
		app->ui.mode = CHROME_HELP;
		app->ui.help_top = 0;
		break;
	case ACTION_ENTER:
		if (!app->ui.screen->of_process)
			enter(app, chrome_tabs[0]);
		break;
	case ACTION_BACK:
		back(app);
		break;
	case ACTION_TAB:
		step_tab(app, 1);
		break;
	case ACTION_TAB_BACK:
		step_tab(app, (size_t)-1);
		break;
	case ACTION_FREEZE:
		feed_freeze(&app->feed, !app->feed.frozen);
		break;
	case ACTION_MARK:
	case ACTION_UNMARK:
		mark(app, action == ACTION_MARK);
		break;
	case ACTION_TREE:
		toggle_tree(app);
		break;
	case ACTION_FILTER:
		ask_for(app, FILTER, "Filter:", app->context.filter);
		break;
	case ACTION_SEARCH:
		ask_for(app, SEARCH, "Search:", "");
		break;
	case ACTION_NEXT:
		search(app, 1, false);
		break;
	case ACTION_PREVIOUS:
		search(app, -1, false);
		break;
	case ACTION_DELETE:
		app->search[0] = '\0';
		apply_filter(app, "");
		break;
	case ACTION_EXPORT:
		ask_export(app);
		break;
	case ACTION_INTERVAL:
		ask_for(app, INTERVAL, "Seconds between polls:", "");
		break;
	case ACTION_FASTER:
		step_interval(app, -1);
		break;
	case ACTION_SLOWER:
		step_interval(app, 1);
		break;
	case ACTION_REPAINT:
		term_repaint();
		break;
	default:
		act_on_table(app, action);
		break;
	}
}

static void click(struct app *app, const struct term_click *click)
{
	struct table *table = table_of(app);
	size_t index;

	if (!table || app->ui.mode != CHROME_NORMAL)
		return;
	if (click->wheel) {
		table_move(table, 3 * click->wheel);
		return;
	}
	switch (table_click(table, click->y, click->x, &index)) {
	case TABLE_HIT_COLUMN:
		if (table->sort == index)
			table->invert = !table->invert;
		else
			table_sort_by(table, index);
		refresh_screen(app);
		break;
	case TABLE_HIT_ROW:
		if (table->selected == index && click->twice)
			act(app, ACTION_ENTER);
		else
			table_select(table, index);
		break;
	case TABLE_MISS:
		break;
	}
}

static void screen_of_digit(struct app *app, int key)
{
	size_t count;

	tab_index(app, &count);
	if (key > '0' && (size_t)(key - '0') <= count)
		enter(app, chrome_tabs[key - '1']);
}

static void press(struct app *app, int key, const struct term_click *where)
{
	enum action action = keys_action(key);
	struct table *table = table_of(app);

	app->ui.message_until_ns = 0;
	if (key == KEY_MOUSE)
		click(app, where);
	else if (key == KEY_RESIZE)
		term_repaint();
	else if (app->ui.mode == CHROME_PROMPT)
		key_in_prompt(app, key);
	else if (app->ui.mode == CHROME_MENU)
		key_in_menu(app, key, action);
	else if (app->ui.mode == CHROME_HELP)
		key_in_help(app, action);
	else if (action == ACTION_SCREEN)
		screen_of_digit(app, key);
	else if (action != ACTION_NONE)
		act(app, action);
	else if (table && table_sort_letter(table, key))
		refresh_screen(app);
}

static void read_keys(struct app *app)
{
	struct term_click where;
	int key;

	while (!app->quit && (key = term_key(&where)) != TERM_NO_KEY) {
		if (key == TERM_CLOSED)
			app->quit = true;
		else
			press(app, key, &where);
	}
}

/* Ctrl-C is for the command first; who insists gets stronger means. */
static void interrupt(struct app *app)
{
	static const int means[] = {SIGINT, SIGTERM, SIGKILL};

	if (!app->run || app->run->ended) {
		app->quit = true;
		return;
	}
	run_signal(app->run, means[app->interrupts]);
	say(app, false, "%s sent to %.60s",
	    app->interrupts == 0   ? "SIGINT"
	    : app->interrupts == 1 ? "SIGTERM"
				   : "SIGKILL",
	    app->run->name);
	if (app->interrupts < 2)
		app->interrupts++;
}

static void heed_signals(struct app *app)
{
	bool by_terminal;
	int signal;

	while ((signal = signals_next(&by_terminal)) != 0) {
		if (signal == SIGINT) {
			interrupt(app);
		} else if (signal != SIGCHLD) {
			if (app->run)
				run_signal(app->run, signal);
			app->quit = true;
		} else if (app->run && run_reap(app->run) && !app->opts->stay) {
			app->quit = true;
		}
	}
}

static void step_feed(struct app *app)
{
	if (feed_step(&app->feed, client_now_ns()))
		refresh_screen(app);
	if (app->feed.gone) {
		app->feed.gone = false;
		leave_process(app);
		say(app, true, "the process is no longer known: %.150s",
		    app->feed.trouble);
	}
}

static int until(const struct app *app)
{
	uint64_t now = client_now_ns();
	int ms = feed_timeout_ms(&app->feed, now);

	if (now < app->ui.message_until_ns) {
		int left =
			(int)((app->ui.message_until_ns - now) / 1000000) + 1;

		ms = ms < 0 || left < ms ? left : ms;
	}
	return ms;
}

static void loop(struct app *app)
{
	while (!app->quit) {
		struct pollfd pollers[3] = {
			{.fd = term_fd(), .events = POLLIN},
			{.fd = signals_fd(), .events = POLLIN},
		};

		chrome_draw(&app->ui, &app->feed, client_now_ns());
		pollers[2] = (struct pollfd){
			.fd = client_fd(app->client),
			.events = client_events(app->client),
		};
		poll(pollers, 3, until(app));
		read_keys(app);
		heed_signals(app);
		step_feed(app);
	}
}

int app_run(const struct opts *opts, struct client *client, struct run *run,
	    char *why, size_t size)
{
	const char *no_colour = getenv("NO_COLOR");
	const struct term_conf conf = {
		.colour = !opts->no_colour && !(no_colour && *no_colour),
		.ascii = opts->ascii,
		.mouse = !opts->no_mouse,
	};
	struct app app = {.opts = opts, .client = client, .run = run};

	if (!term_open(&conf, why, size))
		return -1;
	app.ui.screen = &screen_processes;
	app.ui.run = run;
	if (run && !run->daemon)
		app.context.view.root_pid = (uint32_t)run->command;
	feed_init(&app.feed, client, &app.context, opts->interval_s);
	if (run && run_reap(run) && !opts->stay)
		app.quit = true;
	loop(&app);
	term_close();
	feed_clear(&app.feed);
	return 0;
}
