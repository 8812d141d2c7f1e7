/*
 * Compares what the samples say with what is counted exactly: the sums over all
 * sites, and z, how many standard errors the bytes allocated in size classes
 * are off. A request counts as its stride; |z| should stay below 3.
 *
 *   exact      sum over classes of stride x class_allocs
 *   estimated  sum over classes of stride x alloc_objects of all sites
 *   variance   sum over classes of stride^2 x the larger of what the samples
 *              say of themselves and what N exact requests must scatter at the
 *              sampling interval in force, N (1-p)/p
 *
 * The second variance speaks where a class has too few samples to know its own.
 * Pure. Main thread only.
 */
#ifndef HAKMEMD_ESTIMATE_H
#define HAKMEMD_ESTIMATE_H

#include "hakmemd/model/sites.h"

struct estimate {
	struct sites_figures sum; /* of all sites */
	double z;		  /* 0 when nothing can be said */
};

/* `hello` and `state` NULL: no z. */
struct estimate estimate_of(const struct sites *sites,
			    const Hakmem__Hello *hello,
			    const Hakmem__State *state);

#endif
