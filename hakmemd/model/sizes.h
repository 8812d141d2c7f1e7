/*
 * The size histogram of one process, from its exact counts per class and its
 * samples per cell (post-stratification): a class that lies in one bin is
 * exact; else the class's exact total is split by the samples of its cells.
 *
 *   share of bin b   s = W_b / W, W the unbiased objects of the class's cells
 *   requests         T s, rounded so that the bins add up to T
 *   standard error   T sqrt(((1-s)^2 V_b + s^2 (V - V_b)) / W^2), with half a
 *                    mean sample more on either side: few samples know less
 *                    than their scatter says
 *   no sample        T by the number of sizes, standard error T; a size that
 *                    has a class of its own is not counted
 *
 * Pure. Main thread only.
 */
#ifndef HAKMEMD_SIZES_H
#define HAKMEMD_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "proto/bins.h"
#include "proto/hakmem.pb-c.h"

struct sizes_row {
	uint64_t low_bytes, high_bytes; /* of the bin, inclusive */
	uint64_t requests, requested_bytes, reserved_bytes;
	uint64_t live_objects, live_bytes;
	double requests_stderr; /* 0 = exact */
};

/*
 * Fills `rows` with the bins that were ever used, ascending; returns how many.
 * Both messages have passed the checks of check.h. What does not fit in 64 bits
 * stays at the largest value.
 */
size_t sizes_compute(const Hakmem__Hello *hello, const Hakmem__State *state,
		     struct sizes_row rows[BINS_COUNT]);

/* Allocations and live blocks of class `index`; 0 where a column is absent. */
uint64_t sizes_class_allocs(const Hakmem__State *state, size_t index);
uint64_t sizes_class_live(const Hakmem__State *state, size_t index);

#endif
