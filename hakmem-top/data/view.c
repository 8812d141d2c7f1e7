#include "hakmem-top/data/view.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64u /* of the tree; also ends a circle of parents */

const enum figure view_counters[VIEW_RATES] = {
	[VIEW_ALLOCS] = FIGURE_ALLOCS,
	[VIEW_FREES] = FIGURE_FREES,
	[VIEW_PAGE_BOUNDARY] = FIGURE_PAGE_BOUNDARY,
};

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

/* How old the figures are, ns: of what ended, when it did. */
static uint64_t view_age_ns(const struct processes *list,
			    const struct process *process)
{
	uint64_t until_ns =
		model_alive(process) ? list->now_ns : process->ended_ns;

	return until_ns > process->state_ns ? until_ns - process->state_ns : 0;
}

static bool view_is_stale(const struct processes *list,
			  const struct process *process)
{
	return model_alive(process) &&
	       view_age_ns(list, process) > VIEW_STALE_NS;
}

/* The rates that two states of a process give; the old ones when it is the
 * same state. What ended has the rate 0. */
static void view_fill_rates(struct view_memory *now,
			    const struct view_memory *before, bool alive)
{
	uint64_t elapsed;

	if (!before)
		return;
	now->rated = true;
	if (!alive)
		return;
	if (now->state_ns <= before->state_ns) {
		*now = *before;
		return;
	}
	elapsed = now->state_ns - before->state_ns;
	for (size_t i = 0; i < VIEW_RATES; i++)
		now->rates[i] =
			view_rate(before->counts[i], now->counts[i], elapsed);
}

static struct view_memory view_remember(const struct view *view,
					const struct process *process)
{
	struct view_memory now = {.id = process->id,
				  .state_ns = process->state_ns};

	for (size_t i = 0; i < VIEW_RATES; i++)
		now.counts[i] = figure_or_0(process->figures, view_counters[i]);
	view_fill_rates(&now, view_recall(view, process->id),
			model_alive(process));
	return now;
}

const uint64_t *view_base(const struct view *view,
			  const struct process *process)
{
	static const uint64_t unborn[FIGURES];

	if (!view->baseline_ns)
		return NULL;
	if (process->base_ns)
		return process->base;
	return process->first_seen_ns >= view->baseline_ns ? unborn : NULL;
}

static struct view_row view_make_row(const struct view *view,
				     const struct processes *list,
				     const struct process *process,
				     const struct view_memory *memory)
{
	struct view_row made = {
		.process = process,
		.rated = !model_alive(process) ||
			 (memory->rated && !view_is_stale(list, process)),
		.age_s = process->state_ns
				 ? (double)view_age_ns(list, process) / 1e9
				 : -1,
		.stale = view_is_stale(list, process),
		.marked = view->baseline_ns != 0,
		.base = view_base(view, process),
	};

	memcpy(made.rates, memory->rates, sizeof(made.rates));
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
		memory[i] = view_remember(view, &list->rows[i]);
		rows[i] = view_make_row(view, list, &list->rows[i], &memory[i]);
	}
	qsort(memory, list->count, sizeof(*memory), view_by_id);
	free(view->memory);
	free(view->rows);
	view->memory = memory;
	view->rows = rows;
	view->memory_count = view->count = list->count;
	return view->root_pid == 0 || view_keep_family(view);
}

struct view_totals view_totals(const struct view *view)
{
	struct view_totals totals = {.alive = 0};

	for (size_t i = 0; i < view->count; i++) {
		const struct view_row *one = &view->rows[i];
		bool alive = model_alive(one->process);

		*(alive ? &totals.alive : &totals.ended) += 1;
		for (unsigned k = 0; k < FIGURES; k++)
			if (alive || figures_table[k].kind == FIGURE_COUNTER)
				totals.figures[k] +=
					figure_or_0(one->process->figures, k);
		for (size_t k = 0; alive && k < VIEW_RATES; k++)
			totals.rates[k] += one->rates[k];
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
	free(view->rows);
	*view = (struct view){.memory = NULL};
}
