/*
 * Process counters: figures that no row, slab or lock already keeps. Every
 * field only grows unless it says "now"; written with count64 from slow paths
 * on any thread, read with peek64.
 */
#ifndef LIBHAKMEM_STATS_H
#define LIBHAKMEM_STATS_H

#include "libhakmem/base/report.h"
#include "libhakmem/base/util.h"
#include "proto/bins.h"

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
	uint64_t rejects[REPORT_KINDS];
	uint64_t page_boundary; /* frees whose header lies on the page before */
	uint64_t mincore;	/* of these, the kernel was asked */
	uint64_t aligned_1024;	/* aligned requests counted in the 1024 class */
	uint64_t fallback_1024;
	uint64_t mapped_bytes;	/* now, outside the arena */
	uint64_t mapped_blocks; /* now */
	uint64_t returned_bytes;
	uint64_t slabs; /* now */
	struct stats_bin large[BINS_COUNT];
};

extern HIDDEN struct stats stats;

/* Counts a large block of `requested` bytes that occupies `reserved`. */
void stats_large_alloc(size_t requested, size_t reserved);
void stats_large_free(size_t requested, size_t reserved);

struct stats_large stats_large(void);

/* The counters of the bin of `requested`. */
struct stats_bin *stats_bin(size_t requested);

#endif
