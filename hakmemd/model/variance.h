/*
 * How far off may a change of what lives be? The one formula for it.
 *
 * Samples that lived then and live now cancel; how many those are is bounded
 * from both sides, so the variance of the difference is the smaller of
 *
 *   Var(live now) + Var(live then)
 *   Var(allocated since) + Var(freed since)
 *
 * Pure. Any thread.
 */
#ifndef HAKMEMD_VARIANCE_H
#define HAKMEMD_VARIANCE_H

#include <math.h>

/* Variances of the sums of what was allocated and of what lives, at one time.
 */
struct variance_sums {
	double alloc, live;
};

static inline double variance_freed(struct variance_sums at)
{
	return fmax(at.alloc - at.live, 0);
}

static inline double variance_of_change(struct variance_sums now,
					struct variance_sums then)
{
	double since = fmax(now.alloc - then.alloc, 0) +
		       fmax(variance_freed(now) - variance_freed(then), 0);

	return fmin(now.live + then.live, since);
}

#endif
