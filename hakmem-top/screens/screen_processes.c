/* The table of processes. */
#include "hakmem-top/screens/screen.h"

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
/* With a baseline the screen shows the change since then. */
#define SINCE(name, kind, member)                                              \
	GET(name, value_since(VALUE_##kind, row->has_baseline,                 \
			      row->base.member, process->member))

/* A rate, or with a baseline the number since then. */
static struct value screen_processes_rate(const struct view_row *row,
					  double per_second, uint64_t base,
					  uint64_t now)
{
	struct value value = value_real(VALUE_RATE, per_second);

	value.unknown = !row->rated;
	return row->has_baseline ? value_since(VALUE_COUNT, true, base, now)
				 : value;
}

#define RATE(name, per_second, member)                                         \
	GET(name, screen_processes_rate(row, row->per_second,                  \
					row->base.member, process->member))

static uint64_t screen_processes_gain(uint64_t base, uint64_t now)
{
	return now > base ? now - base : 0;
}

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
SINCE(live_bytes, BYTES, live_bytes)
WHOLE(live_objects, COUNT, live_objects)
WHOLE(peak_live_bytes, BYTES, peak_live_bytes)
SINCE(rss_bytes, BYTES, rss_bytes)
WHOLE(allocs_total, COUNT, allocs)
WHOLE(frees_total, COUNT, frees)
WHOLE(requests_1024_total, COUNT, requests_1024)
WHOLE(fallback_1024_total, COUNT, fallback_1024)
WHOLE(page_boundary_total, COUNT, page_boundary)
WHOLE(mincore_total, COUNT, mincore)
SINCE(header_rejects_total, COUNT, rejects)
WHOLE(sample_bytes, BYTES, sample_bytes)
WHOLE(dropped_total, COUNT, dropped)
WHOLE(start_ticks, NUMBER, start_ticks)
WHOLE(process_id, NUMBER, id)
WHOLE(parent_process_id, NUMBER, parent_id)
RATE(allocs_s, allocs_s, allocs)
RATE(frees_s, frees_s, frees)
RATE(page_boundary_s, page_boundary_s, page_boundary)
/* Requests of 1024 bytes of all requests, with a baseline of those since then.
 */
GET(share_1024,
    value_pair(VALUE_SHARE,
	       screen_processes_gain(row->has_baseline ? row->base.requests_1024
						       : 0,
				     process->requests_1024),
	       screen_processes_gain(row->has_baseline ? row->base.allocs : 0,
				     process->allocs)))

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

static void screen_processes_show_state(const void *row,
					char out[VALUE_TEXT_MAX])
{
	model_state_text(ROW(row)->process, out, VALUE_TEXT_MAX);
}

static enum term_role screen_processes_dim_ended(const void *row)
{
	return model_alive(ROW(row)->process) ? TERM_TEXT : TERM_DIM;
}

static enum term_role screen_processes_strong_alive(const void *row)
{
	return model_alive(ROW(row)->process) ? TERM_STRONG : TERM_DIM;
}

static enum term_role screen_processes_bad_if_any(const void *row)
{
	return ROW(row)->process->rejects ? TERM_BAD
					  : screen_processes_dim_ended(row);
}

static enum term_role screen_processes_state_role(const void *row)
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

static const struct column screen_processes_columns[] = {
	{"PID", NULL, 'P', 7, 0, COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_processes_get_pid, NULL, screen_processes_dim_ended, "process"},
	{"COMMAND", NULL, 'C', 8, 0,
	 COLUMN_FLEXIBLE | COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_processes_get_command, screen_processes_show_command,
	 screen_processes_dim_ended, "command line"},
	{"LIVE", "+LIVE", 'L', 6, 0, 0, screen_processes_get_live_bytes, NULL,
	 screen_processes_strong_alive, "bytes reserved for live blocks"},
	{"RSS", "+RSS", 'R', 6, 3, 0, screen_processes_get_rss_bytes, NULL,
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
	{"REJ", "+REJ", 'X', 5, 2, 0, screen_processes_get_header_rejects_total,
	 NULL, screen_processes_bad_if_any,
	 "pointers rejected: header-magic rejects"},
	{"AGE", NULL, 'T', 6, 6, 0, screen_processes_get_age_s, NULL,
	 screen_processes_dim_ended, "since the process started"},
	{"STATE", NULL, 'S', 8, 1,
	 COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_processes_get_state, screen_processes_show_state,
	 screen_processes_state_role,
	 "running, or how it ended; no link: alive but silent"},
};

#define FIELD(name)                                                            \
	{                                                                      \
#name, screen_processes_get_##name                             \
	}
static const struct field screen_processes_fields[] = {
	FIELD(pid),
	FIELD(parent_pid),
	FIELD(uid),
	FIELD(command),
	FIELD(state),
	FIELD(exit_status),
	FIELD(exit_signal),
	FIELD(age_s),
	FIELD(live_bytes),
	FIELD(live_objects),
	FIELD(peak_live_bytes),
	FIELD(rss_bytes),
	FIELD(allocs_total),
	FIELD(frees_total),
	FIELD(requests_1024_total),
	FIELD(fallback_1024_total),
	FIELD(page_boundary_total),
	FIELD(mincore_total),
	FIELD(header_rejects_total),
	FIELD(sample_bytes),
	FIELD(dropped_total),
	FIELD(start_ticks),
	FIELD(process_id),
	FIELD(parent_process_id),
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
	screen_processes_table.has_baseline = view->has_baseline;
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
