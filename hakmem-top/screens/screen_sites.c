/* Who allocates: the sites of one process, each figure with its error. */
#include "hakmem-top/screens/screen.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "hakmem-top/data/bounds.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/term/term.h"
#include "hakmem-top/screens/site_columns.h"

#define ROW(data) ((const struct site_row *)(data))

static uint64_t screen_sites_key(const void *row)
{
	return ROW(row)->site->id;
}

static struct table screen_sites_table = {.columns = site_columns,
					  .fields = site_fields,
					  .key = screen_sites_key};

static struct table *screen_sites_get_table(void)
{
	screen_sites_table.column_count = site_column_count;
	screen_sites_table.field_count = site_field_count;
	return &screen_sites_table;
}

/* Of a process born after the baseline all is since then. */
static struct site_row screen_sites_row_of(const struct context *context,
					   size_t index, bool since)
{
	const struct site *site = &context->sites->rows[index];
	return (struct site_row){
		.site = site,
		.has_baseline = since,
		.since = context->sites->marked
				 ? site->since
				 : (struct site_change){site->live,
							site->live_objects,
							site->allocated},
		.sample_bytes = (double)context->sites->sample_bytes,
	};
}

static bool screen_sites_refresh(struct context *context)
{
	size_t count = context->sites ? context->sites->count : 0;
	const struct process *process =
		context->detail ? &context->detail->process : NULL;
	bool since = process && view_base(&context->view, process) &&
		     context->sites &&
		     context->sites->marked == (process->base_ns != 0);
	struct site_row *rows =
		table_make(screen_sites_get_table(), count, sizeof(*rows));

	if (!rows)
		return false;
	for (size_t i = 0; i < count; i++)
		rows[i] = screen_sites_row_of(context, i, since);
	screen_sites_table.has_baseline = since;
	table_show(&screen_sites_table, context->filter, NULL);
	return true;
}

static bool screen_sites_enter(struct context *context)
{
	const struct site_row *row = table_selected(&screen_sites_table);

	if (!row || !context->sites)
		return false;
	context->site_id = row->site->id;
	return true;
}

/*
 * The line on top, the most important first: it may be cut at the right. What
 * is exact is what blocks reserve, a little more than what was asked for.
 */
static void screen_sites_draw_check(const struct context *context, int y,
				    int width)
{
	const struct sites *sites = context->sites;
	char live[BOUNDS_MAX], exact[FMT_MAX], mean[FMT_MAX];
	uint64_t set = figure_or_0(context->detail->process.figures,
				   FIGURE_SAMPLE_CONFIGURED_BYTES);
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
	x = term_addf(
		y, x, TERM_TEXT, ", exact %s",
		fmt_bytes(exact, figure_or_0(context->detail->process.figures,
					     FIGURE_LIVE_BYTES)));
	x = term_addf(y, x, fabs(z) > 3 ? TERM_BAD : TERM_TEXT, "  z %+.1f", z);
	if (sites->pending)
		x = term_add(y, x, TERM_WARN, "  names are being looked up");
	if (sites->omitted && x < width)
		x = term_addf(y, x, TERM_WARN, "  %zu more sites",
			      sites->omitted);
	if (set && x < width && sites->sample_bytes > set)
		term_addf(y, x, TERM_WARN, "  raised by the limiter from %s",
			  fmt_bytes(mean, set));
}

static void screen_sites_draw(struct context *context, int y, int height,
			      int width)
{
	if (context->sites_trouble[0] && !context->sites) {
		term_add(y + 1, 2, TERM_BAD, context->sites_trouble);
		return;
	}
	if (!context->sites) {
		term_add(y + 1, 2, TERM_TEXT, "Waiting for its sites ...");
		return;
	}
	screen_sites_draw_check(context, y, width);
	table_draw(&screen_sites_table, y + 1, height - 1, width);
	if (screen_sites_table.count == 0)
		term_add(y + 3, 2, TERM_TEXT,
			 context->filter[0] ? "No site contains the filter."
			 : context->sites->sample_bytes
				 ? "No allocation was sampled yet."
				 : "No site: sampling is off (hakmem-top set "
				   "--sample).");
}

static void screen_sites_head(const struct context *context, FILE *out)
{
	const struct sites *sites = context->sites;

	fprintf(out,
		",\"sample_bytes\":%" PRIu64
		",\"live_bytes\":%.3f,\"live_bytes_stderr\":%.3f,\"z\":%.3f"
		",\"symbols_pending\":%s",
		sites->sample_bytes, sites->live.value, sites->live.error,
		sites->z, sites->pending ? "true" : "false");
}

const struct screen screen_sites = {
	.name = "Sites",
	.what = "sites",
	.of_process = true,
	.needs = NEEDS(SITES),
	.heap = true,
	.inside = &screen_stack,
	.refresh = screen_sites_refresh,
	.table = screen_sites_get_table,
	.enter = screen_sites_enter,
	.draw = screen_sites_draw,
	.head = screen_sites_head,
};
