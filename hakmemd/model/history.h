/*
 * The main figures of one process over time: a ring of at least ten minutes at
 * one point a second. Pure: no I/O, no clock. Main thread only.
 */
#ifndef HAKMEMD_HISTORY_H
#define HAKMEMD_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/figures.h"

#define HISTORY_POINTS	720u
#define HISTORY_STEP_NS UINT64_C(1000000000)
/* A point a little early counts as on time: timers are never exact. */
#define HISTORY_LENIENT_NS (HISTORY_STEP_NS / 10)

struct history_point {
	uint64_t time_ns;
	uint64_t kept[FIGURES_KEPT]; /* in the order of figures.def */
};

struct history {
	struct history_point *points;
	size_t first, count, room;
};

/* The figures that are kept, out of all. */
struct history_point history_point(uint64_t time_ns,
				   const uint64_t figures[FIGURES]);

/*
 * Adds a point. It replaces the newest while that is less than a second after
 * the one before it, and when it is not later itself. Without memory the point
 * is lost.
 */
void history_add(struct history *history, const struct history_point *point);

/* The `index`th point, 0 the oldest; index < history->count. */
const struct history_point *history_at(const struct history *history,
				       size_t index);

/* The index of the first point later than `since_ns`; count if none is. */
size_t history_after(const struct history *history, uint64_t since_ns);

/* Forgets the points, keeps the memory. */
void history_clear(struct history *history);

void history_free(struct history *history);

#endif
