/*
 * Spans: runs of units, taken and given back; free memory returned to the
 * system. Free runs are clean (never touched or purged: they read as zeros) or
 * dirty; neighbors of the same kind are merged. One lock; memory is purged
 * outside it.
 *
 * Ticks are counted by the caller (thread.h); a run stays dirty for at least
 * one whole tick before span_purge takes it.
 */
#ifndef LIBHAKMEM_SPAN_H
#define LIBHAKMEM_SPAN_H

#include "libhakmem/base/lock.h"
#include "libhakmem/memory/arena.h"

/* A span of `units` units, state UNIT_NONE, `units` set; `*zeroed` (may be
 * NULL) tells whether its memory reads as zeros. NULL when there is none. */
struct unit *span_alloc(enum arena_zone zone, size_t units, bool *zeroed);

/* The same where all is free up to the end of the zone: there span_extend has
 * the rest of the zone before it. */
struct unit *span_alloc_last(enum arena_zone zone, size_t units);

/* Gives a span back; its states are cleared here. */
void span_free(struct unit *span);

/* Makes a span longer by the free memory behind it, up to `units`; false, and
 * nothing changes, when that is short. */
bool span_extend(struct unit *span, size_t units);

/* Makes a span shorter; the rest becomes a free run. */
void span_shrink(struct unit *span, size_t units);

/* Returns to the system what was dirty before `tick`; bytes returned. */
size_t span_purge(uint32_t tick);

/* Returns everything that is free. */
size_t span_purge_all(void);

/* Returns everything that is free, and the address space of the free ends of
 * both zones. */
void span_release_ends(void);

/* Starts a new tick. */
void span_set_tick(uint32_t tick);

/* Bytes of free runs that still hold memory. */
size_t span_dirty_bytes(void);

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock span_lock;

#endif
