/*
 * Walks: a stack unwound step by step, and the only user of libunwind. Its
 * remote interface is driven on our own process through accessors that read
 * nothing but this stack and mapped segments of modules; its local interface
 * would take the loader's locks, write to descriptors and trust any address.
 *
 * libunwind is loaded by name and privately: as a dependency its symbols would
 * take over the program's C++ exceptions. A walk runs on a stack of ours, with
 * signals blocked: the program's may be as small as a signal stack.
 *
 * A few slots, each with a stack and the trace of one walk; when all are taken
 * there is no stack.
 */
#ifndef LIBHAKMEM_WALK_H
#define LIBHAKMEM_WALK_H

#include "libhakmem/memo.h"
#include "libhakmem/stack.h"

/* Loads libunwind. In a safe context, once; false without it. */
bool walk_start(void);

/*
 * Unwinds from the leaf described by `key`, whose stack is key->sp to
 * key->high, into `out`, and remembers it (memo.h) when that can be done
 * exactly and `keep` says so. With `stop`, the stack ends where a module begins
 * that may be unloaded. False when there is no stack to be had.
 */
bool walk(const struct memo_key *key, bool keep, bool stop,
	  struct unwind_stack *out);

/* Makes libunwind forget what it knows of code. Any thread. */
void walk_flush(void);

/* Which of libunwind's caches: for measuring. */
enum walk_cache { WALK_CACHE_NONE, WALK_CACHE_GLOBAL };
void walk_set_cache(enum walk_cache cache);

#endif
