/*
 * The gate: what unwinding owns while it works, and how to wait until nobody
 * works. An owner is a word of its own that a thread takes (tries, never waits)
 * and gives back. Who takes it looks afterwards whether the gate is closed; who
 * closes the gate looks afterwards at all owners: one of them sees the other.
 */
#ifndef LIBHAKMEM_GATE_H
#define LIBHAKMEM_GATE_H

#include "libhakmem/base/util.h"

/* Any thread. False: somebody has it, or the gate is closed. */
bool gate_take(uintptr_t *owner);
void gate_give(uintptr_t *owner);

bool gate_is_mine(const uintptr_t *owner);

/* No other thread has it. */
bool gate_is_clear(const uintptr_t *owner);

/* Closing counts: it is open again after as many openings. In the child of a
 * fork gate_reset opens it. */
void gate_close(void);
void gate_open(void);
void gate_reset(void);

/* A module may be going away: counted in the same way, and seen by all who
 * take an owner after the gate was closed and opened again. */
void gate_unload_begin(void);
void gate_unload_end(void);
bool gate_is_unloading(void);

#endif
