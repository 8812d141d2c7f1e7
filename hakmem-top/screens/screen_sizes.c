/* The histogram of request sizes of one process, as bars. */
#include "hakmem-top/screens/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/dump.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/plot.h"
#include "hakmem-top/term/term.h"
#include "hakmem-top/base/text.h"

/* A bin with what it is compared to. */
struct size_row {
	const struct size_bin *bin;
	struct size_bin base; /* at the mark, else all 0 */
	bool marked;
	uint64_t all_requests, most_requests, most_live;
};

#define ROW(data)   ((const struct size_row *)(data))
#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static uint64_t since(const struct size_row *row, uint64_t now, uint64_t base)
{
	return !row->marked ? now : now > base ? now - base : 0;
}

static uint64_t requests(const struct size_row *row)
{
	return since(row, row->bin->requests, row->base.requests);
}

static uint64_t key(const void *row)
{
	return ROW(row)->bin->low;
}

static int by_size(const void *a, const void *b)
{
	return ORDER(ROW(a)->bin->low, ROW(b)->bin->low);
}

static int by_requests(const void *a, const void *b)
{
	return ORDER(requests(ROW(a)), requests(ROW(b)));
}

#define COMPARE(name, member)                                                  \
	static int by_##name(const void *a, const void *b)                     \
	{                                                                      \
		return ORDER(since(ROW(a), ROW(a)->bin->member,                \
				   ROW(a)->base.member),                       \
			     since(ROW(b), ROW(b)->bin->member,                \
				   ROW(b)->base.member));                      \
	}
COMPARE(reserved, reserved_bytes)
COMPARE(objects, live_objects)
COMPARE(live, live_bytes)

static void show_size(const void *row, char out[TABLE_TEXT_MAX])
{
	fmt_range(out, ROW(row)->bin->low, ROW(row)->bin->high);
}

static void show_requests(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct size_row *row = data;

	if (row->marked)
		fmt_count_change(out, row->base.requests, row->bin->requests);
	else
		fmt_count(out, row->bin->requests);
}

static void show_share(const void *row, char out[TABLE_TEXT_MAX])
{
	fmt_percent(out, requests(row), ROW(row)->all_requests);
}

static void show_error(const void *data, char out[TABLE_TEXT_MAX])
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
		snprintf(out, TABLE_TEXT_MAX, "%.*f%%", percent < 10 ? 1 : 0,
			 percent);
}

static void show_objects(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct size_row *row = data;

	if (row->marked)
		fmt_count_change(out, row->base.live_objects,
				 row->bin->live_objects);
	else
		fmt_count(out, row->bin->live_objects);
}

static void show_live(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct size_row *row = data;

	if (row->marked)
		fmt_bytes_change(out, row->base.live_bytes,
				 row->bin->live_bytes);
	else
		fmt_bytes(out, row->bin->live_bytes);
}

static void show_reserved(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct size_row *row = data;

	if (row->marked)
		fmt_bytes_change(out, row->base.reserved_bytes,
				 row->bin->reserved_bytes);
	else
		fmt_bytes(out, row->bin->reserved_bytes);
}

/* What is reserved beyond what was asked for. */
static void show_waste(const void *row, char out[TABLE_TEXT_MAX])
{
	const struct size_bin *bin = ROW(row)->bin;
	uint64_t waste = bin->reserved_bytes > bin->requested_bytes
				 ? bin->reserved_bytes - bin->requested_bytes
				 : 0;

	fmt_percent(out, waste, bin->reserved_bytes);
}

static void plot_requests(const void *row, int cells, char *out)
{
	plot_bar(out, requests(row), ROW(row)->most_requests, (size_t)cells,
		 term_utf8());
}

static void plot_live(const void *row, int cells, char *out)
{
	plot_bar(out, ROW(row)->bin->live_bytes, ROW(row)->most_live,
		 (size_t)cells, term_utf8());
}

static enum term_role bar_role(const void *row)
{
	(void)row;
	return TERM_BAR;
}

static enum term_role live_role(const void *row)
{
	(void)row;
	return TERM_TITLE;
}

static enum term_role size_role(const void *row)
{
	return ROW(row)->bin->low == 1024 ? TERM_STRONG : TERM_TEXT;
}

static const struct column columns[] = {
	{.title = "SIZE",
	 .letter = 'P',
	 .width = 12,
	 .ascending = true,
	 .help = "requested bytes, from-to",
	 .compare = by_size,
	 .format = show_size,
	 .role = size_role},
	{.title = "REQUESTS",
	 .mark_title = "+REQUESTS",
	 .letter = 'R',
	 .width = 9,
	 .help = "requests of these sizes since the start",
	 .compare = by_requests,
	 .format = show_requests},
	{.title = "%",
	 .width = 4,
	 .rank = 3,
	 .help = "of all requests",
	 .format = show_share},
	{.title = "ERROR",
	 .width = 5,
	 .rank = 4,
	 .help = "one standard error of the requests; exact = counted",
	 .format = show_error},
	{.title = "REQUESTS",
	 .mark_title = "SINCE MARK",
	 .width = 10,
	 .left = true,
	 .flexible = true,
	 .help = "the requests as bars, the longest = the most",
	 .plot = plot_requests,
	 .role = bar_role},
	{.title = "BLOCKS",
	 .mark_title = "+BLOCKS",
	 .letter = 'B',
	 .width = 7,
	 .rank = 5,
	 .help = "live blocks",
	 .compare = by_objects,
	 .format = show_objects},
	{.title = "LIVE",
	 .mark_title = "+LIVE",
	 .letter = 'L',
	 .width = 6,
	 .rank = 1,
	 .help = "bytes reserved for live blocks",
	 .compare = by_live,
	 .format = show_live},
	{.title = "LIVE BYTES",
	 .width = 14,
	 .left = true,
	 .rank = 8,
	 .help = "the live bytes as bars",
	 .plot = plot_live,
	 .role = live_role},
	{.title = "RESERVED",
	 .mark_title = "+RESERV",
	 .letter = 'V',
	 .width = 8,
	 .rank = 7,
	 .help = "bytes reserved for all requests since the start",
	 .compare = by_reserved,
	 .format = show_reserved},
	{.title = "WASTE%",
	 .letter = 0,
	 .width = 6,
	 .rank = 6,
	 .help = "of the reserved bytes, beyond what was asked for",
	 .format = show_waste},
};

static struct table table = {
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
	.key = key,
};
static struct size_row *made;
static void **rows;

static struct table *get_table(void)
{
	return &table;
}

static const struct size_bin *base_of(const struct detail *base, uint64_t low)
{
	for (size_t i = 0; base && i < base->size_count; i++)
		if (base->sizes[i].low == low)
			return &base->sizes[i];
	return NULL;
}

static struct size_row row_of(const struct context *context, size_t index)
{
	struct size_row row = {.bin = &context->detail->sizes[index],
			       .marked = context->base != NULL};
	const struct size_bin *base = base_of(context->base, row.bin->low);

	if (base)
		row.base = *base;
	return row;
}

/* What the bars and shares of all rows are measured against. */
static void measure(struct size_row *list, size_t count)
{
	uint64_t all = 0, most = 0, live = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t here = requests(&list[i]);

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

static bool refresh(struct context *context)
{
	size_t bins = context->detail ? context->detail->size_count : 0;
	size_t count = 0;
	char text[FMT_MAX];

	table_set_rows(&table, NULL, 0, true);
	free(made);
	free(rows);
	made = calloc(bins + 1, sizeof(*made));
	rows = calloc(bins + 1, sizeof(*rows));
	if (!made || !rows)
		return false;
	for (size_t i = 0; i < bins; i++)
		made[i] = row_of(context, i);
	measure(made, bins);
	for (size_t i = 0; i < bins; i++) {
		fmt_range(text, made[i].bin->low, made[i].bin->high);
		if (text_has(text, context->filter))
			rows[count++] = &made[i];
	}
	table.marked = context->base != NULL;
	table_set_rows(&table, rows, count, false);
	return true;
}

static void draw(struct context *context, int y, int height, int width)
{
	const struct detail *detail = context->detail;
	uint64_t all = detail->process.allocs;
	char count[FMT_MAX], part[FMT_MAX], fallback[FMT_MAX];

	term_addf(y, 1, TERM_TEXT,
		  "1024 bytes: %s requests (%s%% of all), %s left the small "
		  "classes",
		  fmt_grouped(count, detail->process.requests_1024),
		  fmt_percent(part, detail->process.requests_1024, all),
		  fmt_grouped(fallback, detail->process.fallback_1024));
	table_draw(&table, y + 1, height - 1, width);
	if (table.count == 0)
		term_add(y + 3, 2, TERM_TEXT,
			 context->filter[0] ? "No size contains the filter."
					    : "No request was counted yet.");
}

static bool save(struct context *context, enum opts_format format, FILE *out)
{
	const struct size_bin **bins = calloc(table.count + 1, sizeof(*bins));

	if (!bins || !context->detail) {
		free(bins);
		return false;
	}
	for (size_t i = 0; i < table.count; i++)
		bins[i] = ROW(table.rows[i])->bin;
	if (format == OPTS_JSON)
		dump_sizes_json(out, context->detail, bins, table.count);
	else
		dump_sizes_csv(out, bins, table.count);
	free(bins);
	return true;
}

const struct screen screen_sizes = {
	.name = "Sizes",
	.of_process = true,
	.refresh = refresh,
	.table = get_table,
	.draw = draw,
	.save = save,
};
