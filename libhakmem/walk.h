/*
 * Walks: a stack unwound frame by frame, by a rule where the code is known
 * (rule.h), else with libunwind (dwarf.h), and put down word by word so that it
 * can be told from memory the next time (memo.h). No address is trusted: reads
 * stay on this thread's stack and in mapped segments of modules, and a stack
 * ends where it stops making sense.
 *
 * A few slots, each with a stack for libunwind and the trace of one walk; when
 * all are taken there is no stack to be had.
 */
#ifndef LIBHAKMEM_WALK_H
#define LIBHAKMEM_WALK_H

#include "libhakmem/memo.h"

/* Takes the memory and wakes libunwind up. In a safe context, once. */
bool walk_start(void);

/*
 * Unwinds from the leaf described by `key`, whose stack is key->sp to
 * key->high, into `out`. False when there is no stack to be had. While a module
 * may be going away, the stack ends at the first that may be unloaded, and is
 * not remembered.
 */
bool walk(const struct memo_key *key, unsigned how, struct unwind_stack *out);
#define WALK_KEEP  1u /* remember it, if that can be done exactly */
#define WALK_PLAIN 2u /* by libunwind alone, without rules */

/* Gives back the slot of a walk that this thread has left by a jump. */
void walk_abandon(void);

/* No other thread walks. */
bool walk_is_idle(void);

/* For the child of a fork that could not wait. */
void walk_forget(void);

/* Turns the rules off or on: for measuring. */
void walk_set_rules(bool on);

#endif
