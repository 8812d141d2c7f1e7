/* The size classes of one process. */
#include "hakmem-top/screens/screen.h"

#include <string.h>

#include "hakmem-top/term/term.h"

/* A class with what it is compared to. */
struct row {
	const struct class_row *class;
	struct class_row base; /* at the baseline */
	bool has_baseline, rated;
	double allocs_s;
	uint64_t most_live;
};

#define ROW(data) ((const struct row *)(data))

static uint64_t screen_classes_blocks(const struct class_row *class)
{
	return class->allocs > class->frees ? class->allocs - class->frees : 0;
}

static uint64_t screen_classes_live(const struct class_row *class)
{
	uint64_t bytes;

	return __builtin_mul_overflow(screen_classes_blocks(class),
				      class->stride, &bytes)
		       ? UINT64_MAX
		       : bytes;
}

static uint64_t screen_classes_key(const void *row)
{
	return ROW(row)->class->index;
}

/* The getter of a column: a value of `row` and its `class`. */
#define GET(name, ...)                                                         \
	static struct value screen_classes_get_##name(const void *data)        \
	{                                                                      \
		const struct row *row = data;                                  \
		const struct class_row *class = row->class;                    \
                                                                               \
		return __VA_ARGS__;                                            \
	}
#define WHOLE(name, kind, member)                                              \
	GET(name, value_whole(VALUE_##kind, class->member))
/* With a baseline the screen shows the change since then. */
#define SINCE(name, kind, of)                                                  \
	GET(name, value_since(VALUE_##kind, row->has_baseline, of(&row->base), \
			      of(class)))
#define ALLOCS(class) (class)->allocs
#define FREES(class)  (class)->frees

WHOLE(class, NUMBER, index)
WHOLE(stride_bytes, NUMBER, stride)
WHOLE(low_bytes, NUMBER, low)
WHOLE(high_bytes, NUMBER, high)
WHOLE(usable_bytes, NUMBER, usable)
WHOLE(headerless, FLAG, headerless)
WHOLE(aligned_only, FLAG, aligned_only)
WHOLE(slabs, COUNT, slabs)
SINCE(allocs, COUNT, ALLOCS)
SINCE(frees, COUNT, FREES)
SINCE(live_objects, COUNT, screen_classes_blocks)
SINCE(live_bytes, BYTES, screen_classes_live)
GET(requests, value_pair(VALUE_RANGE, class->low, class->high))
GET(live_bar, value_pair(VALUE_BAR, screen_classes_live(class), row->most_live))
GET(rate, (struct value){.kind = VALUE_RATE,
			 .real = row->allocs_s,
			 .unknown = !row->rated || !class})
/* How much of the slabs' memory live blocks fill. */
static struct value screen_classes_get_fill(const void *row)
{
	const struct class_row *class = ROW(row)->class;
	uint64_t slab_bytes;

	if (__builtin_mul_overflow(class->slabs, class->slab_bytes,
				   &slab_bytes))
		slab_bytes = 0;
	return value_pair(VALUE_SHARE, screen_classes_live(class), slab_bytes);
}

static void screen_classes_show_header(const void *row,
				       char out[VALUE_TEXT_MAX])
{
	const struct class_row *class = ROW(row)->class;

	strcpy(out, class->aligned_only ? "align"
		    : class->headerless ? "map"
					: "byte");
}

static enum term_role screen_classes_bar_role(const void *row)
{
	(void)row;
	return TERM_BAR;
}

static enum term_role screen_classes_idle_role(const void *row)
{
	return ROW(row)->class->allocs ? TERM_TEXT : TERM_DIM;
}

static const struct column screen_classes_columns[] = {
	{"STRIDE", NULL, 'P', 7, 0, COLUMN_ASCENDING,
	 screen_classes_get_stride_bytes, NULL, screen_classes_idle_role,
	 "bytes from block to block"},
	{"REQUESTS", NULL, 0, 13, 0, COLUMN_FILTER, screen_classes_get_requests,
	 NULL, screen_classes_idle_role,
	 "bytes asked for that come here, from-to"},
	{"ALLOCS", "+ALLOC", 'A', 6, 0, 0, screen_classes_get_allocs, NULL,
	 screen_classes_idle_role, "allocations since the start"},
	{"FREES", "+FREES", 'F', 6, 3, 0, screen_classes_get_frees, NULL,
	 screen_classes_idle_role, "frees since the start"},
	{"ALLOC/S", NULL, 'R', 7, 2, 0, screen_classes_get_rate, NULL,
	 screen_classes_idle_role, "allocations per second"},
	{"BLOCKS", "+BLOCK", 'B', 6, 4, 0, screen_classes_get_live_objects,
	 NULL, screen_classes_idle_role, "live blocks"},
	{"LIVE", "+LIVE", 'L', 6, 0, 0, screen_classes_get_live_bytes, NULL,
	 screen_classes_idle_role,
	 "bytes reserved for live blocks: blocks x stride"},
	{"LIVE BYTES", NULL, 0, 6, 1, COLUMN_FLEXIBLE | COLUMN_LEFT,
	 screen_classes_get_live_bar, NULL, screen_classes_bar_role,
	 "the live bytes as bars, the longest = the most"},
	{"SLABS", NULL, 'S', 5, 5, 0, screen_classes_get_slabs, NULL,
	 screen_classes_idle_role, "slabs that hold the blocks"},
	{"FILL%", NULL, 0, 5, 6, 0, screen_classes_get_fill, NULL,
	 screen_classes_idle_role, "of the slabs' memory, in live blocks"},
	{"HDR", NULL, 0, 5, 7, 0, screen_classes_get_headerless,
	 screen_classes_show_header, screen_classes_idle_role,
	 "byte before the block, map; align: aligned requests only"},
};

static const struct field screen_classes_fields[] = {
#define CLASSES_COLUMN(name, kind, help) {#name, screen_classes_get_##name},
#include "proto/columns.def"
};

static struct table screen_classes_table = {
	.columns = screen_classes_columns,
	.column_count = sizeof(screen_classes_columns) /
			sizeof(screen_classes_columns[0]),
	.fields = screen_classes_fields,
	.field_count = sizeof(screen_classes_fields) /
		       sizeof(screen_classes_fields[0]),
	.key = screen_classes_key,
};

static struct table *screen_classes_get_table(void)
{
	return &screen_classes_table;
}

/* The same class at another time; NULL if that table was another one. */
static const struct class_row *
screen_classes_same(const struct detail *other, const struct class_row *class)
{
	const struct class_row *found;

	if (!other || class->index >= other->class_count)
		return NULL;
	found = &other->classes[class->index];
	return found->stride == class->stride ? found : NULL;
}

static struct row screen_classes_row_of(const struct context *context,
					size_t index, bool since)
{
	const struct detail *detail = context->detail;
	const struct detail *before = context->before;
	struct row row = {.class = &detail->classes[index],
			  .base = detail->base_classes[index],
			  .has_baseline = since};
	const struct class_row *old = screen_classes_same(before, row.class);

	if (old) {
		row.rated = true;
		row.allocs_s = view_rate(old->allocs, row.class->allocs,
					 detail->state_ns - before->state_ns);
	}
	return row;
}

static bool screen_classes_refresh(struct context *context)
{
	bool since = context->detail &&
		     view_base(&context->view, &context->detail->process);
	size_t count = context->detail ? context->detail->class_count : 0;
	struct row *rows =
		table_make(&screen_classes_table, count, sizeof(*rows));
	uint64_t most = 0;

	if (!rows)
		return false;
	for (size_t i = 0; i < count; i++) {
		rows[i] = screen_classes_row_of(context, i, since);
		most = screen_classes_live(rows[i].class) > most
			       ? screen_classes_live(rows[i].class)
			       : most;
	}
	for (size_t i = 0; i < count; i++)
		rows[i].most_live = most;
	screen_classes_table.has_baseline = since;
	table_show(&screen_classes_table, context->filter, NULL);
	return true;
}

static void screen_classes_draw(struct context *context, int y, int height,
				int width)
{
	table_draw(&screen_classes_table, y, height, width);
	if (screen_classes_table.count == 0)
		term_add(y + 2, 2, TERM_TEXT,
			 context->filter[0] ? "No class contains the filter."
					    : "No class is known yet.");
}

const struct screen screen_classes = {
	.name = "Classes",
	.what = "classes",
	.of_process = true,
	.refresh = screen_classes_refresh,
	.table = screen_classes_get_table,
	.draw = screen_classes_draw,
};
