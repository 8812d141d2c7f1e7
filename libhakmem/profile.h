/*
 * The profile: what samples tell. Each sampled small block is remembered until
 * it is freed, so the cells know both what was requested and what lives.
 *
 * Sums per cell (the part of a class in one histogram bin), unbiased: with
 * p = sampler_chance(Z, R), objects += 1/p, variance += (1-p)/p^2,
 * bytes += Z/p; a free subtracts from the live sums just what its allocation
 * added. The table of live samples is bounded; when it is full every entry is
 * kept with the chance that a doubled R would have given it (thinning), which
 * leaves the sums unbiased.
 *
 * One lock; any thread; errno is kept. Below the heap: uses meta only.
 */
#ifndef LIBHAKMEM_PROFILE_H
#define LIBHAKMEM_PROFILE_H

#include "libhakmem/sizeclass.h"
#include "proto/bins.h"

#define PROFILE_CELLS (SIZECLASS_MAX + BINS_COUNT)

struct profile_cell {
	uint16_t class;
	uint16_t bin;
	uint64_t samples;
	double objects, objects_var, bytes;
	double live_objects, live_objects_var, live_bytes;
};

/* Enumerates the cells of the size classes in force. */
void profile_init(uint64_t random);

/* Remembers a sample of `bytes` of `class` at `block`, drawn with `mean`. False
 * when it could not be remembered; it counts as a request all the same. */
bool profile_add(const void *block, size_t bytes, unsigned class,
		 uint64_t mean);

/* Counts a sample whose block cannot be marked. */
void profile_count(size_t bytes, unsigned class, uint64_t mean);

/* Forgets a sampled block that is being freed; false when it was thinned out
 * before. */
bool profile_remove(const void *block);

/* Copies cell `index` to `out`; false past the end. */
bool profile_cell(unsigned index, struct profile_cell *out);

unsigned profile_cells(void);
uint64_t profile_live_samples(void);
uint64_t profile_untracked(void);

/* Fork stages; see fork.h. */
void profile_lock(void);
void profile_unlock(void);
void profile_reset(void);

#endif
