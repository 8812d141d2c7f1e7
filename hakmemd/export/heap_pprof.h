/*
 * A heap profile for pprof and everything that reads its files: profile.proto,
 * gzipped. Sample types alloc_objects, alloc_space, inuse_objects, inuse_space;
 * with the sample "peak" the in-use columns hold the heap at its highest. All
 * values are unbiased already, whole numbers whose columns add up.
 */
#ifndef HAKMEMD_HEAP_PPROF_H
#define HAKMEMD_HEAP_PPROF_H

#include "hakmemd/export/heap_profile.h"

/* False when memory is short. */
bool heap_pprof(const struct heap_profile *profile, struct buf *out);

#endif
