#include "hakmem-top/data/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool merge_reserve(struct merge *merge, size_t extra)
{
	struct merge_row *rows;

	if (extra <= merge->room - merge->count)
		return true;
	rows = reallocarray(merge->rows, merge->count + extra, sizeof(*rows));
	if (!rows)
		return false;
	merge->rows = rows;
	merge->room = merge->count + extra;
	return true;
}

bool merge_add(struct merge *merge, struct sites *sites)
{
	if (merge->table_count == MERGE_TABLES ||
	    !merge_reserve(merge, sites->count)) {
		sites_free(sites);
		return false;
	}
	merge->tables[merge->table_count++] = sites;
	merge->sample_bytes =
		fmax(merge->sample_bytes, (double)sites->sample_bytes);
	for (size_t i = 0; i < sites->count; i++)
		merge->rows[merge->count++] = (struct merge_row){
			.site = &sites->rows[i],
			.live = sites->rows[i].live,
			.allocated = sites->rows[i].allocated,
		};
	return true;
}

static int merge_by_names(const void *a, const void *b)
{
	const struct site *left = ((const struct merge_row *)a)->site;
	const struct site *right = ((const struct merge_row *)b)->site;
	int order = strcmp(sites_name(left), sites_name(right));

	if (order == 0)
		order = strcmp(left->location, right->location);
	return order ? order : strcmp(left->module, right->module);
}

static int merge_by_allocated(const void *a, const void *b)
{
	double left = ((const struct merge_row *)a)->allocated.value;
	double right = ((const struct merge_row *)b)->allocated.value;

	return left > right ? -1 : left < right ? 1 : merge_by_names(a, b);
}

void merge_finish(struct merge *merge)
{
	size_t kept = 0;

	if (merge->count == 0)
		return;
	qsort(merge->rows, merge->count, sizeof(*merge->rows), merge_by_names);
	for (size_t i = 1; i < merge->count; i++) {
		struct merge_row *row = &merge->rows[kept];
		const struct merge_row *next = &merge->rows[i];

		if (merge_by_names(row, next) != 0) {
			merge->rows[++kept] = *next;
			continue;
		}
		row->live = estimate_add(&row->live, &next->live);
		row->allocated =
			estimate_add(&row->allocated, &next->allocated);
	}
	merge->count = kept + 1;
	qsort(merge->rows, merge->count, sizeof(*merge->rows),
	      merge_by_allocated);
}

void merge_clear(struct merge *merge)
{
	for (size_t i = 0; i < merge->table_count; i++)
		sites_free(merge->tables[i]);
	free(merge->rows);
	*merge = (struct merge){.table_count = 0};
}
