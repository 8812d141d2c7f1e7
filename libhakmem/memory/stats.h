/*
 * Process counters: the figures that slow paths count as they go. Those that a
 * thread cache, a slab or a lock already keeps are put together when a snapshot
 * is made (stream/snapshot), and stay 0 here.
 */
#ifndef LIBHAKMEM_STATS_H
#define LIBHAKMEM_STATS_H

#include "libhakmem/base/report.h"
#include "libhakmem/base/util.h"
#include "proto/bins.h"
#include "proto/figures.h"

/* Large blocks of one histogram bin. What lives is the difference; read what
 * was freed first, and it is never below 0. */
struct stats_bin {
	uint64_t requests;
	uint64_t requested_bytes;
	uint64_t reserved_bytes;
	uint64_t frees;
	uint64_t freed_bytes; /* reserved */
};

/* Of all bins. */
struct stats_large {
	uint64_t allocs;
	uint64_t frees;
	uint64_t live_bytes; /* reserved */
};

struct stats {
	uint64_t figures[FIGURES];
	uint64_t aligned_1024;	/* aligned requests counted in the 1024 class */
	uint64_t mapped_blocks; /* now, outside the arena */
	struct stats_bin large[BINS_COUNT];
};

extern HIDDEN struct stats stats;

/* Counts; any thread. Only gauges go down. */
static inline void stats_add(enum figure figure, uint64_t n)
{
	count64(&stats.figures[figure], n);
}

static inline void stats_sub(enum figure figure, uint64_t n)
{
	uncount64(&stats.figures[figure], n);
}

static inline uint64_t stats_get(enum figure figure)
{
	return peek64(&stats.figures[figure]);
}

/* Counts a large block of `requested` bytes that occupies `reserved`. */
void stats_large_alloc(size_t requested, size_t reserved);
void stats_large_free(size_t requested, size_t reserved);

struct stats_large stats_large(void);

/* The counters of the bin of `requested`. */
struct stats_bin *stats_bin(size_t requested);

#endif
