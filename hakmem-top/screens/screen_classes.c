/* The size classes of one process. */
#include "hakmem-top/screens/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/dump.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/plot.h"
#include "hakmem-top/term/term.h"
#include "hakmem-top/base/text.h"

/* A class with what it is compared to. */
struct row {
	const struct class_row *class;
	struct class_row base; /* at the mark, else all 0 */
	bool marked, rated;
	double allocs_s;
	uint64_t most_live;
};

#define ROW(data)   ((const struct row *)(data))
#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static uint64_t blocks(const struct class_row *class)
{
	return class->allocs > class->frees ? class->allocs - class->frees : 0;
}

static uint64_t live(const struct class_row *class)
{
	uint64_t bytes;

	return __builtin_mul_overflow(blocks(class), class->stride, &bytes)
		       ? UINT64_MAX
		       : bytes;
}

static uint64_t since(const struct row *row, uint64_t now, uint64_t base)
{
	return !row->marked ? now : now > base ? now - base : 0;
}

static uint64_t key(const void *row)
{
	return ROW(row)->class->index;
}

static int by_stride(const void *a, const void *b)
{
	return ORDER(ROW(a)->class->stride, ROW(b)->class->stride);
}

static int by_allocs(const void *a, const void *b)
{
	return ORDER(since(ROW(a), ROW(a)->class->allocs, ROW(a)->base.allocs),
		     since(ROW(b), ROW(b)->class->allocs, ROW(b)->base.allocs));
}

static int by_frees(const void *a, const void *b)
{
	return ORDER(since(ROW(a), ROW(a)->class->frees, ROW(a)->base.frees),
		     since(ROW(b), ROW(b)->class->frees, ROW(b)->base.frees));
}

static int by_rate(const void *a, const void *b)
{
	return ORDER(ROW(a)->allocs_s, ROW(b)->allocs_s);
}

static int by_blocks(const void *a, const void *b)
{
	return ORDER(blocks(ROW(a)->class), blocks(ROW(b)->class));
}

static int by_live(const void *a, const void *b)
{
	return ORDER(live(ROW(a)->class), live(ROW(b)->class));
}

static int by_slabs(const void *a, const void *b)
{
	return ORDER(ROW(a)->class->slabs, ROW(b)->class->slabs);
}

static void show_stride(const void *row, char out[TABLE_TEXT_MAX])
{
	snprintf(out, TABLE_TEXT_MAX, "%u", ROW(row)->class->stride);
}

static void show_range(const void *row, char out[TABLE_TEXT_MAX])
{
	fmt_range(out, ROW(row)->class->low, ROW(row)->class->high);
}

static void show_allocs(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct row *row = data;

	if (row->marked)
		fmt_count_change(out, row->base.allocs, row->class->allocs);
	else
		fmt_count(out, row->class->allocs);
}

static void show_frees(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct row *row = data;

	if (row->marked)
		fmt_count_change(out, row->base.frees, row->class->frees);
	else
		fmt_count(out, row->class->frees);
}

static void show_rate(const void *row, char out[TABLE_TEXT_MAX])
{
	if (ROW(row)->rated)
		fmt_rate(out, ROW(row)->allocs_s);
	else
		strcpy(out, "-");
}

static void show_blocks(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct row *row = data;

	if (row->marked)
		fmt_count_change(out, blocks(&row->base), blocks(row->class));
	else
		fmt_count(out, blocks(row->class));
}

static void show_live(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct row *row = data;

	if (row->marked)
		fmt_bytes_change(out, live(&row->base), live(row->class));
	else
		fmt_bytes(out, live(row->class));
}

static void show_slabs(const void *row, char out[TABLE_TEXT_MAX])
{
	fmt_count(out, ROW(row)->class->slabs);
}

/* How much of the slabs' memory live blocks fill. */
static void show_fill(const void *row, char out[TABLE_TEXT_MAX])
{
	const struct class_row *class = ROW(row)->class;
	uint64_t slab_bytes;

	if (__builtin_mul_overflow(class->slabs, class->slab_bytes,
				   &slab_bytes))
		slab_bytes = 0;
	fmt_percent(out, live(class), slab_bytes);
}

static void show_header(const void *row, char out[TABLE_TEXT_MAX])
{
	const struct class_row *class = ROW(row)->class;

	strcpy(out, class->aligned_only ? "align"
		    : class->headerless ? "map"
					: "byte");
}

static void plot_live(const void *row, int cells, char *out)
{
	plot_bar(out, live(ROW(row)->class), ROW(row)->most_live, (size_t)cells,
		 term_utf8());
}

static enum term_role bar_role(const void *row)
{
	(void)row;
	return TERM_BAR;
}

static enum term_role idle_role(const void *row)
{
	return ROW(row)->class->allocs ? TERM_TEXT : TERM_DIM;
}

static const struct column columns[] = {
	{.title = "STRIDE",
	 .letter = 'P',
	 .width = 7,
	 .ascending = true,
	 .help = "bytes from block to block",
	 .compare = by_stride,
	 .format = show_stride,
	 .role = idle_role},
	{.title = "REQUESTS",
	 .width = 13,
	 .help = "bytes asked for that come here, from-to",
	 .format = show_range,
	 .role = idle_role},
	{.title = "ALLOCS",
	 .mark_title = "+ALLOC",
	 .letter = 'A',
	 .width = 6,
	 .help = "allocations since the start",
	 .compare = by_allocs,
	 .format = show_allocs,
	 .role = idle_role},
	{.title = "FREES",
	 .mark_title = "+FREES",
	 .letter = 'F',
	 .width = 6,
	 .rank = 3,
	 .help = "frees since the start",
	 .compare = by_frees,
	 .format = show_frees,
	 .role = idle_role},
	{.title = "ALLOC/S",
	 .letter = 'R',
	 .width = 7,
	 .rank = 2,
	 .help = "allocations per second",
	 .compare = by_rate,
	 .format = show_rate,
	 .role = idle_role},
	{.title = "BLOCKS",
	 .mark_title = "+BLOCK",
	 .letter = 'B',
	 .width = 6,
	 .rank = 4,
	 .help = "live blocks",
	 .compare = by_blocks,
	 .format = show_blocks,
	 .role = idle_role},
	{.title = "LIVE",
	 .mark_title = "+LIVE",
	 .letter = 'L',
	 .width = 6,
	 .help = "bytes reserved for live blocks: blocks x stride",
	 .compare = by_live,
	 .format = show_live,
	 .role = idle_role},
	{.title = "LIVE BYTES",
	 .width = 6,
	 .left = true,
	 .flexible = true,
	 .rank = 1,
	 .help = "the live bytes as bars, the longest = the most",
	 .plot = plot_live,
	 .role = bar_role},
	{.title = "SLABS",
	 .letter = 'S',
	 .width = 5,
	 .rank = 5,
	 .help = "slabs that hold the blocks",
	 .compare = by_slabs,
	 .format = show_slabs,
	 .role = idle_role},
	{.title = "FILL%",
	 .width = 5,
	 .rank = 6,
	 .help = "of the slabs' memory, in live blocks",
	 .format = show_fill,
	 .role = idle_role},
	{.title = "HDR",
	 .width = 5,
	 .rank = 7,
	 .help = "byte before the block, map; align: aligned requests only",
	 .format = show_header,
	 .role = idle_role},
};

static struct table table = {
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
	.key = key,
};
static struct row *made;
static void **rows;

static struct table *get_table(void)
{
	return &table;
}

/* The same class at another time; NULL if that table was another one. */
static const struct class_row *same(const struct detail *other,
				    const struct class_row *class)
{
	const struct class_row *found;

	if (!other || class->index >= other->class_count)
		return NULL;
	found = &other->classes[class->index];
	return found->stride == class->stride ? found : NULL;
}

static struct row row_of(const struct context *context, size_t index)
{
	const struct detail *detail = context->detail;
	const struct detail *before = context->before;
	struct row row = {.class = &detail->classes[index],
			  .marked = context->base != NULL};
	const struct class_row *base = same(context->base, row.class);
	const struct class_row *old = same(before, row.class);

	if (base)
		row.base = *base;
	if (old) {
		row.rated = true;
		row.allocs_s = view_rate(old->allocs, row.class->allocs,
					 detail->state_ns - before->state_ns);
	}
	return row;
}

static bool refresh(struct context *context)
{
	size_t classes = context->detail ? context->detail->class_count : 0;
	size_t count = 0;
	uint64_t most = 0;
	char text[FMT_MAX];

	table_set_rows(&table, NULL, 0, true);
	free(made);
	free(rows);
	made = calloc(classes + 1, sizeof(*made));
	rows = calloc(classes + 1, sizeof(*rows));
	if (!made || !rows)
		return false;
	for (size_t i = 0; i < classes; i++) {
		made[i] = row_of(context, i);
		most = live(made[i].class) > most ? live(made[i].class) : most;
		fmt_range(text, made[i].class->low, made[i].class->high);
		if (text_has(text, context->filter))
			rows[count++] = &made[i];
	}
	for (size_t i = 0; i < classes; i++)
		made[i].most_live = most;
	table.marked = context->base != NULL;
	table_set_rows(&table, rows, count, false);
	return true;
}

static void draw(struct context *context, int y, int height, int width)
{
	table_draw(&table, y, height, width);
	if (table.count == 0)
		term_add(y + 2, 2, TERM_TEXT,
			 context->filter[0] ? "No class contains the filter."
					    : "No class is known yet.");
}

static bool save(struct context *context, enum opts_format format, FILE *out)
{
	const struct class_row **list = calloc(table.count + 1, sizeof(*list));

	if (!list || !context->detail) {
		free(list);
		return false;
	}
	for (size_t i = 0; i < table.count; i++)
		list[i] = ROW(table.rows[i])->class;
	if (format == OPTS_JSON)
		dump_classes_json(out, context->detail, list, table.count);
	else
		dump_classes_csv(out, list, table.count);
	free(list);
	return true;
}

const struct screen screen_classes = {
	.name = "Classes",
	.of_process = true,
	.refresh = refresh,
	.table = get_table,
	.draw = draw,
	.save = save,
};
