#include "hakmemd/model/growth.h"

#include <math.h>
#include <stdlib.h>

#define POINTS_MIN  7u
#define SPAN_MIN_NS UINT64_C(60000000000)
#define LENIENT	    10u /* a tenth early is on time: timers are never exact */

/* A grid's points in order, with the highest value before them. */
struct window {
	const struct growth_grid *grid;
	uint32_t from, count;
	double before; /* highest; 0 if nothing is known */
};

static const struct growth_point *growth_point_at(const struct window *window,
						  uint32_t index)
{
	const struct growth_grid *grid = window->grid;

	return &grid->points[(grid->first + window->from + index) %
			     GROWTH_POINTS];
}

/* False when it is too early for one more. */
static bool growth_add_point(struct growth_grid *grid, uint64_t step_ns,
			     const struct growth_point *next)
{
	uint32_t newest = (grid->first + grid->count - 1) % GROWTH_POINTS;

	if (grid->count > 0 && next->time_ns < grid->points[newest].time_ns +
						       step_ns -
						       step_ns / LENIENT)
		return false;
	if (grid->count == GROWTH_POINTS) {
		grid->first = (grid->first + 1) % GROWTH_POINTS;
		grid->count--;
	}
	grid->points[(grid->first + grid->count++) % GROWTH_POINTS] = *next;
	return true;
}

void growth_add(struct growth *growth, uint64_t time_ns, double bytes,
		struct variance_sums bytes_var)
{
	struct growth_point next = {time_ns, (float)bytes,
				    (float)bytes_var.live,
				    (float)bytes_var.alloc, (float)bytes};

	growth_add_point(&growth->fine, GROWTH_FINE_NS, &next);
	growth->highest = fmaxf(growth->highest, next.bytes);
	next.highest = growth->highest;
	if (growth_add_point(&growth->coarse, GROWTH_COARSE_NS, &next))
		growth->highest = 0;
}

static double growth_seconds(const struct growth_point *from,
			     const struct growth_point *to)
{
	return (double)(to->time_ns - from->time_ns) / 1e9;
}

static int growth_ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* The median of the slopes of all pairs. */
static double growth_slope(const struct window *window)
{
	static double slopes[GROWTH_POINTS * (GROWTH_POINTS - 1) / 2];
	uint32_t count = 0;

	for (uint32_t i = 0; i < window->count; i++)
		for (uint32_t j = i + 1; j < window->count; j++) {
			const struct growth_point *a =
				growth_point_at(window, i);
			const struct growth_point *b =
				growth_point_at(window, j);

			slopes[count++] =
				((double)b->bytes - (double)a->bytes) /
				growth_seconds(a, b);
		}
	qsort(slopes, count, sizeof(*slopes), growth_ascending);
	return slopes[count / 2];
}

static bool growth_is_steady(const struct window *window)
{
	double up = 0, down = 0;

	for (uint32_t i = 1; i < window->count; i++) {
		float step = growth_point_at(window, i)->bytes -
			     growth_point_at(window, i - 1)->bytes;

		up += step > 0;
		down += step < 0;
	}
	return up >= 4 * down && up - down >= 3 * sqrt(up + down);
}

static double growth_deepest_fall(const struct window *window)
{
	double highest = 0, deepest = 0;

	for (uint32_t i = 0; i < window->count; i++) {
		double bytes = (double)growth_point_at(window, i)->bytes;

		highest = fmax(highest, bytes);
		deepest = fmax(deepest, highest - bytes);
	}
	return deepest;
}

/* Where the rise began: the last point that is within a twentieth of the
 * window's first. */
static const struct growth_point *growth_beginning(const struct window *window,
						   double rise)
{
	const struct growth_point *first = growth_point_at(window, 0),
				  *at = first;

	for (uint32_t i = 1; i < window->count; i++)
		if ((double)growth_point_at(window, i)->bytes <=
		    (double)first->bytes + rise / 20)
			at = growth_point_at(window, i);
	return at;
}

static struct variance_sums growth_variance_at(const struct growth_point *at)
{
	return (struct variance_sums){(double)at->alloc_var,
				      (double)at->bytes_var};
}

static bool growth_grows(const struct window *window, double sample_bytes,
			 struct growth_verdict *verdict)
{
	const struct growth_point *first, *last, *third;
	double rise, noise, steep;

	if (window->count < POINTS_MIN)
		return false;
	first = growth_point_at(window, 0);
	last = growth_point_at(window, window->count - 1);
	third = growth_point_at(window, window->count * 2 / 3);
	rise = (double)last->bytes - (double)first->bytes;
	noise = sqrt(variance_of_change(growth_variance_at(last),
					growth_variance_at(first)));
	if (last->time_ns - first->time_ns < SPAN_MIN_NS || rise <= 0 ||
	    rise < 3 * sample_bytes || rise < 2 * noise ||
	    (double)last->bytes - window->before < rise / 2 ||
	    growth_deepest_fall(window) > rise / 4 || !growth_is_steady(window))
		return false;
	steep = growth_slope(window);
	if (steep <= 0 || (double)last->bytes - (double)third->bytes <
				  steep / 4 * growth_seconds(third, last))
		return false;
	verdict->growing = true;
	verdict->bytes_per_s = steep;
	verdict->minutes =
		growth_seconds(growth_beginning(window, rise), last) / 60;
	return true;
}

/* The highest value of a grid up to a moment. */
static double growth_highest_before(const struct growth_grid *grid,
				    uint64_t time_ns)
{
	struct window all = {grid, 0, grid->count, 0};
	double highest = 0;

	for (uint32_t i = 0; i < all.count; i++)
		if (growth_point_at(&all, i)->time_ns <= time_ns)
			highest =
				fmax(highest,
				     (double)growth_point_at(&all, i)->highest);
	return highest;
}

static bool growth_judge_grid(const struct growth *growth,
			      const struct growth_grid *grid, uint32_t from,
			      double sample_bytes,
			      struct growth_verdict *verdict)
{
	struct window window = {grid, from, grid->count - from, 0};
	uint64_t begin_ns;

	if (window.count < POINTS_MIN)
		return false;
	begin_ns = growth_point_at(&window, 0)->time_ns;
	window.before = fmax(growth_highest_before(&growth->fine, begin_ns),
			     growth_highest_before(&growth->coarse, begin_ns));
	return growth_grows(&window, sample_bytes, verdict);
}

struct growth_verdict growth_judge(const struct growth *growth,
				   double sample_bytes)
{
	const struct growth_grid *grids[] = {&growth->coarse, &growth->fine};
	struct growth_verdict verdict = {.growing = false};

	/* The longest evidence first. */
	for (int i = 0; i < 2; i++)
		if (growth_judge_grid(growth, grids[i], 0, sample_bytes,
				      &verdict) ||
		    growth_judge_grid(growth, grids[i], grids[i]->count / 2,
				      sample_bytes, &verdict))
			break;
	return verdict;
}

static bool growth_is_zero(const struct growth_grid *grid)
{
	struct window all = {grid, 0, grid->count, 0};

	for (uint32_t i = 0; i < all.count; i++)
		if (growth_point_at(&all, i)->bytes > 0)
			return false;
	return true;
}

bool growth_is_flat(const struct growth *growth)
{
	return growth_is_zero(&growth->fine) && growth_is_zero(&growth->coarse);
}
