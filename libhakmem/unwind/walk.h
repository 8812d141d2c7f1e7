/*
 * Walks: a stack unwound frame by frame, by the rule of each address in the
 * code (rule.h, learned by cfi.h when it is first met), where there can be none
 * with libunwind (dwarf.h), and put down word by word so that it can be found
 * in the stack cache the next time (stackcache.h). No address is trusted: reads
 * stay on this thread's stack and in mapped segments of modules, and a stack
 * ends where it stops making sense.
 *
 * A few slots, each with the trace of one walk; when all are taken there is no
 * stack to be had.
 */
#ifndef LIBHAKMEM_WALK_H
#define LIBHAKMEM_WALK_H

#include "libhakmem/unwind/stackcache.h"

/* Takes the memory; false when there is none. Once. */
bool walk_start(void);

/* A walk has met a place that only libunwind knows how to leave, and ended
 * there because it is not loaded. True from the start in debug builds. */
bool walk_needs_dwarf(void);

/* Loads libunwind, with a stack for each slot, where dlopen is safe; tries
 * once. False: there is none. */
bool walk_load(void);

/*
 * Unwinds from the leaf described by `key`, whose stack is key->sp to
 * key->high, into `out`. False when there is no stack to be had. While a module
 * may be going away, the stack ends at the first that may be unloaded, and is
 * not remembered.
 */
bool walk(const struct stackcache_key *key, unsigned how,
	  struct unwind_stack *out);
#define WALK_KEEP  1u /* remember it, if that can be done exactly */
#define WALK_PLAIN 2u /* by libunwind alone, which must be loaded */

/* Gives back the slot of a walk that this thread has left by a jump. */
void walk_abandon(void);

/* No other thread walks. */
bool walk_is_idle(void);

/* For the child of a fork that could not wait. */
void walk_forget(void);

/* Turns the rules off or on: for measuring. */
void walk_set_rules(bool on);

#endif
