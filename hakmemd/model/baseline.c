#include "hakmemd/model/baseline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmemd/model/variance.h"

static size_t baseline_bytes(const struct baseline *baseline)
{
	return baseline->count * sizeof(*baseline->rows) +
	       FIGURES * sizeof(*baseline->figures) + baseline->state_bytes;
}

static void baseline_free(struct baseline *baseline, struct sites *sites)
{
	sites_discharge(sites, baseline_bytes(baseline));
	free(baseline->rows);
	free(baseline->figures);
	free(baseline->state);
}

static void baseline_remove(struct baselines *baselines, struct sites *sites,
			    size_t index)
{
	struct baseline *baseline = &baselines->list[index];

	baseline_free(baseline, sites);
	baselines->count--;
	memmove(baseline, baseline + 1,
		(baselines->count - index) * sizeof(*baseline));
	memset(&baselines->list[baselines->count], 0, sizeof(*baseline));
}

static int baseline_by_id(const void *left, const void *right)
{
	const struct baseline_row *a = left, *b = right;

	return (a->site_id > b->site_id) - (a->site_id < b->site_id);
}

static void baseline_copy_sites(struct baseline *baseline,
				const struct sites *sites)
{
	for (uint32_t i = 0, at = 0; i < sites->count; i++)
		if (sites->list[i]->sum.samples > 0)
			baseline->rows[at++] = (struct baseline_row){
				sites->list[i]->id, sites->list[i]->sum};
	qsort(baseline->rows, baseline->count, sizeof(*baseline->rows),
	      baseline_by_id);
}

/* The figures of a new baseline; false when there is no room. */
static bool baseline_copy(struct baseline *baseline, struct sites *sites,
			  const struct baseline_content *options)
{
	baseline->state_bytes = options->state_bytes;
	for (uint32_t i = 0; i < sites->count; i++)
		baseline->count += sites->list[i]->sum.samples > 0;
	if (!sites_charge(sites, baseline_bytes(baseline)))
		return false;
	baseline->rows = calloc(baseline->count + 1, sizeof(*baseline->rows));
	baseline->figures = malloc(FIGURES * sizeof(*baseline->figures));
	if (options->state)
		baseline->state = malloc(options->state_bytes + 1);
	if (!baseline->rows || !baseline->figures ||
	    (options->state && !baseline->state)) {
		baseline_free(baseline, sites);
		return false;
	}
	memcpy(baseline->figures, options->figures,
	       FIGURES * sizeof(*baseline->figures));
	if (options->state)
		memcpy(baseline->state, options->state, options->state_bytes);
	baseline_copy_sites(baseline, sites);
	return true;
}

/* The number of baselines when there is none of that name. */
static size_t baseline_index(const struct baselines *baselines,
			     const char *name)
{
	size_t i = 0;

	while (i < baselines->count &&
	       strcmp(baselines->list[i].name, name) != 0)
		i++;
	return i;
}

const struct baseline *baseline_find(const struct baselines *baselines,
				     const char *name)
{
	size_t index = baseline_index(baselines, name);

	return index < baselines->count ? &baselines->list[index] : NULL;
}

const char *baseline_set(struct baselines *baselines, struct sites *sites,
			 const struct baseline_content *options,
			 char dropped[BASELINE_NAME_MAX + 1])
{
	struct baseline baseline = {.time_ns = options->time_ns,
				    .owner = options->owner};
	size_t old = baseline_index(baselines, options->name);

	dropped[0] = '\0';
	if (*options->name == '\0' || strlen(options->name) > BASELINE_NAME_MAX)
		return "the name of a baseline has 1 to 64 bytes";
	snprintf(baseline.name, sizeof(baseline.name), "%s", options->name);
	if (!baseline_copy(&baseline, sites, options))
		return "there is no memory for one more baseline of this "
		       "process";
	if (old < baselines->count) {
		baseline_remove(baselines, sites, old);
	} else if (baselines->count == BASELINES_MAX) {
		snprintf(dropped, BASELINE_NAME_MAX + 1, "%s",
			 baselines->list[0].name);
		baseline_remove(baselines, sites, 0);
	}
	baselines->list[baselines->count++] = baseline;
	return NULL;
}

bool baseline_drop(struct baselines *baselines, struct sites *sites,
		   const char *name)
{
	size_t index = baseline_index(baselines, name);

	if (index == baselines->count)
		return false;
	baseline_remove(baselines, sites, index);
	return true;
}

void baseline_drop_owned(struct baselines *baselines, struct sites *sites,
			 const void *owner)
{
	for (size_t i = baselines->count; i-- > 0;)
		if (baselines->list[i].owner == owner)
			baseline_remove(baselines, sites, i);
}

static void baseline_subtract(struct sites_figures *now,
			      const struct sites_figures *then)
{
	now->live_objects_var = variance_of_change(
		(struct variance_sums){now->alloc_objects_var,
				       now->live_objects_var},
		(struct variance_sums){then->alloc_objects_var,
				       then->live_objects_var});
	now->live_bytes_var = variance_of_change(
		(struct variance_sums){now->alloc_bytes_var,
				       now->live_bytes_var},
		(struct variance_sums){then->alloc_bytes_var,
				       then->live_bytes_var});
	now->samples -= then->samples;
	now->live_samples -= then->live_samples;
	now->live_objects -= then->live_objects;
	now->live_bytes -= then->live_bytes;
	/* These only rise. */
	now->alloc_objects = fmax(now->alloc_objects - then->alloc_objects, 0);
	now->alloc_bytes = fmax(now->alloc_bytes - then->alloc_bytes, 0);
	now->alloc_objects_var =
		fmax(now->alloc_objects_var - then->alloc_objects_var, 0);
	now->alloc_bytes_var =
		fmax(now->alloc_bytes_var - then->alloc_bytes_var, 0);
}

struct sites_figures baseline_since(const struct baseline *baseline,
				    const struct site *site)
{
	struct sites_figures figures = site->sum;
	struct baseline_row key = {.site_id = site->id}, *row;

	if (!baseline || baseline->count == 0)
		return figures;
	row = bsearch(&key, baseline->rows, baseline->count, sizeof(key),
		      baseline_by_id);
	if (row)
		baseline_subtract(&figures, &row->figures);
	return figures;
}

void baseline_clear(struct baselines *baselines, struct sites *sites)
{
	while (baselines->count > 0)
		baseline_remove(baselines, sites, baselines->count - 1);
}
