/*
 * The profile: what samples tell. A sampled block is remembered until it is
 * freed, so that we know not only what was requested, but also what lives.
 *
 * Samples of the histogram are summed per cell (the part of a class that falls
 * into one bin), samples of stacks per site (site.h); a block may be a sample
 * of both. All sums are unbiased (sampler_weigh); a free subtracts from the
 * live sums just what its allocation added.
 *
 * The table of live samples grows and shrinks with them, and is bounded. When
 * it is full it is thinned: every entry stays with the chance that it would
 * have had at twice its interval, which leaves the sums unbiased; first the
 * histogram's, the stacks' only where they fill half of the table.
 *
 * One lock; any thread; errno is kept. Below the heap: uses vm only.
 */
#ifndef LIBHAKMEM_PROFILE_H
#define LIBHAKMEM_PROFILE_H

#include "libhakmem/base/lock.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/profile/site.h"
#include "libhakmem/memory/sizeclass.h"
#include "proto/bins.h"

#define PROFILE_CELLS (SIZECLASS_MAX + BINS_COUNT)

/* Where a cell lies, */
struct profile_place {
	uint16_t class;
	uint16_t bin;
};

/* and the sums of its samples. */
struct profile_cell {
	uint64_t samples, live_samples;
	double objects, objects_var, bytes;
	double live_objects, live_objects_var, live_bytes;
};

/* A request that was drawn. Who allocated it is only there for the stacks:
 * profile fills in class and weight. */
struct profile_sample {
	size_t bytes;
	unsigned class; /* SITE_CLASS_LARGE: no sample of the histogram */
	struct sampler_split intervals;
	struct site_sample who;
};

/* Enumerates the cells of the size classes in force. */
void profile_init(uint64_t random);

/* Remembers a sample whose block is at `block`. False when there is no room for
 * it; it counts as a request all the same. */
bool profile_add(const void *block, struct profile_sample *sample);

/* Counts a sample whose block cannot have the sampled bit. */
void profile_count(struct profile_sample *sample);

/* Forgets a sampled block that is being freed; false when it was thinned out
 * before. The time is asked for only where a stack's lifetime needs it. */
bool profile_remove(const void *block, uint64_t (*clock_ns)(void));

/* Where cell `index` of profile_cells() lies. */
struct profile_place profile_place(unsigned index);

/* Copies the sums of cell `index` to `out`; false from the first one on behind
 * which there was never a sample. */
bool profile_cell(unsigned index, struct profile_cell *out);

unsigned profile_cells(void);
uint64_t profile_live_samples(void);
uint64_t profile_untracked(void);
size_t profile_bytes(void); /* of the table of live samples */

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock profile_lock;

#endif
