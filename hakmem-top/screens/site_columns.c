#include "hakmem-top/screens/site_columns.h"

#include <math.h>
#include <stdio.h>

#include "hakmem-top/base/fmt.h"

#define ROW(data)  ((const struct site_row *)(data))
#define SITE(data) (ROW(data)->site)

/* The getter of a column: a value of `row` and its `site`. */
#define GET(name, ...)                                                         \
	static struct value site_columns_get_##name(const void *data)          \
	{                                                                      \
		const struct site_row *row = data;                             \
		const struct site *site = row->site;                           \
                                                                               \
		return __VA_ARGS__;                                            \
	}
#define WHOLE(name, kind, member)                                              \
	GET(name, value_whole(VALUE_##kind, site->member))
#define REAL(name, member)     GET(name, value_real(VALUE_REAL, site->member))
#define TEXT(name, kind, text) GET(name, value_text(VALUE_##kind, text))

WHOLE(site_id, NUMBER, id)
TEXT(function, TEXT, sites_name(site))
TEXT(location, PATH, site->location)
TEXT(module, TEXT, site->module)
REAL(live_bytes_stderr, live.error)
REAL(live_objects_stderr, live_objects.error)
WHOLE(live_samples, COUNT, live.samples)
REAL(alloc_bytes_stderr, allocated.error)
REAL(alloc_objects, alloc_objects.value)
REAL(alloc_objects_stderr, alloc_objects.error)
WHOLE(samples, COUNT, allocated.samples)
REAL(peak_bytes_stderr, peak.error)
REAL(peak_objects, peak_objects.value)
REAL(peak_objects_stderr, peak_objects.error)
REAL(highest_bytes, highest_bytes)
WHOLE(growing, FLAG, growing)
REAL(growth_bytes_per_s, growth)
REAL(growth_minutes, growth_minutes)
WHOLE(thread_id, NUMBER, thread_id)
WHOLE(threads, COUNT, threads)
WHOLE(truncated, FLAG, truncated)
/* Threads without a name go by their ids. */
GET(thread_name, (struct value){.kind = VALUE_TEXT,
				.text = site->thread,
				.count = site->thread_id})
GET(alloc_bytes_per_s, (struct value){.kind = VALUE_BYTES_RATE,
				      .real = site->rate,
				      .weight = row->sample_bytes})
GET(mean_age_s, (struct value){.kind = VALUE_AGE,
			       .real = site->mean_age_s,
			       .unknown = site->live.samples == 0,
			       .rough = estimate_few(&site->live)})
/* Nothing of it may have been sampled at the peak. */
GET(peak_bytes, (struct value){.kind = VALUE_REAL_BYTES,
			       .real = site->peak.value,
			       .unknown = !(site->peak.value > 0),
			       .rough = estimate_few(&site->allocated)})
GET(short_lived_share,
    (struct value){.kind = VALUE_SHARE,
		   .count = fmt_whole(site->short_lived * 1e6),
		   .base = 1000000,
		   .real = site->short_lived,
		   .rough = estimate_few(&site->allocated)})
/* Only of what is suspected of a leak. */
GET(growth, value_real(VALUE_REAL, site->growing ? site->growth : 0))

/* An estimate; on the screen, with a baseline, its change since then. */
static struct value site_columns_estimated(const struct site_row *row,
					   enum value_kind kind,
					   const struct estimate *now,
					   const struct estimate *change)
{
	return (struct value){.kind = kind,
			      .since = row->has_baseline,
			      .real = now->value,
			      .weight = row->sample_bytes,
			      .estimate = row->has_baseline ? *change : *now};
}

GET(live_bytes, site_columns_estimated(row, VALUE_BYTES_ESTIMATE, &site->live,
				       &row->since.live))
GET(live_objects,
    site_columns_estimated(row, VALUE_COUNT_ESTIMATE, &site->live_objects,
			   &row->since.live_objects))
GET(alloc_bytes,
    site_columns_estimated(row, VALUE_BYTES_ESTIMATE, &site->allocated,
			   &row->since.allocated))

static void site_columns_show_growth(const void *row, char out[VALUE_TEXT_MAX])
{
	char text[FMT_MAX];

	out[0] = '\0';
	if (SITE(row)->growing)
		snprintf(out, VALUE_TEXT_MAX, "%s%s/m", term_utf8() ? "▲" : "^",
			 fmt_bytes(text, fmt_whole(SITE(row)->growth * 60)));
}

static void site_columns_show_thread(const void *row, char out[VALUE_TEXT_MAX])
{
	sites_thread_text(SITE(row), out, VALUE_TEXT_MAX);
}

static enum term_role site_columns_growth_role(const void *row)
{
	return SITE(row)->growing ? TERM_BAD : TERM_TEXT;
}

static enum term_role site_columns_live_role(const void *row)
{
	uint64_t samples = ROW(row)->has_baseline ? ROW(row)->since.live.samples
						  : SITE(row)->live.samples;

	return samples ? TERM_TEXT : TERM_DIM;
}

const struct column site_columns[] = {
	{"LIVE", "+LIVE", 'L', 18, 0, COLUMN_LEFT, site_columns_get_live_bytes,
	 NULL, site_columns_live_role,
	 "live bytes, 95 % interval; n = samples, where few"},
	{"BLOCKS", "+BLOCKS", 'B', 13, 4, COLUMN_LEFT,
	 site_columns_get_live_objects, NULL, site_columns_live_role,
	 "live blocks, likewise"},
	{"ALLOC/S", NULL, 'R', 7, 2, 0, site_columns_get_alloc_bytes_per_s,
	 NULL, NULL, "bytes allocated per second; < is an upper bound"},
	{"AGE", NULL, 'A', 6, 3, 0, site_columns_get_mean_age_s, NULL, NULL,
	 "mean age of a live byte; ~ of few samples"},
	{"GROWTH", NULL, 'W', 8, 1, 0, site_columns_get_growth,
	 site_columns_show_growth, site_columns_growth_role,
	 "suspected leak: live bytes rise by so much a minute"},
	{"FUNCTION", NULL, 'F', 21, 0,
	 COLUMN_FLEXIBLE | COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 site_columns_get_function, NULL, site_columns_growth_role,
	 "the innermost that is not an allocation function"},
	{"LOCATION", NULL, 'O', 22, 5,
	 COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 site_columns_get_location, NULL, NULL, "file and line"},
	{"MODULE", NULL, 'D', 15, 6,
	 COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 site_columns_get_module, NULL, NULL, "program or shared library"},
	{"ALLOCATED", "+ALLOCATED", 'C', 18, 8, COLUMN_LEFT,
	 site_columns_get_alloc_bytes, NULL, NULL,
	 "bytes allocated since the start, 95 % interval"},
	{"PEAK", NULL, 'P', 6, 9, 0, site_columns_get_peak_bytes, NULL, NULL,
	 "live bytes when the heap was at its highest"},
	{"SHORT%", NULL, 'S', 6, 10, 0, site_columns_get_short_lived_share,
	 NULL, NULL, "of the freed blocks, lived less than a second"},
	{"THREAD", NULL, 'T', 16, 7,
	 COLUMN_LEFT | COLUMN_ASCENDING | COLUMN_FILTER,
	 site_columns_get_thread_name, site_columns_show_thread, NULL,
	 "of the newest sample, and how many more"},
};
const size_t site_column_count = sizeof(site_columns) / sizeof(site_columns[0]);

const struct field site_fields[] = {
#define SITES_COLUMN(name, kind, help) {#name, site_columns_get_##name},
#include "proto/columns.def"
};
const size_t site_field_count = sizeof(site_fields) / sizeof(site_fields[0]);
