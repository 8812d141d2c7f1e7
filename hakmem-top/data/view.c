#include "hakmem-top/data/view.h"

#include <stdlib.h>

#define DEPTH_MAX 64u /* of the tree; also ends a circle of parents */

double view_rate(uint64_t before, uint64_t after, uint64_t elapsed_ns)
{
	if (after <= before || elapsed_ns == 0)
		return 0;
	return (double)(after - before) * 1e9 / (double)elapsed_ns;
}

/* Everything remembered by id begins with it. */
static int view_by_id(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static struct view_memory *view_recall(const struct view *view, uint64_t id)
{
	if (view->memory_count == 0)
		return NULL;
	return bsearch(&id, view->memory, view->memory_count,
		       sizeof(*view->memory), view_by_id);
}

/* The rates that two states of a process give; the old ones when it is the
 * same state, until they are stale. */
static void view_fill_rates(struct view_memory *now,
			    const struct view_memory *before, bool silent)
{
	uint64_t elapsed;

	if (!before)
		return;
	now->rated = true;
	if (silent)
		return;
	if (now->state_ns <= before->state_ns) {
		*now = *before;
		return;
	}
	elapsed = now->state_ns - before->state_ns;
	now->allocs_s = view_rate(before->allocs, now->allocs, elapsed);
	now->frees_s = view_rate(before->frees, now->frees, elapsed);
	now->page_boundary_s =
		view_rate(before->page_boundary, now->page_boundary, elapsed);
}

static struct view_memory view_remember(const struct view *view,
					const struct processes *list,
					const struct process *process)
{
	struct view_memory now = {
		.id = process->id,
		.state_ns = process->state_ns,
		.allocs = process->allocs,
		.frees = process->frees,
		.page_boundary = process->page_boundary,
	};
	bool silent = process->state != MODEL_RUNNING ||
		      (list->now_ns > process->state_ns &&
		       list->now_ns - process->state_ns > VIEW_STALE_NS);

	view_fill_rates(&now, view_recall(view, process->id), silent);
	return now;
}

static struct view_row view_make_row(const struct view *view,
				     const struct process *process,
				     const struct view_memory *memory)
{
	struct view_row made = {
		.process = process,
		.rated = memory->rated || !model_alive(process),
		.allocs_s = memory->allocs_s,
		.frees_s = memory->frees_s,
		.page_boundary_s = memory->page_boundary_s,
		.has_baseline = view->has_baseline,
	};
	const struct view_base *base = NULL;

	if (view->base_count)
		base = bsearch(&process->id, view->bases, view->base_count,
			       sizeof(*base), view_by_id);
	if (base)
		made.base = *base;
	return made;
}

struct family {
	uint64_t id, parent_id;
	uint32_t pid, parent_pid;
};

static bool view_descends(const struct family *families, size_t count,
			  const struct family *one, uint32_t root)
{
	for (unsigned step = 0; one && step < DEPTH_MAX; step++) {
		if (one->pid == root || one->parent_pid == root)
			return true;
		one = one->parent_id ? bsearch(&one->parent_id, families, count,
					       sizeof(*families), view_by_id)
				     : NULL;
	}
	return false;
}

/* Drops the rows that are not of the family of view->root_pid. */
static bool view_keep_family(struct view *view)
{
	struct family *families = calloc(view->count + 1, sizeof(*families));
	size_t kept = 0;

	if (!families)
		return false;
	for (size_t i = 0; i < view->count; i++) {
		const struct process *process = view->rows[i].process;

		families[i] =
			(struct family){process->id, process->parent_id,
					process->pid, process->parent_pid};
	}
	qsort(families, view->count, sizeof(*families), view_by_id);
	for (size_t i = 0; i < view->count; i++) {
		struct family *one =
			bsearch(&view->rows[i].process->id, families,
				view->count, sizeof(*families), view_by_id);

		if (view_descends(families, view->count, one, view->root_pid))
			view->rows[kept++] = view->rows[i];
	}
	view->count = kept;
	free(families);
	return true;
}

bool view_update(struct view *view, const struct processes *list)
{
	struct view_memory *memory = calloc(list->count + 1, sizeof(*memory));
	struct view_row *rows = calloc(list->count + 1, sizeof(*rows));

	if (!memory || !rows) {
		free(memory);
		free(rows);
		return false;
	}
	for (size_t i = 0; i < list->count; i++) {
		memory[i] = view_remember(view, list, &list->rows[i]);
		rows[i] = view_make_row(view, &list->rows[i], &memory[i]);
	}
	qsort(memory, list->count, sizeof(*memory), view_by_id);
	free(view->memory);
	free(view->rows);
	view->memory = memory;
	view->rows = rows;
	view->memory_count = view->count = list->count;
	return view->root_pid == 0 || view_keep_family(view);
}

bool view_set_baseline(struct view *view, const struct processes *list)
{
	struct view_base *bases;

	free(view->bases);
	view->bases = NULL;
	view->base_count = 0;
	view->has_baseline = false;
	if (!list)
		return true;
	bases = calloc(list->count + 1, sizeof(*bases));
	if (!bases)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		const struct process *from = &list->rows[i];

		bases[i] = (struct view_base){
			.id = from->id,
			.live_bytes = from->live_bytes,
			.rss_bytes = from->rss_bytes,
			.allocs = from->allocs,
			.frees = from->frees,
			.requests_1024 = from->requests_1024,
			.page_boundary = from->page_boundary,
			.rejects = from->rejects,
		};
	}
	qsort(bases, list->count, sizeof(*bases), view_by_id);
	view->bases = bases;
	view->base_count = list->count;
	view->has_baseline = true;
	view->baseline_ns = list->now_ns;
	return true;
}

struct view_totals view_totals(const struct view *view)
{
	struct view_totals totals = {.alive = 0};

	for (size_t i = 0; i < view->count; i++) {
		const struct view_row *one = &view->rows[i];
		const struct process *process = one->process;

		totals.allocs += process->allocs;
		totals.requests_1024 += process->requests_1024;
		totals.fallback_1024 += process->fallback_1024;
		totals.rejects += process->rejects;
		totals.dropped += process->dropped;
		if (!model_alive(process)) {
			totals.ended++;
			continue;
		}
		totals.alive++;
		totals.live_bytes += process->live_bytes;
		totals.live_objects += process->live_objects;
		totals.rss_bytes += process->rss_bytes;
		totals.allocs_s += one->allocs_s;
		totals.frees_s += one->frees_s;
	}
	return totals;
}

const struct process *view_newest(const struct processes *list, uint32_t pid)
{
	const struct process *newest = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct process *one = &list->rows[i];

		if (one->pid == pid &&
		    (!newest || one->first_seen_ns >= newest->first_seen_ns))
			newest = one;
	}
	return newest;
}

void view_clear(struct view *view)
{
	free(view->memory);
	free(view->bases);
	free(view->rows);
	*view = (struct view){.memory = NULL};
}
