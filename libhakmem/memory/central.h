/*
 * Central: what the threads share for one class. First the transfer cache,
 * whole chains that one thread flushed and another can take without touching
 * the blocks; behind it the partial slabs.
 *
 * One lock a class. Any thread.
 */
#ifndef LIBHAKMEM_CENTRAL_H
#define LIBHAKMEM_CENTRAL_H

#include "libhakmem/base/lock.h"
#include "libhakmem/memory/slab.h"

/* The most blocks of `class` that come from its slabs, or go to them, at a
 * time. */
uint32_t central_batch(unsigned class);

/* A chain of 1 .. 2 * `want` blocks of `class` (a flushed chain comes as it
 * is, unless it is longer); count 0 when there is no memory. */
struct chain central_fetch(unsigned class, uint32_t want);

/* Takes a chain back: as it is, or else its first batch into the slabs. Returns
 * what is left. */
struct chain central_stash(unsigned class, struct chain chain);

/* Puts a chain straight back to its slabs. */
void central_release(unsigned class, struct chain chain);

/* One block, without a row. */
void central_release_one(unsigned class, struct block *block);

/* Gives chains that were idle since the last call back to their slabs; with
 * `all` every chain. */
void central_drain(unsigned class, bool all);

/* Figures for the snapshot. */
uint64_t central_slabs(unsigned class);
uint64_t central_cached_blocks(unsigned class);
uint64_t central_refills(void);
uint64_t central_flushes(void);

/* Fork takes them with all others; see fork.h. */
struct lock *central_lock(unsigned class);

#endif
