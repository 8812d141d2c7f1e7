/* The table of processes. */
#include "hakmem-top/screens/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hakmem-top/data/dump.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/term/term.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/data/tree.h"

static uint64_t key(const void *data)
{
	return ((const struct view_row *)data)->process->id;
}

#define ROW(data)   ((const struct view_row *)(data))
#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))
#define COMPARE(name, expression)                                              \
	static int by_##name(const void *a, const void *b)                     \
	{                                                                      \
		const struct view_row *left = a, *right = b;                   \
		return ORDER(left->expression, right->expression);             \
	}
COMPARE(pid, process->pid)
COMPARE(allocs, allocs_s)
COMPARE(frees, frees_s)
COMPARE(page_boundary, page_boundary_s)
COMPARE(age, process->age_ns)

static int by_command(const void *a, const void *b)
{
	return strcmp(text_command(ROW(a)->process->command),
		      text_command(ROW(b)->process->command));
}

static int by_state(const void *a, const void *b)
{
	const struct process *left = ROW(a)->process, *right = ROW(b)->process;

	if (left->state != right->state)
		return ORDER(left->state, right->state);
	return ORDER(left->exit_status + left->exit_signal,
		     right->exit_status + right->exit_signal);
}

/* With a mark, what grew since then comes first. */
static int by_growth(bool marked, uint64_t a_base, uint64_t a, uint64_t b_base,
		     uint64_t b)
{
	int64_t left = (int64_t)(marked ? a - a_base : a);
	int64_t right = (int64_t)(marked ? b - b_base : b);

	return marked ? ORDER(left, right) : ORDER(a, b);
}

#define COMPARE_GROWTH(name, member)                                           \
	static int by_##name(const void *a, const void *b)                     \
	{                                                                      \
		return by_growth(ROW(a)->marked, ROW(a)->base.member,          \
				 ROW(a)->process->member, ROW(b)->base.member, \
				 ROW(b)->process->member);                     \
	}
COMPARE_GROWTH(live, live_bytes)
COMPARE_GROWTH(rss, rss_bytes)
COMPARE_GROWTH(rejects, rejects)

/* The requests of 1024 bytes and all requests that the row is about. */
static void share_1024(const struct view_row *row, uint64_t *part,
		       uint64_t *whole)
{
	uint64_t base = row->marked ? row->base.requests_1024 : 0;
	uint64_t all = row->marked ? row->base.allocs : 0;

	*part = row->process->requests_1024 > base
			? row->process->requests_1024 - base
			: 0;
	*whole = row->process->allocs > all ? row->process->allocs - all : 0;
}

static int by_1024(const void *a, const void *b)
{
	uint64_t part[2], whole[2];
	double left, right;

	share_1024(a, &part[0], &whole[0]);
	share_1024(b, &part[1], &whole[1]);
	left = whole[0] ? (double)part[0] / (double)whole[0] : -1;
	right = whole[1] ? (double)part[1] / (double)whole[1] : -1;
	return ORDER(left, right);
}

static void show_pid(const void *row, char out[TABLE_TEXT_MAX])
{
	snprintf(out, TABLE_TEXT_MAX, "%u", ROW(row)->process->pid);
}

static void show_command(const void *row, char out[TABLE_TEXT_MAX])
{
	unsigned depth = ROW(row)->depth;
	const char *command = text_command(ROW(row)->process->command);

	if (depth > 16)
		depth = 16;
	snprintf(out, TABLE_TEXT_MAX, "%*s%s%s", depth ? (int)depth * 2 - 2 : 0,
		 "", depth ? (term_utf8() ? "└ " : "`-") : "",
		 *command ? command : "(no command)");
}

static void show_live(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct view_row *row = data;

	if (row->marked)
		fmt_bytes_change(out, row->base.live_bytes,
				 row->process->live_bytes);
	else
		fmt_bytes(out, row->process->live_bytes);
}

static void show_rss(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct view_row *row = data;

	if (row->marked)
		fmt_bytes_change(out, row->base.rss_bytes,
				 row->process->rss_bytes);
	else
		fmt_bytes(out, row->process->rss_bytes);
}

/* A rate, or with a mark the number since then. */
static void show_rate(const struct view_row *row, double rate, uint64_t base,
		      uint64_t now, char *out)
{
	if (row->marked)
		fmt_count_change(out, base, now);
	else if (row->rated)
		fmt_rate(out, rate);
	else
		strcpy(out, "-");
}

static void show_allocs(const void *data, char out[TABLE_TEXT_MAX])
{
	show_rate(data, ROW(data)->allocs_s, ROW(data)->base.allocs,
		  ROW(data)->process->allocs, out);
}

static void show_frees(const void *data, char out[TABLE_TEXT_MAX])
{
	show_rate(data, ROW(data)->frees_s, ROW(data)->base.frees,
		  ROW(data)->process->frees, out);
}

static void show_page_boundary(const void *data, char out[TABLE_TEXT_MAX])
{
	show_rate(data, ROW(data)->page_boundary_s,
		  ROW(data)->base.page_boundary,
		  ROW(data)->process->page_boundary, out);
}

static void show_1024(const void *row, char out[TABLE_TEXT_MAX])
{
	uint64_t part, whole;

	share_1024(row, &part, &whole);
	fmt_percent(out, part, whole);
}

static void show_rejects(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct view_row *row = data;

	if (row->marked)
		fmt_count_change(out, row->base.rejects, row->process->rejects);
	else
		fmt_count(out, row->process->rejects);
}

static void show_age(const void *row, char out[TABLE_TEXT_MAX])
{
	fmt_age(out, ROW(row)->process->age_ns);
}

static void show_state(const void *row, char out[TABLE_TEXT_MAX])
{
	model_state_text(ROW(row)->process, out, TABLE_TEXT_MAX);
}

static enum term_role dim_ended(const void *row)
{
	return model_alive(ROW(row)->process) ? TERM_TEXT : TERM_DIM;
}

static enum term_role strong_alive(const void *row)
{
	return model_alive(ROW(row)->process) ? TERM_STRONG : TERM_DIM;
}

static enum term_role bad_if_any(const void *row)
{
	return ROW(row)->process->rejects ? TERM_BAD : dim_ended(row);
}

static enum term_role state_role(const void *row)
{
	const struct process *process = ROW(row)->process;

	switch (process->state) {
	case MODEL_RUNNING:
		return TERM_GOOD;
	case MODEL_DISCONNECTED:
		return TERM_WARN;
	case MODEL_SIGNALLED:
	case MODEL_OOM_KILLED:
		return TERM_BAD;
	case MODEL_EXITED:
		return process->exit_known && process->exit_status ? TERM_WARN
								   : TERM_DIM;
	default:
		return TERM_DIM;
	}
}

static const struct column columns[] = {
	{.title = "PID",
	 .letter = 'P',
	 .width = 7,
	 .ascending = true,
	 .help = "process",
	 .compare = by_pid,
	 .format = show_pid,
	 .role = dim_ended},
	{.title = "COMMAND",
	 .letter = 'C',
	 .width = 8,
	 .flexible = true,
	 .left = true,
	 .ascending = true,
	 .help = "command line",
	 .compare = by_command,
	 .format = show_command,
	 .role = dim_ended},
	{.title = "LIVE",
	 .mark_title = "+LIVE",
	 .letter = 'L',
	 .width = 6,
	 .help = "bytes reserved for live blocks",
	 .compare = by_live,
	 .format = show_live,
	 .role = strong_alive},
	{.title = "RSS",
	 .mark_title = "+RSS",
	 .letter = 'R',
	 .width = 6,
	 .rank = 3,
	 .help = "resident bytes of the process",
	 .compare = by_rss,
	 .format = show_rss,
	 .role = dim_ended},
	{.title = "ALLOC/S",
	 .mark_title = "+ALLOCS",
	 .letter = 'A',
	 .width = 7,
	 .rank = 1,
	 .help = "allocations per second",
	 .compare = by_allocs,
	 .format = show_allocs,
	 .role = dim_ended},
	{.title = "FREE/S",
	 .mark_title = "+FREES",
	 .letter = 'F',
	 .width = 6,
	 .rank = 4,
	 .help = "frees per second",
	 .compare = by_frees,
	 .format = show_frees,
	 .role = dim_ended},
	{.title = "1024%",
	 .letter = 'K',
	 .width = 5,
	 .rank = 5,
	 .help = "requests of exactly 1024 bytes, % of all",
	 .compare = by_1024,
	 .format = show_1024,
	 .role = dim_ended},
	{.title = "PGB/S",
	 .mark_title = "+PGB",
	 .letter = 'B',
	 .width = 6,
	 .rank = 7,
	 .help = "frees whose header lies on the page before, per second",
	 .compare = by_page_boundary,
	 .format = show_page_boundary,
	 .role = dim_ended},
	{.title = "REJ",
	 .mark_title = "+REJ",
	 .letter = 'X',
	 .width = 5,
	 .rank = 2,
	 .help = "pointers rejected: header-magic rejects",
	 .compare = by_rejects,
	 .format = show_rejects,
	 .role = bad_if_any},
	{.title = "AGE",
	 .letter = 'T',
	 .width = 6,
	 .rank = 6,
	 .help = "since the process started",
	 .compare = by_age,
	 .format = show_age,
	 .role = dim_ended},
	{.title = "STATE",
	 .letter = 'S',
	 .width = 8,
	 .left = true,
	 .ascending = true,
	 .rank = 1,
	 .help = "running, or how it ended; no link: alive but silent",
	 .compare = by_state,
	 .format = show_state,
	 .role = state_role},
};

static struct table table = {
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
	.key = key,
	.sort = 2,
};
static void **rows;

static struct table *get_table(void)
{
	return &table;
}

static bool refresh(struct context *context)
{
	struct view *view = &context->view;
	void **made = calloc(view->count + 1, sizeof(*made));

	if (!made)
		return false;
	for (size_t i = 0; i < view->count; i++) {
		view->rows[i].depth = 0;
		made[i] = &view->rows[i];
	}
	table.rows = made;
	table.count = view->count;
	table.marked = view->marked;
	table_sort(&table);
	if (context->tree)
		tree_order(made, view->count);
	table_set_rows(&table, made, view->count, true);
	free(rows);
	rows = made;
	return true;
}

static void draw_empty(const struct context *context, int y, int height)
{
	static const char *const hints[] = {
		"No program runs under hakmem yet. Start one with:",
		"",
		"  LD_PRELOAD=/path/to/libhakmem.so PROGRAM ...",
		"  hakmem-top -- PROGRAM ...",
	};
	const size_t count = sizeof(hints) / sizeof(hints[0]);

	if (context->filter[0]) {
		term_addf(y + 2, 2, TERM_TEXT,
			  "No process contains '%s'; Esc drops the filter.",
			  context->filter);
		return;
	}
	for (size_t i = 0; i < count && (int)i + 2 < height; i++)
		term_add(y + 2 + (int)i, 2, i ? TERM_STRONG : TERM_TEXT,
			 hints[i]);
}

static void draw(struct context *context, int y, int height, int width)
{
	table_draw(&table, y, height, width);
	if (table.count == 0 && context->list)
		draw_empty(context, y, height);
}

static bool save(struct context *context, enum opts_format format, FILE *out)
{
	struct view shown = context->view;
	struct timespec now;
	double time_s;

	clock_gettime(CLOCK_REALTIME, &now);
	time_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	shown.rows = calloc(table.count + 1, sizeof(*shown.rows));
	if (!shown.rows)
		return false;
	for (size_t i = 0; i < table.count; i++)
		shown.rows[i] = *ROW(table.rows[i]);
	shown.count = table.count;
	if (format == OPTS_JSON) {
		dump_report_json(out, time_s, &shown);
	} else {
		dump_report_csv_header(out);
		dump_report_csv(out, time_s, &shown);
	}
	free(shown.rows);
	return true;
}

const struct screen screen_processes = {
	.name = "Processes",
	.refresh = refresh,
	.table = get_table,
	.draw = draw,
	.save = save,
};
