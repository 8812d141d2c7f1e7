/* One process at a glance: totals, live bytes over time, the largest sizes. */
#include "hakmem-top/screens/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/screens/panel.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/plot.h"
#include "hakmem-top/term/term.h"

#define SPAN_NS	   600000000000u /* the time a chart covers */
#define CELLS_MAX  300
#define CHART_ROWS 6
#define TOP_MAX	   12

static const struct panel screen_overview_panel = {FIGURE_MEMORY,
						   FIGURE_POINTERS};

static uint64_t screen_overview_largest(const uint64_t *values, size_t count)
{
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++)
		most = values[i] > most ? values[i] : most;
	return most;
}

/* Where the chart ends: now, or when the process did. */
static uint64_t screen_overview_end_of(const struct context *context)
{
	const struct history *history = context->history;
	uint64_t last = history->time_ns[history->count - 1];

	return model_alive(&context->detail->process) &&
			       context->detail->now_ns > last
		       ? context->detail->now_ns
		       : last;
}

/* The time that a chart covers: at least 20 s and at most SPAN_NS. */
static uint64_t screen_overview_span(const struct history *history,
				     uint64_t end_ns)
{
	uint64_t first = history->time_ns[0];
	uint64_t covered = end_ns > first ? end_ns - first : 0;

	return covered < 20000000000u ? 20000000000u
	       : covered < SPAN_NS    ? covered
				      : SPAN_NS;
}

/* Live bytes over time in `height` rows, the title included. */
static int screen_overview_draw_chart(const struct context *context, int y,
				      int height, int width)
{
	const struct history *history = context->history;
	uint64_t values[CELLS_MAX], top, end_ns, span_ns;
	size_t cells = (size_t)(width - 2), used, rows;
	char line[PLOT_MAX], text[FMT_MAX], age[FMT_MAX];

	if (height < 3 || !history || history->count == 0 ||
	    !history->figures[FIGURE_LIVE_BYTES])
		return 0;
	if (history->process_id != context->open_id)
		return 0;
	cells = cells < CELLS_MAX ? cells : CELLS_MAX;
	rows = (size_t)height - 1 < CHART_ROWS ? (size_t)height - 1
					       : CHART_ROWS;
	end_ns = screen_overview_end_of(context);
	span_ns = screen_overview_span(history, end_ns);
	used = plot_resample(history->time_ns,
			     history->figures[FIGURE_LIVE_BYTES],
			     history->count, end_ns, span_ns, values, cells);
	top = screen_overview_largest(values, used);
	term_addf(y, 1, TERM_DIM, "LIVE BYTES  the last %s, top = %s",
		  fmt_age(age, span_ns), fmt_bytes(text, top));
	for (size_t row = 0; row < rows; row++) {
		plot_chart(line, values, used, top, cells, row, rows,
			   term_utf8());
		term_put(y + (int)(rows - row), 1, (int)cells, TERM_BAR, line);
	}
	return (int)rows + 1;
}

static int screen_overview_by_live(const void *a, const void *b)
{
	const struct size_bin *left = *(const struct size_bin *const *)a;
	const struct size_bin *right = *(const struct size_bin *const *)b;

	return left->live_bytes > right->live_bytes   ? -1
	       : left->live_bytes < right->live_bytes ? 1
	       : left->low < right->low		      ? -1
						      : 1;
}

static int screen_overview_by_blocks(const void *a, const void *b)
{
	const struct class_row *left = *(const struct class_row *const *)a;
	const struct class_row *right = *(const struct class_row *const *)b;

	return left->allocs > right->allocs   ? -1
	       : left->allocs < right->allocs ? 1
	       : left->index < right->index   ? -1
					      : 1;
}

/* One bar of a block: a range of bytes, two figures and `part` of `whole`. */
struct bar {
	char range[FMT_MAX], first[FMT_MAX], second[FMT_MAX];
	uint64_t part, whole;
};

static void screen_overview_draw_bar(const struct bar *bar, int y, int x,
				     int end)
{
	char line[PLOT_MAX];

	x = term_put_right(y, x, 13, TERM_TEXT, bar->range);
	x = term_put_right(y, x, 7, TERM_STRONG, bar->first);
	x = term_put_right(y, x, 7, TERM_TEXT, bar->second);
	if (end - x < 4)
		return;
	plot_bar(line, bar->part, bar->whole, (size_t)(end - x - 2),
		 term_utf8());
	term_put(y, x + 1, end - x - 2, TERM_BAR, line);
}

/* The sizes that hold the most live bytes. */
static void screen_overview_draw_sizes(const struct detail *detail, int y,
				       int height, int x, int end)
{
	const struct size_bin *bins[MODEL_SIZES_MAX];
	size_t count = detail->size_count;
	struct bar bar;

	if (height < 2 || count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		bins[i] = &detail->sizes[i];
	qsort(bins, count, sizeof(bins[0]), screen_overview_by_live);
	term_put(y, x, end - x, TERM_DIM, "LARGEST SIZES   LIVE BLOCKS");
	bar.whole = bins[0]->live_bytes;
	for (int i = 0; i < height - 1 && i < TOP_MAX && (size_t)i < count;
	     i++) {
		fmt_range(bar.range, bins[i]->low, bins[i]->high);
		fmt_bytes(bar.first, bins[i]->live_bytes);
		fmt_count(bar.second, bins[i]->live_objects);
		bar.part = bins[i]->live_bytes;
		if (bar.part > 0)
			screen_overview_draw_bar(&bar, y + 1 + i, x, end);
	}
}

/* The classes with the most allocations. */
static void screen_overview_draw_classes(const struct detail *detail, int y,
					 int height, int x, int end)
{
	const struct class_row *classes[MODEL_CLASSES_MAX];
	size_t count = detail->class_count;
	struct bar bar;

	if (height < 2 || count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		classes[i] = &detail->classes[i];
	qsort(classes, count, sizeof(classes[0]), screen_overview_by_blocks);
	term_put(y, x, end - x, TERM_DIM, "BUSY CLASSES  ALLOCS  FREES");
	bar.whole = classes[0]->allocs;
	for (int i = 0; i < height - 1 && i < TOP_MAX && (size_t)i < count;
	     i++) {
		fmt_range(bar.range, classes[i]->low, classes[i]->high);
		fmt_count(bar.first, classes[i]->allocs);
		fmt_count(bar.second, classes[i]->frees);
		bar.part = classes[i]->allocs;
		if (bar.part > 0)
			screen_overview_draw_bar(&bar, y + 1 + i, x, end);
	}
}

/* Side by side, or on a narrow screen one below the other. */
static void screen_overview_draw_tops(const struct detail *detail, int y,
				      int height, int width)
{
	if (width >= 100) {
		screen_overview_draw_sizes(detail, y, height, 1, width / 2);
		screen_overview_draw_classes(detail, y, height, width / 2,
					     width);
		return;
	}
	if (height < 10) {
		screen_overview_draw_sizes(detail, y, height, 1, width);
		return;
	}
	screen_overview_draw_sizes(detail, y, height / 2, 1, width);
	screen_overview_draw_classes(detail, y + height / 2 + 1,
				     height - height / 2 - 1, 1, width);
}

static bool screen_overview_refresh(struct context *context)
{
	return context->detail != NULL;
}

static void screen_overview_draw(struct context *context, int y, int height,
				 int width)
{
	int used =
		panel_draw(&screen_overview_panel, context, y, height, width) +
		1;
	int free_rows;

	free_rows = height - used;
	/* The chart leaves at least four rows to the sizes. */
	used += screen_overview_draw_chart(
			context, y + used,
			free_rows > 11 ? free_rows - 5 : free_rows / 2, width) +
		1;
	screen_overview_draw_tops(context->detail, y + used, height - used,
				  width);
}

static bool screen_overview_save(struct context *context,
				 enum opts_format format, FILE *out)
{
	if (!context->detail)
		return false;
	panel_save(&screen_overview_panel, context, format, out);
	return true;
}

const struct screen screen_overview = {
	.name = "Overview",
	.of_process = true,
	.needs = NEEDS(HISTORY),
	.refresh = screen_overview_refresh,
	.draw = screen_overview_draw,
	.save = screen_overview_save,
};
