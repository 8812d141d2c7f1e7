#include "hakmemd/model/marks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void drop(struct marks *marks, struct sites *sites, size_t index)
{
	struct mark *mark = &marks->mark[index];

	sites_discharge(sites, mark->count * sizeof(*mark->rows));
	free(mark->rows);
	marks->count--;
	memmove(mark, mark + 1, (marks->count - index) * sizeof(*mark));
	memset(&marks->mark[marks->count], 0, sizeof(*mark));
}

static int by_id(const void *left, const void *right)
{
	const struct mark_row *a = left, *b = right;

	return (a->site_id > b->site_id) - (a->site_id < b->site_id);
}

/* The rows of a new mark; false when there is no room. */
static bool copy(struct mark *mark, struct sites *sites)
{
	size_t bytes;

	for (uint32_t i = 0; i < sites->count; i++)
		mark->count += sites->list[i]->sum.samples > 0;
	bytes = mark->count * sizeof(*mark->rows);
	if (!sites_charge(sites, bytes))
		return false;
	mark->rows = malloc(bytes ? bytes : 1);
	if (!mark->rows) {
		sites_discharge(sites, bytes);
		return false;
	}
	for (uint32_t i = 0, at = 0; i < sites->count; i++)
		if (sites->list[i]->sum.samples > 0)
			mark->rows[at++] = (struct mark_row){
				sites->list[i]->id, sites->list[i]->sum};
	qsort(mark->rows, mark->count, sizeof(*mark->rows), by_id);
	return true;
}

static struct mark *named(const struct marks *marks, const char *name)
{
	for (size_t i = 0; i < marks->count; i++)
		if (strcmp(marks->mark[i].name, name) == 0)
			return (struct mark *)(uintptr_t)&marks->mark[i];
	return NULL;
}

const struct mark *marks_find(const struct marks *marks, const char *name)
{
	return named(marks, name);
}

const char *marks_set(struct marks *marks, struct sites *sites,
		      const char *name, uint64_t now_ns,
		      char dropped[MARK_NAME_MAX + 1])
{
	struct mark mark = {.time_ns = now_ns};
	struct mark *old = named(marks, name);

	dropped[0] = '\0';
	if (*name == '\0' || strlen(name) > MARK_NAME_MAX)
		return "the name of a mark has 1 to 64 bytes";
	snprintf(mark.name, sizeof(mark.name), "%s", name);
	if (!copy(&mark, sites))
		return "there is no memory for one more mark of this process";
	if (old) {
		drop(marks, sites, (size_t)(old - marks->mark));
	} else if (marks->count == MARKS_MAX) {
		snprintf(dropped, MARK_NAME_MAX + 1, "%s", marks->mark[0].name);
		drop(marks, sites, 0);
	}
	marks->mark[marks->count++] = mark;
	return NULL;
}

static double freed(double alloc_var, double live_var)
{
	return fmax(alloc_var - live_var, 0);
}

/* See the header; the arguments are variances. */
static double live_var(double alloc_now, double live_now, double alloc_then,
		       double live_then)
{
	double since =
		fmax(alloc_now - alloc_then, 0) +
		fmax(freed(alloc_now, live_now) - freed(alloc_then, live_then),
		     0);

	return fmin(live_now + live_then, since);
}

static void subtract(struct sites_figures *now,
		     const struct sites_figures *then)
{
	now->live_objects_var =
		live_var(now->alloc_objects_var, now->live_objects_var,
			 then->alloc_objects_var, then->live_objects_var);
	now->live_bytes_var =
		live_var(now->alloc_bytes_var, now->live_bytes_var,
			 then->alloc_bytes_var, then->live_bytes_var);
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

struct sites_figures marks_since(const struct mark *mark,
				 const struct site *site)
{
	struct sites_figures figures = site->sum;
	struct mark_row key = {.site_id = site->id}, *row;

	if (!mark || mark->count == 0)
		return figures;
	row = bsearch(&key, mark->rows, mark->count, sizeof(key), by_id);
	if (row)
		subtract(&figures, &row->figures);
	return figures;
}

void marks_clear(struct marks *marks, struct sites *sites)
{
	while (marks->count > 0)
		drop(marks, sites, marks->count - 1);
}
