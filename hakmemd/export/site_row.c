#include "hakmemd/export/site_row.h"

#include <math.h>
#include <string.h>

/* While sampling is off or very dense, a few kilobytes are no leak yet. */
#define GROWTH_SAMPLE_MIN 65536.0

static uint64_t site_row_positive(int64_t count)
{
	return count > 0 ? (uint64_t)count : 0;
}

static void site_row_fill_growth(Hakmem__SiteRow *row,
				 const struct model *model,
				 const struct site *site)
{
	struct growth_verdict verdict;

	if (!site->growth)
		return;
	verdict = growth_judge(
		site->growth,
		fmax((double)model_sample_bytes(model), GROWTH_SAMPLE_MIN));
	row->growing = verdict.growing;
	row->growth_bytes_per_s = verdict.bytes_per_s;
	row->growth_minutes = verdict.minutes;
}

void site_row_fill(Hakmem__SiteRow *row, const struct model *model,
		   const struct site *site, const struct baseline *baseline)
{
	struct sites_figures figures = baseline_since(baseline, site);
	uint64_t now_ns = model->state_ns;

	hakmem__site_row__init(row);
	row->site_id = site->id;
	row->live_bytes = figures.live_bytes;
	row->live_bytes_stderr = sqrt(figures.live_bytes_var);
	row->live_objects = figures.live_objects;
	row->live_objects_stderr = sqrt(figures.live_objects_var);
	row->live_samples = figures.live_samples;
	row->alloc_bytes = figures.alloc_bytes;
	row->alloc_bytes_stderr = sqrt(figures.alloc_bytes_var);
	row->alloc_objects = figures.alloc_objects;
	row->alloc_objects_stderr = sqrt(figures.alloc_objects_var);
	row->samples = site_row_positive(figures.samples);
	row->alloc_bytes_per_s = sites_rate(site, now_ns);
	row->peak_bytes = site->peak_bytes;
	row->peak_bytes_stderr = sqrt(site->peak_bytes_var);
	row->peak_objects = site->peak_objects;
	row->peak_objects_stderr = sqrt(site->peak_objects_var);
	row->highest_bytes = site->highest_bytes;
	row->mean_age_s = sites_mean_age(site, now_ns);
	row->short_lived_share = sites_short_lived(site);
	row->thread_id = site->thread_id;
	row->thread_name = (char *)(uintptr_t)site->thread_name;
	row->threads = site->threads;
	row->truncated = site->truncated;
	site_row_fill_growth(row, model, site);
}

void site_row_since(Hakmem__SiteChange *change, const struct site *site,
		    const struct baseline *baseline)
{
	struct sites_figures since = baseline_since(baseline, site);

	hakmem__site_change__init(change);
	change->live_bytes = since.live_bytes;
	change->live_bytes_stderr = sqrt(since.live_bytes_var);
	change->live_objects = since.live_objects;
	change->live_objects_stderr = sqrt(since.live_objects_var);
	change->live_samples = since.live_samples;
	change->alloc_bytes = since.alloc_bytes;
	change->alloc_bytes_stderr = sqrt(since.alloc_bytes_var);
	change->alloc_objects = since.alloc_objects;
	change->alloc_objects_stderr = sqrt(since.alloc_objects_var);
	change->samples = site_row_positive(since.samples);
}

/* A constant when the pool is spent: better a row without a name. */
static char *site_row_copy(struct pool *pool, const char *text)
{
	static char nothing[1];
	size_t length = strlen(text) + 1;
	char *out = pool_alloc(pool, length);

	if (!out)
		return nothing;
	memcpy(out, text, length);
	return out;
}

bool site_row_name(Hakmem__SiteRow *row, const struct stack_source *source,
		   const struct site *site, struct pool *pool)
{
	struct stack_place place;
	bool known = stack_innermost(source, site, &place);

	row->function = site_row_copy(pool, place.function);
	row->location = site_row_copy(pool, place.location);
	row->module = site_row_copy(pool, place.module);
	return known;
}
