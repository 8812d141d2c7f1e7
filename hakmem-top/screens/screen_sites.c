/* Who allocates: the sites of one process, each figure with its error. */
#include "hakmem-top/screens/screen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/bounds.h"
#include "hakmem-top/data/dump_sites.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/term/term.h"
#include "hakmem-top/base/text.h"

/* A site with what it is compared to. */
struct row {
	const struct site *site;
	struct site base; /* at the mark, else all 0 */
	bool marked;
	double sample_bytes;
};

#define ROW(data)   ((const struct row *)(data))
#define SITE(data)  (ROW(data)->site)
#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static uint64_t key(const void *row)
{
	return SITE(row)->id;
}

#define COMPARE(name, value)                                                   \
	static int by_##name(const void *a, const void *b)                     \
	{                                                                      \
		return ORDER(SITE(a)->value, SITE(b)->value);                  \
	}
COMPARE(rate, rate)
COMPARE(age, mean_age_s)
COMPARE(short_lived, short_lived)
COMPARE(peak, peak_bytes)

/* Since the mark, or since the start: the base of rows not marked is 0. */
#define COMPARE_SINCE(name, member)                                            \
	static int by_##name(const void *a, const void *b)                     \
	{                                                                      \
		return ORDER(                                                  \
			SITE(a)->member.value - ROW(a)->base.member.value,     \
			SITE(b)->member.value - ROW(b)->base.member.value);    \
	}
COMPARE_SINCE(live, live)
COMPARE_SINCE(objects, live_objects)
COMPARE_SINCE(allocated, allocated)

static double growth(const void *row)
{
	return SITE(row)->growing ? SITE(row)->growth : 0;
}

static int by_growth(const void *a, const void *b)
{
	return ORDER(growth(a), growth(b));
}

static int by_function(const void *a, const void *b)
{
	return strcasecmp(sites_name(SITE(a)), sites_name(SITE(b)));
}

static int by_location(const void *a, const void *b)
{
	return strcasecmp(sites_location(SITE(a)), sites_location(SITE(b)));
}

static int by_module(const void *a, const void *b)
{
	return strcasecmp(SITE(a)->module, SITE(b)->module);
}

static int by_thread(const void *a, const void *b)
{
	int names = strcasecmp(SITE(a)->thread, SITE(b)->thread);

	return names ? names : ORDER(SITE(a)->thread_id, SITE(b)->thread_id);
}

static struct estimate_pair pair(const struct estimate *live,
				 const struct estimate *allocated)
{
	return (struct estimate_pair){live, allocated};
}

/* Of live bytes since the mark. */
static struct estimate live_change(const struct row *row)
{
	return estimate_change(pair(&row->base.live, &row->base.allocated),
			       pair(&row->site->live, &row->site->allocated));
}

static void show_live(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct row *row = data;
	struct estimate change;

	if (!row->marked) {
		bounds_bytes(out, &row->site->live, row->sample_bytes,
			     term_utf8());
		return;
	}
	change = live_change(row);
	bounds_bytes_change(out, &change, row->sample_bytes, term_utf8());
}

static void show_allocated(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct row *row = data;
	struct estimate gain =
		estimate_gain(&row->base.allocated, &row->site->allocated);

	if (row->marked)
		bounds_bytes_change(out, &gain, row->sample_bytes, term_utf8());
	else
		bounds_bytes(out, &row->site->allocated, row->sample_bytes,
			     term_utf8());
}

/* The error of all blocks allocated is not told: that of the living bounds. */
static void show_objects(const void *data, char out[TABLE_TEXT_MAX])
{
	const struct row *row = data;
	struct estimate change = live_change(row);

	if (!row->marked) {
		bounds_count(out, &row->site->live_objects, term_utf8());
		return;
	}
	change.value =
		row->site->live_objects.value - row->base.live_objects.value;
	change.error = hypot(row->site->live_objects.error,
			     row->base.live_objects.error);
	bounds_count_change(out, &change, term_utf8());
}

static void show_rate(const void *row, char out[TABLE_TEXT_MAX])
{
	bounds_rate(out, SITE(row)->rate, ROW(row)->sample_bytes);
}

static void show_age(const void *row, char out[TABLE_TEXT_MAX])
{
	char text[FMT_MAX];

	if (SITE(row)->live.samples == 0)
		strcpy(out, "-");
	else
		snprintf(out, TABLE_TEXT_MAX, "%s%s",
			 bounds_rough(&SITE(row)->live),
			 fmt_age(text, fmt_ns(SITE(row)->mean_age_s)));
}

static void show_growth(const void *row, char out[TABLE_TEXT_MAX])
{
	char text[FMT_MAX];

	out[0] = '\0';
	if (SITE(row)->growing)
		snprintf(out, TABLE_TEXT_MAX, "%s%s/m", term_utf8() ? "▲" : "^",
			 fmt_bytes(text, fmt_whole(SITE(row)->growth * 60)));
}

static void show_short_lived(const void *row, char out[TABLE_TEXT_MAX])
{
	char text[FMT_MAX];

	snprintf(out, TABLE_TEXT_MAX, "%s%s",
		 bounds_rough(&SITE(row)->allocated),
		 fmt_percent(text, fmt_whole(SITE(row)->short_lived * 1e6),
			     1000000));
}

static void show_peak(const void *row, char out[TABLE_TEXT_MAX])
{
	char text[FMT_MAX];

	if (SITE(row)->peak_bytes > 0)
		snprintf(out, TABLE_TEXT_MAX, "%s%s",
			 bounds_rough(&SITE(row)->allocated),
			 fmt_bytes(text, fmt_whole(SITE(row)->peak_bytes)));
	else
		strcpy(out, "-"); /* nothing of it was sampled then */
}

static void show_function(const void *row, char out[TABLE_TEXT_MAX])
{
	snprintf(out, TABLE_TEXT_MAX, "%s", sites_name(SITE(row)));
}

static void show_location(const void *row, char out[TABLE_TEXT_MAX])
{
	snprintf(out, TABLE_TEXT_MAX, "%s", sites_location(SITE(row)));
}

static void show_module(const void *row, char out[TABLE_TEXT_MAX])
{
	snprintf(out, TABLE_TEXT_MAX, "%s", SITE(row)->module);
}

static void show_thread(const void *row, char out[TABLE_TEXT_MAX])
{
	sites_thread_text(SITE(row), out, TABLE_TEXT_MAX);
}

static enum term_role growth_role(const void *row)
{
	return SITE(row)->growing ? TERM_BAD : TERM_TEXT;
}

static enum term_role live_role(const void *row)
{
	uint64_t samples = ROW(row)->marked ? live_change(row).samples
					    : SITE(row)->live.samples;

	return samples ? TERM_TEXT : TERM_DIM;
}

static const struct column columns[] = {
	{.title = "LIVE",
	 .mark_title = "+LIVE",
	 .letter = 'L',
	 .width = 18,
	 .left = true,
	 .help = "live bytes, 95 % interval; n = samples, where few",
	 .compare = by_live,
	 .format = show_live,
	 .role = live_role},
	{.title = "BLOCKS",
	 .mark_title = "+BLOCKS",
	 .letter = 'B',
	 .width = 13,
	 .left = true,
	 .rank = 4,
	 .help = "live blocks, likewise",
	 .compare = by_objects,
	 .format = show_objects,
	 .role = live_role},
	{.title = "ALLOC/S",
	 .letter = 'R',
	 .width = 7,
	 .rank = 2,
	 .help = "bytes allocated per second; < is an upper bound",
	 .compare = by_rate,
	 .format = show_rate},
	{.title = "AGE",
	 .letter = 'A',
	 .width = 6,
	 .rank = 3,
	 .help = "mean age of a live byte; ~ of few samples",
	 .compare = by_age,
	 .format = show_age},
	{.title = "GROWTH",
	 .letter = 'W',
	 .width = 8,
	 .rank = 1,
	 .help = "suspected leak: live bytes rise by so much a minute",
	 .compare = by_growth,
	 .format = show_growth,
	 .role = growth_role},
	{.title = "FUNCTION",
	 .letter = 'F',
	 .width = 21,
	 .left = true,
	 .flexible = true,
	 .ascending = true,
	 .help = "the innermost that is not an allocation function",
	 .compare = by_function,
	 .format = show_function,
	 .role = growth_role},
	{.title = "LOCATION",
	 .letter = 'O',
	 .width = 22,
	 .left = true,
	 .rank = 5,
	 .ascending = true,
	 .help = "file and line",
	 .compare = by_location,
	 .format = show_location},
	{.title = "MODULE",
	 .letter = 'D',
	 .width = 15,
	 .left = true,
	 .rank = 6,
	 .ascending = true,
	 .help = "program or shared library",
	 .compare = by_module,
	 .format = show_module},
	{.title = "ALLOCATED",
	 .mark_title = "+ALLOCATED",
	 .letter = 'C',
	 .width = 18,
	 .left = true,
	 .rank = 8,
	 .help = "bytes allocated since the start, 95 % interval",
	 .compare = by_allocated,
	 .format = show_allocated},
	{.title = "PEAK",
	 .letter = 'P',
	 .width = 6,
	 .rank = 9,
	 .help = "live bytes when the heap was at its highest",
	 .compare = by_peak,
	 .format = show_peak},
	{.title = "SHORT%",
	 .letter = 'S',
	 .width = 6,
	 .rank = 10,
	 .help = "of the freed blocks, lived less than a second",
	 .compare = by_short_lived,
	 .format = show_short_lived},
	{.title = "THREAD",
	 .letter = 'T',
	 .width = 16,
	 .left = true,
	 .rank = 7,
	 .ascending = true,
	 .help = "of the newest sample, and how many more",
	 .compare = by_thread,
	 .format = show_thread},
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

static bool matches(const struct site *site, const char *filter)
{
	return text_has(sites_name(site), filter) ||
	       text_has(site->location, filter) ||
	       text_has(site->module, filter) || text_has(site->thread, filter);
}

static struct row row_of(const struct context *context, size_t index)
{
	struct row row = {.site = &context->sites->rows[index],
			  .marked = context->sites_base != NULL,
			  .sample_bytes = (double)context->sites->sample_bytes};
	const struct site *base = sites_find(context->sites_base, row.site->id);

	if (base)
		row.base = *base;
	return row;
}

static bool refresh(struct context *context)
{
	size_t sites = context->sites ? context->sites->count : 0, count = 0;

	table_set_rows(&table, NULL, 0, true);
	free(made);
	free(rows);
	made = calloc(sites + 1, sizeof(*made));
	rows = calloc(sites + 1, sizeof(*rows));
	if (!made || !rows)
		return false;
	for (size_t i = 0; i < sites; i++) {
		made[i] = row_of(context, i);
		if (matches(made[i].site, context->filter))
			rows[count++] = &made[i];
	}
	table.marked = context->sites_base != NULL;
	table_set_rows(&table, rows, count, false);
	return true;
}

static bool enter(struct context *context)
{
	const struct row *row = table_selected(&table);

	if (!row || !context->sites)
		return false;
	context->site_id = row->site->id;
	return true;
}

/*
 * The line on top, the most important first: it may be cut at the right. What
 * is exact is what blocks reserve, a little more than what was asked for.
 */
static void draw_check(const struct context *context, int y, int width)
{
	const struct sites *sites = context->sites;
	char live[BOUNDS_MAX], exact[FMT_MAX], mean[FMT_MAX];
	uint64_t set = context->detail->sample_configured_bytes;
	double z = fmax(-999, fmin(sites->z, 999)); /* no more digits */
	int x = 1;

	if (sites->sample_bytes)
		x = term_addf(y, x, TERM_TITLE, "1 in %s",
			      fmt_bytes(mean, sites->sample_bytes));
	else
		x = term_add(y, x, TERM_WARN, "sampling is off");
	bounds_bytes(live, &sites->live, (double)sites->sample_bytes,
		     term_utf8());
	x = term_addf(y, x, TERM_STRONG, "  live %s", live);
	x = term_addf(y, x, TERM_TEXT, ", exact %s",
		      fmt_bytes(exact, context->detail->process.live_bytes));
	x = term_addf(y, x, fabs(z) > 3 ? TERM_BAD : TERM_TEXT, "  z %+.1f", z);
	if (sites->pending)
		x = term_add(y, x, TERM_WARN, "  names are being looked up");
	if (sites->omitted && x < width)
		x = term_addf(y, x, TERM_WARN, "  %zu more sites",
			      sites->omitted);
	if (set && x < width && sites->sample_bytes > set)
		term_addf(y, x, TERM_WARN, "  raised by the guard from %s",
			  fmt_bytes(mean, set));
}

static void draw(struct context *context, int y, int height, int width)
{
	if (context->sites_trouble[0] && !context->sites) {
		term_add(y + 1, 2, TERM_BAD, context->sites_trouble);
		return;
	}
	if (!context->sites) {
		term_add(y + 1, 2, TERM_TEXT, "Waiting for its sites ...");
		return;
	}
	draw_check(context, y, width);
	table_draw(&table, y + 1, height - 1, width);
	if (table.count == 0)
		term_add(y + 3, 2, TERM_TEXT,
			 context->filter[0] ? "No site contains the filter."
			 : context->sites->sample_bytes
				 ? "No allocation was sampled yet."
				 : "No site: sampling is off (hakmem-top set "
				   "--sample).");
}

static bool save(struct context *context, enum opts_format format, FILE *out)
{
	const struct site **list = calloc(table.count + 1, sizeof(*list));

	if (!list || !context->sites || !context->detail) {
		free(list);
		return false;
	}
	for (size_t i = 0; i < table.count; i++)
		list[i] = SITE(table.rows[i]);
	if (format == OPTS_JSON)
		dump_sites_table_json(out, context->detail->process.pid,
				      context->sites, list, table.count);
	else
		dump_sites_table_csv(out, list, table.count);
	free(list);
	return true;
}

const struct screen screen_sites = {
	.name = "Sites",
	.of_process = true,
	.needs_sites = true,
	.heap = true,
	.inside = &screen_stack,
	.refresh = refresh,
	.table = get_table,
	.enter = enter,
	.draw = draw,
	.save = save,
};
