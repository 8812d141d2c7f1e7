/*
 * The stack cache: call stacks seen before, found again without a walk,
 * exactly. A stack follows from the registers at its leaf, the words that were
 * read to unwind it and the modules it passes through. An entry holds all of
 * these; when the same caller comes again with the same stack pointer and every
 * one of them is as it was, then so is the stack.
 *
 * The return addresses are among the words, so an entry is little more than the
 * words, their addresses and their values:
 *
 *   at    bits 31..5  (address - sp) / 8
 *         bits  4..2  index of the module that a frame is in
 *         bit      1  STACKCACHE_EXACT: no return address, a signal cut in
 *         bit      0  STACKCACHE_PC: the word is the next frame
 *
 * Sets of up to 12 entries share a pool of words each; the least recently used
 * entries go first. More sets come into use as entries are pushed out, up to a
 * bound. Each set is a section (quiesce.h), held for nanoseconds and never
 * while unwinding; who finds it taken does without.
 */
#ifndef LIBHAKMEM_STACKCACHE_H
#define LIBHAKMEM_STACKCACHE_H

#include "libhakmem/base/util.h"

#define UNWIND_DEPTH 128u

/* A stack as it is told; unwind.h says how to get one. */
struct unwind_stack {
	uint32_t depth; /* frames in pc and module; 0 when site is set */
	uint32_t site;	/* what unwind_name_site said of this very stack, else
			 * 0; the frames are then not filled in */
	bool truncated; /* it goes on, but not here: too deep, or unreadable */
	bool hit;
	uint32_t cost_ns; /* what it took; 0 for most hits, which are
			   * measured now and then with that much more weight */
	uint64_t cached;  /* for unwind_name_site */

	/* Leaf first; as proto/hakmem.proto wants them: the first lies inside
	 * the call itself, the others are return addresses (a frame that a
	 * signal interrupted is given as if it were one: its pc + 1). */
	uintptr_t pc[UNWIND_DEPTH];
	uint32_t module[UNWIND_DEPTH]; /* module_of each, MODULE_NONE if none */
};

#define STACKCACHE_WORDS   256u /* the most that an entry may hold */
#define STACKCACHE_MODULES 6u	/* the most modules that it may pass through */
#define STACKCACHE_PC	   1u
#define STACKCACHE_EXACT   2u

struct stackcache_key {
	uintptr_t pc, sp, fp; /* of the leaf, the pc inside the call */
	uintptr_t high;	      /* where its stack ends */
};

/* All that a stack follows from. */
struct stackcache_trace {
	struct stackcache_key key;
	bool fp_matters;
	bool truncated;
	uint32_t words, modules;
	uint32_t leaf; /* index of the leaf's module */
	uint32_t module[STACKCACHE_MODULES];
	uintptr_t inside[STACKCACHE_MODULES]; /* where module_of must still say
					       * so; 0: it always will */
	uint32_t at[STACKCACHE_WORDS];
	uint64_t value[STACKCACHE_WORDS];
};

/* Takes the first memory; false when there is none. Once. */
bool stackcache_start(void);

/* True: the stack is in `out`. It may be read from key->sp to key->high. */
bool stackcache_find(const struct stackcache_key *key,
		     struct unwind_stack *out);

/* Remembers a stack and leaves in out->stack cache which one it is. */
void stackcache_store(const struct stackcache_trace *trace,
		      struct unwind_stack *out);

/* Names an entry, if it is still there. */
void stackcache_name(uint64_t cached, uint32_t site);

/* Gives back the lock of a section that this thread has left by a jump. */
void stackcache_abandon(void);

/* No other thread is in a set. */
bool stackcache_is_idle(void);

/* Forgets all: for the child of a fork that could not wait. */
void stackcache_forget(void);

/* Sets in use. */
uint32_t stackcache_sets(void);

#endif
