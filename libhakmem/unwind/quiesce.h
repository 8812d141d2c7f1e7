/*
 * Quiescence: how fork and unloading wait until nobody unwinds.
 *
 * Whoever unwinds holds a section, a word of its own: entering takes it (tries,
 * never waits), leaving gives it back. Who enters then looks whether quiescence
 * has begun; who begins it then looks at all sections. So one of them sees the
 * other, and no lock is held while unwinding.
 */
#ifndef LIBHAKMEM_QUIESCE_H
#define LIBHAKMEM_QUIESCE_H

#include "libhakmem/base/util.h"

/* Any thread. False: somebody has it, or nobody is let in. */
bool quiesce_enter(uintptr_t *owner);
void quiesce_leave(uintptr_t *owner);

bool quiesce_is_mine(const uintptr_t *owner);

/* No other thread has it. */
bool quiesce_is_clear(const uintptr_t *owner);

/* Closing counts: it is open again after as many openings. In the child of a
 * fork quiesce_reset opens it. */
void quiesce_begin(void);
void quiesce_end(void);
void quiesce_reset(void);

/* A module may be going away: counted in the same way, and seen by all who
 * take an owner after quiescence began and ended. */
void quiesce_unload_begin(void);
void quiesce_unload_end(void);
bool quiesce_is_unloading(void);

#endif
