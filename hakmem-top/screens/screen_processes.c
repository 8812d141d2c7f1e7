/* The table of processes. */
#include "hakmem-top/screens/screen.h"

#include <math.h>
#include <stdio.h>

#include "hakmem-top/term/term.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/data/tree.h"

static uint64_t screen_processes_key(const void *data)
{
	return ((const struct view_row *)data)->process->id;
}

#define ROW(data) ((const struct view_row *)(data))

/* The getter of a column: a value of `row`, and of its `process`. */
#define GET(name, ...)                                                         \
	static struct value screen_processes_get_##name(const void *data)      \
	{                                                                      \
		const struct view_row *row = data;                             \
		const struct process *process = row->process;                  \
                                                                               \
		(void)process;                                                 \
		return __VA_ARGS__;                                            \
	}
#define WHOLE(name, kind, member)                                              \
	GET(name, value_whole(VALUE_##kind, process->member))

static struct value screen_processes_figure(const void *data,
					    enum figure figure)
{
	static const enum value_kind kinds[] = {[FIGURE_COUNT] = VALUE_COUNT,
						[FIGURE_BYTES] = VALUE_BYTES,
						[FIGURE_NS] = VALUE_NUMBER};
	uint64_t now = ROW(data)->process->figures[figure];

	return now == FIGURE_UNKNOWN
		       ? (struct value){.kind = VALUE_NONE, .unknown = true}
		       : value_whole(kinds[figures_table[figure].unit], now);
}

/* `value`, or with a baseline what the figure changed since then. */
static struct value screen_processes_since(const struct view_row *row,
					   enum figure figure,
					   struct value value)
{
	uint64_t now = row->process->figures[figure];
	uint64_t base = row->base ? row->base[figure] : FIGURE_UNKNOWN;

	if (!row->marked)
		return value;
	value = screen_processes_figure(row, figure);
	value.since = true;
	value.base = base;
	if (now == FIGURE_UNKNOWN || base == FIGURE_UNKNOWN) {
		value.unknown = true;
		value.base = value.count; /* in the order of growth: none */
	}
	return value;
}

#define SINCE(name, id)                                                        \
	GET(name,                                                              \
	    screen_processes_since(row, FIGURE_##id,                           \
				   screen_processes_figure(row, FIGURE_##id)))
#define RATE(name, id)                                                         \
	GET(name, screen_processes_since(                                      \
			  row, FIGURE_##id,                                    \
			  (struct value){.kind = VALUE_RATE,                   \
					 .real = row->rates[VIEW_##id],        \
					 .unknown = !row->rated}))

/* What came since the baseline, or since the start. */
static uint64_t screen_processes_gain(const struct view_row *row,
				      enum figure figure)
{
	uint64_t now = figure_or_0(row->process->figures, figure);
	uint64_t base = row->base ? figure_or_0(row->base, figure) : 0;

	return now > base ? now - base : 0;
}

#define FIGURE(id, name, unit, kind, group, level, trend, label, help)         \
	GET(figure_##id, screen_processes_figure(row, FIGURE_##id))
#include "proto/figures.def"
#undef FIGURE
WHOLE(pid, NUMBER, pid)
WHOLE(parent_pid, NUMBER, parent_pid)
WHOLE(uid, NUMBER, uid)
GET(command, value_text(VALUE_COMMAND, process->command))
/* In the order of the states, then of how it ended. */
GET(state, (struct value){.kind = VALUE_WORD,
			  .text = model_state_name(process->state),
			  .count = (uint64_t)process->state << 32 |
				   (uint8_t)(process->exit_status +
					     process->exit_signal)})
GET(exit_status, process->state == MODEL_EXITED && process->exit_known
			 ? value_real(VALUE_INTEGER, process->exit_status)
			 : value_whole(VALUE_NONE, 0))
GET(exit_signal, process->state == MODEL_SIGNALLED
			 ? value_real(VALUE_INTEGER, process->exit_signal)
			 : value_whole(VALUE_NONE, 0))
GET(age_s, value_real(VALUE_AGE, (double)process->age_ns / 1e9))
GET(figures_age_s, row->age_s < 0 ? value_whole(VALUE_NONE, 0)
				  : value_real(VALUE_AGE, row->age_s))
WHOLE(start_ticks, NUMBER, start_ticks)
WHOLE(process_id, NUMBER, id)
WHOLE(parent_process_id, NUMBER, parent_id)
SINCE(live, LIVE_BYTES)
SINCE(rss, RSS_BYTES)
SINCE(rejects, REJECTS)
RATE(allocs_s, ALLOCS)
RATE(frees_s, FREES)
RATE(page_boundary_s, PAGE_BOUNDARY)
/* Requests of 1024 bytes of all requests. */
GET(share_1024,
    (struct value){.kind = VALUE_SHARE,
		   .count = screen_processes_gain(row, FIGURE_REQUESTS_1024),
		   .base = screen_processes_gain(row, FIGURE_ALLOCS),
		   .unknown = row->marked && !row->base})

static void screen_processes_show_command(const void *row,
					  char out[VALUE_TEXT_MAX])
{
	unsigned depth = ROW(row)->depth;
	const char *command = text_command(ROW(row)->process->command);

	if (depth > 16)
		depth = 16;
	snprintf(out, VALUE_TEXT_MAX, "%*s%s%s", depth ? (int)depth * 2 - 2 : 0,
		 "", depth ? (term_utf8() ? "└ " : "`-") : "",
		 *command ? command : "(no command)");
}

/* A number of seconds in one unit: "old 99s", "old 99m", "old 47h", "old 2d".
 */
static void screen_processes_show_old(double seconds, char out[VALUE_TEXT_MAX])
{
	static const struct {
		double below, unit;
		char letter;
	} units[] = {{100, 1, 's'},
		     {100 * 60, 60, 'm'},
		     {48 * 3600, 3600, 'h'},
		     {HUGE_VAL, 86400, 'd'}};
	size_t i = 0;

	while (seconds >= units[i].below)
		i++;
	snprintf(out, VALUE_TEXT_MAX, "old %.0f%c",
		 floor(seconds / units[i].unit), units[i].letter);
}

static void screen_processes_show_state(const void *row,
					char out[VALUE_TEXT_MAX])
{
	if (ROW(row)->stale && ROW(row)->age_s >= 0 &&
	    ROW(row)->process->state == MODEL_RUNNING)
		screen_processes_show_old(ROW(row)->age_s, out);
	else
		model_state_text(ROW(row)->process, out, VALUE_TEXT_MAX);
}

static enum term_role screen_processes_dim_ended(const void *row)
{
	return model_alive(ROW(row)->process) && !ROW(row)->stale ? TERM_TEXT
								  : TERM_DIM;
}

static enum term_role screen_processes_strong_alive(const void *row)
{
	return model_alive(ROW(row)->process) && !ROW(row)->stale ? TERM_STRONG
								  : TERM_DIM;
}

static enum term_role screen_processes_bad_if_any(const void *row)
{
	return figure_or_0(ROW(row)->process->figures, FIGURE_REJECTS)
		       ? TERM_BAD
		       : screen_processes_dim_ended(row);
}

static enum term_role screen_processes_state_role(const void *row)
{
	const struct process *process = ROW(row)->process;

	switch (process->state) {
	case MODEL_RUNNING:
		return ROW(row)->stale ? TERM_WARN : TERM_GOOD;
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

static const struct column screen_processes_columns[] = {
	{"PID", NULL, 'P', 7, 0, COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_processes_get_pid, NULL, screen_processes_dim_ended, "process"},
	{"COMMAND", NULL, 'C', 8, 0,
	 COLUMN_FLEXIBLE | COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_processes_get_command, screen_processes_show_command,
	 screen_processes_dim_ended, "command line"},
	{"LIVE", "+LIVE", 'L', 6, 0, 0, screen_processes_get_live, NULL,
	 screen_processes_strong_alive, "bytes reserved for live blocks"},
	{"RSS", "+RSS", 'R', 6, 3, 0, screen_processes_get_rss, NULL,
	 screen_processes_dim_ended, "resident bytes of the process"},
	{"ALLOC/S", "+ALLOCS", 'A', 7, 1, 0, screen_processes_get_allocs_s,
	 NULL, screen_processes_dim_ended, "allocations per second"},
	{"FREE/S", "+FREES", 'F', 6, 4, 0, screen_processes_get_frees_s, NULL,
	 screen_processes_dim_ended, "frees per second"},
	{"1024%", NULL, 'K', 5, 5, 0, screen_processes_get_share_1024, NULL,
	 screen_processes_dim_ended,
	 "requests of exactly 1024 bytes, % of all"},
	{"PGB/S", "+PGB", 'B', 6, 7, 0, screen_processes_get_page_boundary_s,
	 NULL, screen_processes_dim_ended,
	 "frees whose header lies on the page before, per second"},
	{"REJ", "+REJ", 'X', 5, 2, 0, screen_processes_get_rejects, NULL,
	 screen_processes_bad_if_any,
	 "pointers rejected: header-magic rejects"},
	{"AGE", NULL, 'T', 6, 6, 0, screen_processes_get_age_s, NULL,
	 screen_processes_dim_ended, "since the process started"},
	{"STATE", NULL, 'S', 8, 1,
	 COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_processes_get_state, screen_processes_show_state,
	 screen_processes_state_role,
	 "running, or how it ended; no link: silent; old: so are its figures"},
};

#define FIELD(name)                                                            \
	{                                                                      \
#name, screen_processes_get_##name                             \
	}
static const struct field screen_processes_fields[] = {
	FIELD(pid),	    FIELD(parent_pid), FIELD(uid),
	FIELD(command),	    FIELD(state),      FIELD(exit_status),
	FIELD(exit_signal), FIELD(age_s),      FIELD(figures_age_s),
#define FIGURE(id, name, unit, kind, group, level, trend, label, help)         \
	{name, screen_processes_get_figure_##id},
#include "proto/figures.def"
#undef FIGURE
	FIELD(start_ticks), FIELD(process_id), FIELD(parent_process_id),
};

static struct table screen_processes_table = {
	.columns = screen_processes_columns,
	.column_count = sizeof(screen_processes_columns) /
			sizeof(screen_processes_columns[0]),
	.fields = screen_processes_fields,
	.field_count = sizeof(screen_processes_fields) /
		       sizeof(screen_processes_fields[0]),
	.key = screen_processes_key,
	.sort = 2,
};

static struct table *screen_processes_get_table(void)
{
	return &screen_processes_table;
}

/* Inside a process the filter is about what is shown there. */
static bool screen_processes_refresh(struct context *context)
{
	const struct view *view = &context->view;
	struct view_row *rows = table_make(&screen_processes_table, view->count,
					   sizeof(*view->rows));

	if (!rows)
		return false;
	for (size_t i = 0; i < view->count; i++)
		rows[i] = view->rows[i];
	screen_processes_table.has_baseline = view->baseline_ns != 0;
	table_show(&screen_processes_table,
		   context->open_pid ? "" : context->filter,
		   context->tree ? tree_order : NULL);
	return true;
}

static void screen_processes_draw_empty(const struct context *context, int y,
					int height)
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

static void screen_processes_draw(struct context *context, int y, int height,
				  int width)
{
	table_draw(&screen_processes_table, y, height, width);
	if (screen_processes_table.count == 0 && context->list)
		screen_processes_draw_empty(context, y, height);
}

const struct screen screen_processes = {
	.name = "Processes",
	.what = "processes",
	.refresh = screen_processes_refresh,
	.table = screen_processes_get_table,
	.draw = screen_processes_draw,
};
