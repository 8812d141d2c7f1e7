/*
 * Suspects leaks: keeps a site's live bytes over time on two grids, and judges
 * by a rule that tells a leak from a sawtooth, a plateau, noise and a ramp that
 * has ended.
 *
 *   fine    a point every 10 s, the last 10 minutes
 *   coarse  a point every 5 min, the last 5 hours
 *
 * A window (a whole grid or its newer half) grows when all of this holds:
 *
 *   long     at least 7 points and a minute
 *   steady   of the steps that are not flat at least 80 % rise, three standard
 *            errors more than a coin would give: 9 of 9, 16 of 18
 *   large    it rose by 3R and by two standard errors of the rise (variance.h),
 *            R the sampling interval
 *   new      half of the rise lies above all that was seen before the window,
 *            and no fall within it took back a quarter: not a sawtooth
 *   lasting  its last third still rises at a quarter of the slope or more: no
 *            ramp that has ended
 *
 * The slope is that of Theil and Sen, the median of the slopes of all pairs: a
 * few odd points don't move it. What grows for the first time cannot be told
 * from the first tooth of a saw: a verdict is a suspicion. Pure.
 */
#ifndef HAKMEMD_GROWTH_H
#define HAKMEMD_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "hakmemd/model/variance.h"

#define GROWTH_POINTS	 60u
#define GROWTH_FINE_NS	 UINT64_C(10000000000)
#define GROWTH_COARSE_NS UINT64_C(300000000000)

struct growth_point {
	uint64_t time_ns;
	float bytes, bytes_var, alloc_var;
	float highest; /* since the point before */
};

struct growth_grid {
	struct growth_point points[GROWTH_POINTS]; /* a ring */
	uint32_t first, count;
};

struct growth {
	struct growth_grid fine, coarse;
	float highest; /* since the newest coarse point */
};

struct growth_verdict {
	bool growing;
	double bytes_per_s; /* the slope; 0 if it does not grow */
	double minutes;	    /* for how long */
};

/* Adds a point to the grids where it is due; a zeroed struct has none. */
void growth_add(struct growth *growth, uint64_t time_ns, double bytes,
		struct variance_sums bytes_var);

struct growth_verdict growth_judge(const struct growth *growth,
				   double sample_bytes);

/* True when every point is 0: nothing worth keeping. */
bool growth_is_flat(const struct growth *growth);

#endif
