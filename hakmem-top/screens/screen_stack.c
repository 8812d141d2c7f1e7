/* The stack of one site, leaf first, and all the figures of the site. */
#include "hakmem-top/screens/screen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hakmem-top/data/bounds.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/plot.h"
#include "hakmem-top/term/term.h"
#include "hakmem-top/screens/report.h"
#include "hakmem-top/screens/site_columns.h"

#define LABEL_COLUMNS 10
#define BIN_COLUMNS   2u /* of the chart, for one bin of ages */
#define BARS	      ((size_t)AGES_COUNT * BIN_COLUMNS)
#define CHART_COLUMNS ((int)BARS)
#define FIGURE_ROWS   8

struct row {
	const struct stack_frame *frame;
	uint32_t index;
};

#define FRAME(data) (((const struct row *)(data))->frame)
#define INDEX(data) (((const struct row *)(data))->index)

static uint64_t screen_stack_key(const void *row)
{
	return INDEX(row);
}

/* The getter of a column: a value of a `frame`. */
#define GET(name, ...)                                                         \
	static struct value screen_stack_get_##name(const void *row)           \
	{                                                                      \
		const struct stack_frame *frame = FRAME(row);                  \
                                                                               \
		return __VA_ARGS__;                                            \
	}

GET(function, value_text(VALUE_TEXT, frame->function))
GET(file, value_text(VALUE_PATH, frame->file))
GET(line, value_whole(VALUE_NUMBER, frame->line))
GET(module, value_text(VALUE_PATH, frame->module))
GET(module_offset, value_whole(VALUE_ADDRESS, frame->module_offset))
GET(pc, value_whole(VALUE_ADDRESS, frame->pc))
GET(inlined, value_whole(VALUE_FLAG, frame->inlined))
GET(note, value_text(VALUE_TEXT, frame->note))

static struct value screen_stack_get_index(const void *row)
{
	return value_whole(VALUE_NUMBER, INDEX(row));
}

static const char *screen_stack_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void screen_stack_show_inlined(const void *row, char out[VALUE_TEXT_MAX])
{
	strcpy(out, FRAME(row)->inlined ? "inl" : "");
}

static void screen_stack_show_offset(const void *row, char out[VALUE_TEXT_MAX])
{
	const struct stack_frame *frame = FRAME(row);

	snprintf(out, VALUE_TEXT_MAX, "+0x%" PRIx64,
		 *frame->module ? frame->module_offset : frame->pc);
}

static void screen_stack_show_function(const void *row,
				       char out[VALUE_TEXT_MAX])
{
	const struct stack_frame *frame = FRAME(row);

	if (*frame->function)
		snprintf(out, VALUE_TEXT_MAX, "%s", frame->function);
	else if (*frame->module)
		snprintf(out, VALUE_TEXT_MAX, "%.300s+0x%" PRIx64,
			 screen_stack_base_name(frame->module),
			 frame->module_offset);
	else
		snprintf(out, VALUE_TEXT_MAX, "0x%" PRIx64, frame->pc);
}

/* File and line, or why there are none. */
static void screen_stack_show_location(const void *row,
				       char out[VALUE_TEXT_MAX])
{
	const struct stack_frame *frame = FRAME(row);
	int used = 0;

	out[0] = '\0';
	if (*frame->file && frame->line)
		used = snprintf(out, VALUE_TEXT_MAX, "%.300s:%u",
				screen_stack_base_name(frame->file),
				frame->line);
	else if (*frame->file)
		used = snprintf(out, VALUE_TEXT_MAX, "%.300s",
				screen_stack_base_name(frame->file));
	if (*frame->note)
		snprintf(out + used, VALUE_TEXT_MAX - (size_t)used,
			 "%s(%.150s)", used ? " " : "", frame->note);
}

static enum term_role screen_stack_frame_role(const void *row)
{
	return FRAME(row)->inlined ? TERM_DIM : TERM_TEXT;
}

static enum term_role screen_stack_location_role(const void *row)
{
	return *FRAME(row)->note ? TERM_WARN : screen_stack_frame_role(row);
}

static const struct column screen_stack_columns[] = {
	{"#", NULL, 'P', 3, 0, COLUMN_ASCENDING, screen_stack_get_index, NULL,
	 screen_stack_frame_role,
	 "place in the stack, 0 = the innermost function"},
	{"INL", NULL, 0, 3, 2, 0, screen_stack_get_inlined,
	 screen_stack_show_inlined, screen_stack_frame_role,
	 "inl: inlined into the next one"},
	{"FUNCTION", NULL, 'F', 13, 0,
	 COLUMN_FLEXIBLE | COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_stack_get_function, screen_stack_show_function,
	 screen_stack_frame_role,
	 "function, or module and offset where it is not known"},
	{"LOCATION", NULL, 0, 22, 1, COLUMN_LEFT | COLUMN_FILTER,
	 screen_stack_get_file, screen_stack_show_location,
	 screen_stack_location_role,
	 "file and line; in brackets why there are none"},
	{"MODULE", NULL, 'D', 16, 3,
	 COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 screen_stack_get_module, NULL, screen_stack_frame_role,
	 "program or shared library"},
	{"OFFSET", NULL, 0, 10, 4, COLUMN_LEFT, screen_stack_get_module_offset,
	 screen_stack_show_offset, screen_stack_frame_role,
	 "address in the module's file"},
};

#define FIELD(name)                                                            \
	{                                                                      \
#name, screen_stack_get_##name                                 \
	}
static const struct field screen_stack_fields[] = {
	FIELD(function),      FIELD(file), FIELD(line),	   FIELD(module),
	FIELD(module_offset), FIELD(pc),   FIELD(inlined), FIELD(note),
};

static struct table screen_stack_table = {
	.columns = screen_stack_columns,
	.column_count =
		sizeof(screen_stack_columns) / sizeof(screen_stack_columns[0]),
	.fields = screen_stack_fields,
	.field_count =
		sizeof(screen_stack_fields) / sizeof(screen_stack_fields[0]),
	.key = screen_stack_key,
};

static struct table *screen_stack_get_table(void)
{
	return &screen_stack_table;
}

static bool screen_stack_refresh(struct context *context)
{
	const struct stack *stack = context->stack;
	size_t count = stack ? stack->frame_count : 0;
	struct row *rows =
		table_make(&screen_stack_table, count, sizeof(*rows));

	if (!rows)
		return false;
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct row){&stack->frames[i], (uint32_t)i};
	table_show(&screen_stack_table, context->filter, NULL);
	return true;
}

static void screen_stack_line(int y, int width, enum term_role role,
			      const char *label, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void screen_stack_line(int y, int width, enum term_role role,
			      const char *label, const char *format, ...)
{
	char text[TERM_LINE_MAX];
	va_list arguments;
	int x = term_put(y, 1, LABEL_COLUMNS, TERM_TITLE, label);

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	term_put(y, x, width - x, role, text);
}

static void screen_stack_draw_growth(const struct site *site, int y, int width)
{
	char slope[FMT_MAX], age[FMT_MAX];

	if (!site->growing) {
		screen_stack_line(y, width, TERM_TEXT, "Growth",
				  "no steady rise");
		return;
	}
	screen_stack_line(y, width, TERM_BAD, "Growth", "leak? +%s/m for %s",
			  fmt_bytes(slope, fmt_whole(site->growth * 60)),
			  fmt_age(age, fmt_ns(site->growth_minutes * 60)));
}

/* What few samples say is rough, of what was never sampled nothing is said. */
static void screen_stack_draw_peak(const struct site *site, int y, int width)
{
	const char *rough = bounds_rough(&site->allocated);
	struct estimate held = site->peak;
	char peak[BOUNDS_MAX] = "-", highest[FMT_MAX];

	if (held.value > 0 && (*rough || held.error == 0))
		fmt_bytes(peak, fmt_whole(held.value));
	else if (held.value > 0)
		bounds_bytes(peak, &held, 0, term_utf8());
	screen_stack_line(y, width, TERM_TEXT, "Peak", "%s%s, own highest %s%s",
			  held.value > 0 ? rough : "", peak, rough,
			  fmt_bytes(highest, fmt_whole(site->highest_bytes)));
}

static void screen_stack_draw_ages(const struct stack *stack, int y, int width)
{
	const struct site *site = &stack->site;
	const char *rough = site->live.samples ? bounds_rough(&site->live) : "";
	char age[FMT_MAX] = "-", part[FMT_MAX];
	double freed = 0;

	for (size_t i = 0; i < AGES_COUNT; i++)
		freed += stack->lifetimes[i];
	if (site->live.samples)
		fmt_age(age, fmt_ns(site->mean_age_s));
	if (freed > 0)
		screen_stack_line(
			y, width, TERM_TEXT, "Age",
			"%s%s; of freed %s%s%% <1 s", rough, age,
			bounds_rough(&site->allocated),
			fmt_percent(part, fmt_whole(site->short_lived * 1e6),
				    1000000));
	else
		screen_stack_line(y, width, TERM_TEXT, "Age",
				  "%s%s; none freed", rough, age);
}

/* The size class of most of the bytes that the site allocated. */
static void screen_stack_draw_sizes(const struct context *context, int y,
				    int width)
{
	const struct stack *stack = context->stack;
	const struct detail *detail = context->detail;
	const struct site_class *most = NULL;
	char range[FMT_MAX] = "large", part[FMT_MAX];

	for (size_t i = 0; i < stack->class_count; i++)
		if (!most ||
		    stack->classes[i].allocated.value > most->allocated.value)
			most = &stack->classes[i];
	if (!most) {
		screen_stack_line(y, width, TERM_TEXT, "Sizes", "-");
		return;
	}
	if (most->index < detail->class_count)
		fmt_range(range, detail->classes[most->index].low,
			  detail->classes[most->index].high);
	screen_stack_line(y, width, TERM_TEXT, "Sizes",
			  "%s: %s%%, in all %zu class%s", range,
			  fmt_percent(part, fmt_whole(most->allocated.value),
				      fmt_whole(stack->site.allocated.value)),
			  stack->class_count,
			  stack->class_count == 1 ? "" : "es");
}

/* At most FIGURE_ROWS lines, the most important first. */
static void screen_stack_draw_figures(const struct context *context, int y,
				      int height, int width)
{
	const struct site *site = &context->stack->site;
	double mean = context->sites ? (double)context->sites->sample_bytes : 0;
	char a[BOUNDS_MAX], b[BOUNDS_MAX], threads[160];
	bool utf8 = term_utf8();

	if (height > 0)
		screen_stack_line(y++, width, TERM_STRONG, "Live", "%s",
				  bounds_bytes(a, &site->live, mean, utf8));
	if (height > 1)
		screen_stack_draw_growth(site, y++, width);
	if (height > 2)
		screen_stack_line(y++, width, TERM_TEXT, "Blocks", "%s",
				  bounds_count(a, &site->live_objects, utf8));
	if (height > 3)
		screen_stack_line(y++, width, TERM_TEXT, "Allocated",
				  "%s, %s/s",
				  bounds_bytes(a, &site->allocated, mean, utf8),
				  bounds_rate(b, site->rate, mean));
	if (height > 4)
		screen_stack_draw_peak(site, y++, width);
	if (height > 5)
		screen_stack_draw_ages(context->stack, y++, width);
	if (height > 6)
		screen_stack_draw_sizes(context, y++, width);
	if (height > 7) {
		sites_thread_text(site, threads, sizeof(threads));
		screen_stack_line(y, width, TERM_TEXT, "Thread", "%s", threads);
	}
}

/* Ages at free as columns, with the ages below. */
static void screen_stack_draw_lifetimes(const struct stack *stack, int y, int x,
					int height)
{
	static const struct {
		uint32_t bin;
		const char *text;
	} marks[] = {
		{1, "1us"}, {6, "1ms"}, {11, "1s"}, {14, "1m"}, {17, "1h"}};
	uint64_t bars[BARS], most = 0;
	char text[PLOT_MAX];
	int rows_used = height - 2;

	for (size_t i = 0; i < BARS; i++) {
		/* Objects are fractions: a thousandth is the smallest step. */
		bars[i] = fmt_whole(stack->lifetimes[i / BIN_COLUMNS] * 1000);
		most = bars[i] > most ? bars[i] : most;
	}
	term_put(y, x, CHART_COLUMNS, TERM_DIM,
		 most ? "AGE AT FREE"
		      : "AGE AT FREE: nothing sampled was freed");
	for (int i = 0; i < rows_used; i++) {
		plot_chart(text, bars, BARS, most, CHART_COLUMNS,
			   (size_t)(rows_used - 1 - i), (size_t)rows_used,
			   term_utf8());
		term_put(y + 1 + i, x, CHART_COLUMNS, TERM_BAR, text);
	}
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		term_add(y + height - 1, x + (int)(marks[i].bin * BIN_COLUMNS),
			 TERM_DIM, marks[i].text);
}

static void screen_stack_draw_title(const struct context *context, int y,
				    int width)
{
	const struct stack *stack = context->stack;
	const struct site *site = &stack->site;
	int x = term_addf(y, 1, TERM_STRONG, "%s", sites_name(site));

	if (stack->pending)
		x = term_add(y, x, TERM_WARN, "  names are being looked up");
	if (site->truncated)
		x = term_add(y, x, TERM_WARN, "  the stack goes on");
	if (x < width)
		term_addf(y, x, TERM_DIM, "  site %u%s%s", site->id,
			  *site->location ? ", " : "", site->location);
}

static void screen_stack_draw(struct context *context, int y, int height,
			      int width)
{
	bool chart = width >= 2 * CHART_COLUMNS;
	int figures = height / 2 - 1;

	if (!context->stack) {
		term_add(y + 1, 2, TERM_TEXT,
			 context->sites_trouble[0] ? context->sites_trouble
						   : "Waiting for its stack "
						     "...");
		return;
	}
	if (figures > FIGURE_ROWS)
		figures = FIGURE_ROWS;
	screen_stack_draw_title(context, y, width);
	chart = chart && figures > 4;
	screen_stack_draw_figures(context, y + 1, figures,
				  chart ? width - CHART_COLUMNS - 1 : width);
	if (chart)
		screen_stack_draw_lifetimes(context->stack, y + 1,
					    width - CHART_COLUMNS, figures);
	y += 1 + figures;
	table_draw(&screen_stack_table, y, height - 1 - figures, width);
	if (screen_stack_table.count == 0)
		term_add(y + 1, 2, TERM_TEXT,
			 context->filter[0] ? "No frame contains the filter."
					    : "There is no stack.");
}

/* In JSON the site's own figures stand above its frames. */
static void screen_stack_head(const struct context *context, FILE *out)
{
	const struct stack *stack = context->stack;
	const struct site_row row = {.site = &stack->site};

	fputs(",\"site\":", out);
	report_object(out, site_fields, site_field_count, &row);
	fputs(",\"lifetimes\":[", out);
	for (size_t i = 0; i < AGES_COUNT; i++)
		fprintf(out, "%s{\"age_us\":%" PRIu64 ",\"objects\":%.3f}",
			i ? "," : "", ages_low_ns((uint32_t)i) / 1000,
			stack->lifetimes[i]);
	fputc(']', out);
}

const struct screen screen_stack = {
	.name = "Stack",
	.what = "stack",
	.of_process = true,
	.needs = NEEDS(STACK),
	.outside = &screen_sites,
	.refresh = screen_stack_refresh,
	.table = screen_stack_get_table,
	.draw = screen_stack_draw,
	.head = screen_stack_head,
};
