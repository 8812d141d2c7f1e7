/* The histogram of request sizes of one process, as bars. */
#include "hakmem-top/screens/screen.h"

#include <stdio.h>
#include <string.h>

#include "hakmem-top/base/fmt.h"
#include "hakmem-top/term/term.h"

/* A bin with what it is compared to. */
struct size_row {
	const struct size_bin *bin;
	struct size_bin base; /* at the baseline */
	bool has_baseline;
	uint64_t all_requests, most_requests, most_live;
};

#define ROW(data) ((const struct size_row *)(data))

static uint64_t screen_sizes_requests(const struct size_row *row)
{
	uint64_t now = row->bin->requests, base = row->base.requests;

	return !row->has_baseline ? now : now > base ? now - base : 0;
}

static uint64_t screen_sizes_key(const void *row)
{
	return ROW(row)->bin->low;
}

/* The getter of a column: a value of `row` and its `bin`. */
#define GET(name, ...)                                                         \
	static struct value screen_sizes_get_##name(const void *data)          \
	{                                                                      \
		const struct size_row *row = data;                             \
		const struct size_bin *bin = row->bin;                         \
                                                                               \
		(void)bin;                                                     \
		return __VA_ARGS__;                                            \
	}
/* With a baseline the screen shows the change since then. */
#define SINCE(name, kind)                                                      \
	GET(name, value_since(VALUE_##kind, row->has_baseline, row->base.name, \
			      bin->name))

GET(low_bytes, value_whole(VALUE_NUMBER, bin->low))
GET(high_bytes, value_whole(VALUE_NUMBER, bin->high))
SINCE(requests, COUNT)
GET(requested_bytes, value_whole(VALUE_BYTES, bin->requested_bytes))
SINCE(reserved_bytes, BYTES)
SINCE(live_objects, COUNT)
SINCE(live_bytes, BYTES)
GET(requests_stderr, value_real(VALUE_REAL, bin->stderr_requests))
GET(size, value_pair(VALUE_RANGE, bin->low, bin->high))
GET(share,
    value_pair(VALUE_SHARE, screen_sizes_requests(row), row->all_requests))
GET(requests_bar,
    value_pair(VALUE_BAR, screen_sizes_requests(row), row->most_requests))
GET(live_bar, value_pair(VALUE_BAR, bin->live_bytes, row->most_live))
/* What is reserved beyond what was asked for. */
GET(waste, value_pair(VALUE_SHARE,
		      bin->reserved_bytes > bin->requested_bytes
			      ? bin->reserved_bytes - bin->requested_bytes
			      : 0,
		      bin->reserved_bytes))

static void screen_sizes_show_error(const void *data, char out[VALUE_TEXT_MAX])
{
	const struct size_row *row = data;
	double percent;

	if (!(row->bin->stderr_requests > 0) || row->bin->requests == 0) {
		strcpy(out, "exact");
		return;
	}
	percent = 100 * row->bin->stderr_requests / (double)row->bin->requests;
	if (percent > 100)
		strcpy(out, ">100%");
	else
		snprintf(out, VALUE_TEXT_MAX, "%.*f%%", percent < 10 ? 1 : 0,
			 percent);
}

static enum term_role screen_sizes_bar_role(const void *row)
{
	(void)row;
	return TERM_BAR;
}

static enum term_role screen_sizes_live_role(const void *row)
{
	(void)row;
	return TERM_TITLE;
}

static enum term_role screen_sizes_size_role(const void *row)
{
	return ROW(row)->bin->low == 1024 ? TERM_STRONG : TERM_TEXT;
}

static const struct column screen_sizes_columns[] = {
	{"SIZE", NULL, 'P', 12, 0, COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_sizes_get_size, NULL, screen_sizes_size_role,
	 "requested bytes, from-to"},
	{"REQUESTS", "+REQUESTS", 'R', 9, 0, 0, screen_sizes_get_requests, NULL,
	 NULL, "requests of these sizes since the start"},
	{"%", NULL, 0, 4, 3, 0, screen_sizes_get_share, NULL, NULL,
	 "of all requests"},
	{"ERROR", NULL, 0, 5, 4, 0, screen_sizes_get_requests_stderr,
	 screen_sizes_show_error, NULL,
	 "one standard error of the requests; exact = counted"},
	{"REQUESTS", "SINCE MARK", 0, 10, 0, COLUMN_FLEXIBLE | COLUMN_LEFT,
	 screen_sizes_get_requests_bar, NULL, screen_sizes_bar_role,
	 "the requests as bars, the longest = the most"},
	{"BLOCKS", "+BLOCKS", 'B', 7, 5, 0, screen_sizes_get_live_objects, NULL,
	 NULL, "live blocks"},
	{"LIVE", "+LIVE", 'L', 6, 1, 0, screen_sizes_get_live_bytes, NULL, NULL,
	 "bytes reserved for live blocks"},
	{"LIVE BYTES", NULL, 0, 14, 8, COLUMN_LEFT, screen_sizes_get_live_bar,
	 NULL, screen_sizes_live_role, "the live bytes as bars"},
	{"RESERVED", "+RESERV", 'V', 8, 7, 0, screen_sizes_get_reserved_bytes,
	 NULL, NULL, "bytes reserved for all requests since the start"},
	{"WASTE%", NULL, 0, 6, 6, 0, screen_sizes_get_waste, NULL, NULL,
	 "of the reserved bytes, beyond what was asked for"},
};

static const struct field screen_sizes_fields[] = {
#define SIZES_COLUMN(name, kind, help) {#name, screen_sizes_get_##name},
#include "proto/columns.def"
};

static struct table screen_sizes_table = {
	.columns = screen_sizes_columns,
	.column_count =
		sizeof(screen_sizes_columns) / sizeof(screen_sizes_columns[0]),
	.fields = screen_sizes_fields,
	.field_count =
		sizeof(screen_sizes_fields) / sizeof(screen_sizes_fields[0]),
	.key = screen_sizes_key,
};

static struct table *screen_sizes_get_table(void)
{
	return &screen_sizes_table;
}

/* What the bars and shares of all rows are measured against. */
static void screen_sizes_measure(struct size_row *list, size_t count)
{
	uint64_t all = 0, most = 0, live = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t here = screen_sizes_requests(&list[i]);

		all += here;
		most = here > most ? here : most;
		live = list[i].bin->live_bytes > live ? list[i].bin->live_bytes
						      : live;
	}
	for (size_t i = 0; i < count; i++) {
		list[i].all_requests = all;
		list[i].most_requests = most;
		list[i].most_live = live;
	}
}

static bool screen_sizes_refresh(struct context *context)
{
	const struct detail *detail = context->detail;
	bool since = detail && view_base(&context->view, &detail->process);
	size_t count = detail ? detail->size_count : 0;
	struct size_row *rows =
		table_make(&screen_sizes_table, count, sizeof(*rows));

	if (!rows)
		return false;
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct size_row){.bin = &detail->sizes[i],
					    .base = detail->base_sizes[i],
					    .has_baseline = since};
	screen_sizes_measure(rows, count);
	screen_sizes_table.has_baseline = since;
	table_show(&screen_sizes_table, context->filter, NULL);
	return true;
}

static void screen_sizes_draw(struct context *context, int y, int height,
			      int width)
{
	const struct detail *detail = context->detail;
	const uint64_t *figures = detail->process.figures;
	uint64_t now = figure_or_0(figures, FIGURE_REQUESTS_1024);
	char count[FMT_MAX], part[FMT_MAX], fallback[FMT_MAX];

	term_addf(y, 1, TERM_TEXT,
		  "1024 bytes: %s requests (%s%% of all), %s left the small "
		  "classes",
		  fmt_grouped(count, now),
		  fmt_percent(part, now, figure_or_0(figures, FIGURE_ALLOCS)),
		  fmt_grouped(fallback,
			      figure_or_0(figures, FIGURE_FALLBACK_1024)));
	table_draw(&screen_sizes_table, y + 1, height - 1, width);
	if (screen_sizes_table.count == 0)
		term_add(y + 3, 2, TERM_TEXT,
			 context->filter[0] ? "No size contains the filter."
					    : "No request was counted yet.");
}

const struct screen screen_sizes = {
	.name = "Sizes",
	.what = "sizes",
	.of_process = true,
	.refresh = screen_sizes_refresh,
	.table = screen_sizes_get_table,
	.draw = screen_sizes_draw,
};
