#include "hakmem-top/ui/chrome.h"

#include <stdio.h>
#include <string.h>

#include "hakmem-top/base/fmt.h"
#include "hakmem-top/ui/help.h"
#include "hakmem-top/ui/keys.h"
#include "hakmem-top/base/plot.h"
#include "hakmem-top/term/term.h"
#include "hakmem-top/base/text.h"

const struct screen *const chrome_tabs[] = {
	&screen_overview, &screen_sizes,  &screen_classes,
	&screen_sites,	  &screen_health, NULL,
};

static void chrome_clock_text(char out[16], time_t when)
{
	struct tm local;

	if (when == 0 || !localtime_r(&when, &local))
		strcpy(out, "--:--:--");
	else
		strftime(out, 16, "%H:%M:%S", &local);
}

/* The right end of the first line: the time of what is shown. */
static int chrome_draw_clock(const struct feed *feed, int width)
{
	char clock[16], since[16], text[96], interval[32];
	bool lost = !client_connected(feed->client);
	int used;

	chrome_clock_text(clock, feed->shown_at);
	chrome_clock_text(since, feed->baseline_at);
	snprintf(interval, sizeof(interval), "every %.4gs",
		 (double)feed->interval_ns / 1e9);
	used = snprintf(text, sizeof(text), " %s%s%s %s %s ",
			feed->baseline_at ? "since " : "",
			feed->baseline_at ? since : "",
			feed->baseline_at ? " |" : "",
			feed->frozen ? "FROZEN"
			: lost	     ? "NO DAEMON"
				     : interval,
			clock);
	if (used > width)
		used = width;
	term_put(0, width - used, used,
		 feed->frozen || lost ? TERM_WARN : TERM_TEXT, text);
	return width - used;
}

static void chrome_draw_title(const struct feed *feed, int width)
{
	const struct processes *list = feed->context->list;
	int x = term_add(0, 0, TERM_STRONG, " hakmem-top");
	int end = chrome_draw_clock(feed, width);
	char text[160];

	if (!list) {
		term_put(0, x + 2, end - x - 2, TERM_DIM,
			 client_path(feed->client));
		return;
	}
	snprintf(text, sizeof(text),
		 "%zu running, %zu ended   hakmemd %.20s, pid %u",
		 feed->totals.alive, feed->totals.ended, list->daemon_version,
		 list->daemon_pid);
	term_put(0, x + 2, end - x - 2, TERM_TEXT, text);
}

static int chrome_label(int y, int x, const char *name, const char *value,
			enum term_role role)
{
	x = term_add(y, x, TERM_TITLE, name);
	x = term_add(y, x + 1, role, value);
	return x + 2;
}

/* The sums over all processes, the figures people ask for first in front. */
static void chrome_draw_totals(const struct feed *feed, int width)
{
	const struct view_totals *totals = &feed->totals;
	uint64_t rejects = totals->figures[FIGURE_REJECTS],
		 dropped = totals->figures[FIGURE_DROPPED];
	char text[FMT_MAX], line[PLOT_MAX];
	int x = 1;

	x = chrome_label(1, x, "Live",
			 fmt_bytes(text, totals->figures[FIGURE_LIVE_BYTES]),
			 TERM_STRONG);
	x = chrome_label(1, x, "RSS",
			 fmt_bytes(text, totals->figures[FIGURE_RSS_BYTES]),
			 TERM_STRONG);
	x = chrome_label(1, x, "Allocs/s",
			 fmt_rate(text, totals->rates[VIEW_ALLOCS]),
			 TERM_STRONG);
	x = chrome_label(1, x, "Frees/s",
			 fmt_rate(text, totals->rates[VIEW_FREES]),
			 TERM_STRONG);
	x = chrome_label(1, x, "1024%",
			 fmt_percent(text,
				     totals->figures[FIGURE_REQUESTS_1024],
				     totals->figures[FIGURE_ALLOCS]),
			 TERM_STRONG);
	x = chrome_label(1, x, "Rejects", fmt_count(text, rejects),
			 rejects ? TERM_BAD : TERM_STRONG);
	if (dropped)
		x = chrome_label(1, x, "Dropped", fmt_count(text, dropped),
				 TERM_WARN);
	if (width - x > 12 && feed->trend_count > 1) {
		uint64_t top = 0;

		for (size_t i = 0; i < feed->trend_count; i++)
			top = feed->trend[i] > top ? feed->trend[i] : top;
		plot_chart(line, feed->trend, feed->trend_count, top,
			   (size_t)(width - x - 1), 0, 1, term_utf8());
		term_put(1, x, width - x - 1, TERM_BAR, line);
	}
}

static void chrome_draw_subject(const struct context *context, int width)
{
	const struct process *process = &context->detail->process;
	char text[FMT_MAX];
	int x = 1, end = width - 22;

	x = term_addf(1, x, TERM_TITLE, "PID %u ", process->pid);
	term_put(1, x, end - x, TERM_STRONG, text_command(process->command));
	model_state_text(process, text, sizeof(text));
	x = term_add(1, end + 1,
		     process->state == MODEL_RUNNING ? TERM_GOOD : TERM_WARN,
		     text);
	term_addf(1, x, TERM_TEXT, ", age %s", fmt_age(text, process->age_ns));
}

static bool chrome_is_tab_of(const struct screen *tab,
			     const struct screen *screen)
{
	return tab == screen || tab == screen->outside;
}

/* The columns that all tabs with their names take. */
static int chrome_tabs_width(void)
{
	int width = 1;

	for (size_t i = 0; chrome_tabs[i]; i++)
		width += (int)strlen(chrome_tabs[i]->name) + 4;
	return width;
}

/* In a narrow terminal only the tab that is open has its name. */
static void chrome_draw_tabs(const struct ui *ui, int y, int width)
{
	bool narrow = chrome_tabs_width() > width;
	int x = 1;

	for (size_t i = 0; chrome_tabs[i]; i++) {
		bool open = chrome_is_tab_of(chrome_tabs[i], ui->screen);
		enum term_role role = open ? TERM_SELECTED : TERM_TEXT;

		if (open && ui->screen->outside)
			x = term_addf(y, x, role, " %zu %s > %s ", i + 1,
				      chrome_tabs[i]->name, ui->screen->name);
		else if (open || !narrow)
			x = term_addf(y, x, role, " %zu %s ", i + 1,
				      chrome_tabs[i]->name);
		else
			x = term_addf(y, x, role, " %zu ", i + 1);
	}
}

/* The command that is watched, and where its output goes. */
static void chrome_draw_run(const struct run *run, int y, int width)
{
	char text[TERM_LINE_MAX];

	if (run->ended)
		snprintf(text, sizeof(text), "%.60s ended; output in %.900s",
			 run->name, run->output);
	else
		snprintf(text, sizeof(text),
			 "%.60s (pid %d) runs; output in %.900s", run->name,
			 (int)run->command, run->output);
	term_put(y, 1, width - 1, TERM_DIM, text);
}

static bool chrome_means_something(const struct key *key,
				   const struct screen *screen)
{
	switch (key->scope) {
	case KEYS_LIST:
		return !screen->of_process;
	case KEYS_PROCESS:
		return screen->of_process;
	case KEYS_OPENS:
		return !screen->of_process || screen->inside;
	case KEYS_ALL:
		break;
	}
	return true;
}

/* As many keys as fit, in the order of the table. */
static void chrome_draw_keys(const struct ui *ui, int y, int width)
{
	int x = 0;

	term_put(y, 0, width, TERM_TEXT, "");
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];
		int needed;

		if (!key->footer || !chrome_means_something(key, ui->screen))
			continue;
		needed = (int)(strlen(key->footer_key) + strlen(key->footer));
		if (x + needed + 2 > width)
			break;
		x = term_add(y, x, TERM_KEY, key->footer_key);
		x = term_addf(y, x, TERM_LABEL, " %s", key->footer) + 1;
	}
}

/* What is typed stays in sight: first the label gives way, then its begin. */
static void chrome_draw_prompt(const struct prompt *prompt, int y, int width)
{
	int typed = (int)prompt->length, label = (int)strlen(prompt->label);
	int least = label < 9 ? label : 9;
	const char *text = prompt->text;
	int x;

	if (label + typed + 2 > width)
		label = width - typed - 2 > least ? width - typed - 2 : least;
	for (; *text && (int)strlen(text) > width - label - 2; text++)
		;
	while ((*text & 0xC0) == 0x80) /* never inside a character */
		text++;
	term_put(y, 0, width, TERM_TEXT, "");
	x = term_put(y, 0, label, TERM_TITLE, prompt->label);
	x = term_add(y, x + 1, TERM_STRONG, text);
	term_cursor(y, x < width ? x : width - 1);
}

static void chrome_draw_footer(const struct ui *ui, const struct feed *feed,
			       int y, int width, uint64_t now_ns)
{
	const char *filter = feed->context->filter;
	int x;

	if (ui->mode == CHROME_PROMPT) {
		chrome_draw_prompt(&ui->prompt, y, width);
		return;
	}
	if (ui->mode == CHROME_HELP) {
		term_put(y, 0, width, TERM_DIM,
			 "Up, Down and blank scroll; any other key goes back");
		return;
	}
	if (now_ns < ui->message_until_ns) {
		term_put(y, 0, width, ui->message_bad ? TERM_BAD : TERM_STRONG,
			 ui->message);
		return;
	}
	if (!*filter) {
		chrome_draw_keys(ui, y, width);
		return;
	}
	term_put(y, 0, width, TERM_TEXT, "");
	x = term_add(y, 0, TERM_TITLE, "Filter:");
	x = term_add(y, x + 1, TERM_STRONG, filter);
	term_add(y, x + 2, TERM_DIM, "(Esc drops it)");
}

static void chrome_draw_menu(const struct ui *ui, const struct table *table,
			     int y, int height)
{
	int line = 0;

	term_put(y, 0, 44, TERM_HEADER, " Sort by (Enter, Esc)");
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		char text[128];

		if (!column->letter || line + 1 >= height)
			continue;
		snprintf(text, sizeof(text), " %c %-9s %s", column->letter,
			 column->title, column->help);
		term_put(y + 1 + line++, 0, 44,
			 i == ui->menu ? TERM_SELECTED : TERM_TEXT, text);
	}
}

/* There is nothing to show: say why and what to do. */
static void chrome_draw_no_daemon(const struct feed *feed, int y, int height,
				  int width)
{
	const char *path = client_path(feed->client);
	int at = y;

	if (client_connected(feed->client)) {
		term_put(at, 2, width - 2, TERM_TEXT,
			 "Connected; waiting for the daemon's first answer.");
		return;
	}
	term_put(at++, 2, width - 2, TERM_BAD, "No hakmemd at this socket:");
	term_put(at++, 4, width - 4, TERM_STRONG, path);
	term_put(at++, 4, width - 4, TERM_DIM,
		 feed->trouble[0] ? feed->trouble
				  : client_trouble(feed->client));
	if (height < 6)
		return;
	at++;
	term_put(at++, 2, width - 2, TERM_TEXT, "Start one with:");
	term_put(at++, 4, width - 4, TERM_STRONG, "hakmemd --daemon");
	if (height < 9)
		return;
	at++;
	term_put(at++, 2, width - 2, TERM_TEXT,
		 "or watch one command with a daemon of its own:");
	term_put(at++, 4, width - 4, TERM_STRONG,
		 "hakmem-top -- COMMAND ARGS...");
	if (height > 10)
		term_put(at + 1, 2, width - 2, TERM_DIM,
			 "This screen goes on by itself once it is there.");
}

static void chrome_draw_body(struct ui *ui, const struct feed *feed, int y,
			     int height, int width)
{
	struct context *context = feed->context;
	const struct screen *screen = ui->screen;
	struct table *table = screen->table ? screen->table() : NULL;

	if (ui->mode == CHROME_HELP)
		ui->help_lines =
			help_draw(table, ui->help_top, y, height, width);
	else if (!context->list)
		chrome_draw_no_daemon(feed, y, height, width);
	else if (screen->of_process && !context->detail)
		term_add(y + 1, 2, TERM_TEXT, "Waiting for its figures ...");
	else
		screen->draw(context, y, height, width);
	if (ui->mode == CHROME_MENU && table)
		chrome_draw_menu(ui, table, y, height);
}

void chrome_draw(struct ui *ui, const struct feed *feed, uint64_t now_ns)
{
	const struct context *context = feed->context;
	int rows = term_rows(), width = term_columns(), y = 2;
	bool roomy = rows >= 16;

	term_begin();
	if (rows < TERM_MIN_ROWS || width < TERM_MIN_COLUMNS) {
		term_addf(0, 0, TERM_TEXT, "%dx%d is too small,", width, rows);
		term_addf(1, 0, TERM_TEXT, "want %dx%d", TERM_MIN_COLUMNS,
			  TERM_MIN_ROWS);
		term_end();
		return;
	}
	chrome_draw_title(feed, width);
	if (ui->screen->of_process) {
		if (context->detail)
			chrome_draw_subject(context, width);
		chrome_draw_tabs(ui, y++, width);
	} else if (context->list) {
		chrome_draw_totals(feed, width);
	}
	if (ui->run && (roomy || !ui->screen->of_process))
		chrome_draw_run(ui->run, y++, width);
	if (roomy)
		y++;
	chrome_draw_body(ui, feed, y, rows - y - 1, width);
	chrome_draw_footer(ui, feed, rows - 1, width, now_ns);
	term_end();
}
