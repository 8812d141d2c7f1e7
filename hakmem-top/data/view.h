/*
 * What is made of the cumulative figures: rates between two polls, changes
 * since a baseline, the sums over all. Pure: no clock, no screen, no socket.
 *
 * A rate is the difference of two cumulative figures over the difference of
 * the times of the two states that carried them, never over the time between
 * polls, and never negative.
 */
#ifndef HAKMEM_TOP_VIEW_H
#define HAKMEM_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hakmem-top/data/model.h"

/* The figures of a process that runs are old after three intervals of the
 * daemon's; its rates are not known then. */
#define VIEW_STALE_NS 3500000000u

/* The counters whose rates the list shows. */
enum view_rate { VIEW_ALLOCS, VIEW_FREES, VIEW_PAGE_BOUNDARY, VIEW_RATES };
extern const enum figure view_counters[VIEW_RATES];

/* What is remembered of a process between polls, by id. */
struct view_memory {
	uint64_t id;
	uint64_t state_ns, counts[VIEW_RATES];
	bool rated;		  /* two states were seen */
	double rates[VIEW_RATES]; /* per second */
};

/* One line of the process table. */
struct view_row {
	const struct process *process;
	bool rated; /* the rates mean something */
	double rates[VIEW_RATES];
	double age_s;	      /* of the figures, below 0: there are none */
	bool stale;	      /* it runs, and they are old */
	bool marked;	      /* there is a baseline */
	const uint64_t *base; /* view_base */
	unsigned depth;	      /* in the tree; 0 = root or no tree */
};

struct view {
	struct view_memory *memory; /* sorted by id */
	size_t memory_count;
	uint64_t baseline_ns; /* daemon's clock at the baseline; 0 = none */
	uint32_t root_pid;    /* 0, or show only this pid and its descendants */
	struct view_row *rows;
	size_t count;
};

struct view_totals {
	size_t alive, ended;
	uint64_t figures[FIGURES]; /* gauges of the living, counters of all */
	double rates[VIEW_RATES];
};

/* (after - before) / seconds, 0 when it would be negative or undefined. */
double view_rate(uint64_t before, uint64_t after, uint64_t elapsed_ns);

/*
 * Takes a new poll into account and rebuilds the rows, all of them, in the
 * daemon's order. The rows point into `list`. False without memory.
 */
bool view_update(struct view *view, const struct processes *list);

/*
 * The figures of a process at the baseline, 0 if it was born later. NULL: there
 * is no baseline, or the daemon has none of this process.
 */
const uint64_t *view_base(const struct view *view,
			  const struct process *process);

struct view_totals view_totals(const struct view *view);

/* The newest process of `pid` in `list`, NULL if none. */
const struct process *view_newest(const struct processes *list, uint32_t pid);

void view_clear(struct view *view);

#endif
