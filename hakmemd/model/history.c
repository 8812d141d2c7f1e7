#include "hakmemd/model/history.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct history_point history_point(uint64_t time_ns,
				   const uint64_t figures[FIGURES])
{
	struct history_point point = {.time_ns = time_ns};
	size_t kept = 0;

	for (size_t i = 0; i < FIGURES; i++)
		if (figures_table[i].trend == FIGURE_KEPT)
			point.kept[kept++] = figures[i];
	return point;
}

#define FIRST_POINTS 8u

/* By doubling, so a brief process costs little; a ring that has wrapped is as
 * large as it gets. */
static bool history_grow(struct history *history)
{
	size_t room = history->room ? history->room * 2 : FIRST_POINTS;
	struct history_point *points;

	if (room > HISTORY_POINTS)
		room = HISTORY_POINTS;
	points = reallocarray(history->points, room, sizeof(*points));
	if (!points)
		return false;
	history->points = points;
	history->room = room;
	return true;
}

static struct history_point *history_slot(const struct history *history,
					  size_t index)
{
	return &history->points[(history->first + index) % history->room];
}

/* The newest point is provisional until a second has passed since the one
 * before it: the newest figures are always there, and none is kept twice. */
static bool history_replaces(const struct history *history, uint64_t time_ns)
{
	size_t count = history->count;

	if (count == 0)
		return false;
	if (time_ns <= history_slot(history, count - 1)->time_ns)
		return true;
	return count > 1 &&
	       history_slot(history, count - 1)->time_ns -
			       history_slot(history, count - 2)->time_ns <
		       HISTORY_STEP_NS - HISTORY_LENIENT_NS;
}

void history_add(struct history *history, const struct history_point *point)
{
	if (history_replaces(history, point->time_ns)) {
		*history_slot(history, history->count - 1) = *point;
		return;
	}
	if (history->count == history->room && history->room < HISTORY_POINTS &&
	    !history_grow(history))
		return;
	if (history->count == history->room) {
		history->first = (history->first + 1) % history->room;
		history->count--;
	}
	history->count++;
	*history_slot(history, history->count - 1) = *point;
}

const struct history_point *history_at(const struct history *history,
				       size_t index)
{
	return history_slot(history, index);
}

size_t history_after(const struct history *history, uint64_t since_ns)
{
	size_t low = 0, high = history->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (history_slot(history, middle)->time_ns <= since_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void history_clear(struct history *history)
{
	history->first = history->count = 0;
}

void history_free(struct history *history)
{
	free(history->points);
	memset(history, 0, sizeof(*history));
}
