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

/* A running process silent for longer than this has the rate 0. */
#define VIEW_STALE_NS 5000000000u

/* What is remembered of a process between polls, by id. */
struct view_memory {
	uint64_t id;
	uint64_t state_ns, allocs, frees, page_boundary;
	bool rated; /* two states were seen */
	double allocs_s, frees_s, page_boundary_s;
};

/* The figures of a process when the baseline was set. */
struct view_base {
	uint64_t id;
	uint64_t live_bytes, rss_bytes, allocs, frees, requests_1024;
	uint64_t page_boundary, rejects;
};

/* One line of the process table. */
struct view_row {
	const struct process *process;
	bool rated; /* the rates mean something */
	double allocs_s, frees_s, page_boundary_s;
	bool has_baseline; /* `base` holds; a process born later has base 0 */
	struct view_base base;
	unsigned depth; /* in the tree; 0 = root or no tree */
};

struct view {
	struct view_memory *memory;
	size_t memory_count; /* both arrays are sorted by id */
	struct view_base *bases;
	size_t base_count;
	bool has_baseline;
	uint64_t baseline_ns; /* daemon's clock at the baseline */
	uint32_t root_pid;    /* 0, or show only this pid and its descendants */
	struct view_row *rows;
	size_t count;
};

struct view_totals {
	size_t alive, ended;
	uint64_t live_bytes, live_objects, rss_bytes; /* of the living */
	double allocs_s, frees_s;
	uint64_t allocs, requests_1024, fallback_1024, rejects, dropped;
};

/* (after - before) / seconds, 0 when it would be negative or undefined. */
double view_rate(uint64_t before, uint64_t after, uint64_t elapsed_ns);

/*
 * Takes a new poll into account and rebuilds the rows, all of them, in the
 * daemon's order. The rows point into `list`. False without memory.
 */
bool view_update(struct view *view, const struct processes *list);

/* Sets the baseline at `list`, or forgets it when NULL; then view_update again.
 */
bool view_set_baseline(struct view *view, const struct processes *list);

struct view_totals view_totals(const struct view *view);

/* The newest process of `pid` in `list`, NULL if none. */
const struct process *view_newest(const struct processes *list, uint32_t pid);

void view_clear(struct view *view);

#endif
