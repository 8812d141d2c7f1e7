/*
 * The memo: stacks told from memory, exactly. A stack follows from the
 * registers at its leaf, the words that were read to unwind it and the modules
 * it passes through. An entry holds all of these; when the same caller comes
 * again with the same stack pointer and every one of them is as it was, then so
 * is the stack.
 *
 * The return addresses are among the words, so an entry is little more than the
 * words, their places and their values:
 *
 *   at    bits 31..5  (address - sp) / 8
 *         bits  4..2  index of the module that a frame is in
 *         bit      1  MEMO_EXACT: not a return address, a signal cut in there
 *         bit      0  MEMO_PC: the word is the next frame
 *
 * Sets of up to 12 entries share a pool of words each; the least recently used
 * make room. More sets come into use as entries are pushed out, up to a bound.
 * An owner per set (gate.h) has it for nanoseconds and never while unwinding;
 * who finds it taken does without.
 */
#ifndef LIBHAKMEM_MEMO_H
#define LIBHAKMEM_MEMO_H

#include "libhakmem/base/util.h"

#define UNWIND_DEPTH 128u

/* A stack as it is told; unwind.h says how to get one. */
struct unwind_stack {
	uint32_t depth; /* frames in pc and module; 0 when site is set */
	uint32_t site;	/* what unwind_name_site said of this very stack, else
			 * 0; the frames are then not filled in */
	bool truncated; /* it goes on, but not here: too deep, or unreadable */
	bool warm;
	uint32_t cost_ns; /* what it took; 0 for most warm ones, which are
			   * measured now and then with that much more weight */
	uint64_t memo;	  /* for unwind_name_site */

	/* Leaf first; as proto/hakmem.proto wants them: the first lies inside
	 * the call itself, the others are return addresses (a frame that a
	 * signal interrupted is given as if it were one: its pc + 1). */
	uintptr_t pc[UNWIND_DEPTH];
	uint32_t module[UNWIND_DEPTH]; /* module_of each, MODULE_NONE if none */
};

#define MEMO_WORDS   256u /* the most that an entry may hold */
#define MEMO_MODULES 6u	  /* the most modules that it may pass through */
#define MEMO_PC	     1u
#define MEMO_EXACT   2u

struct memo_key {
	uintptr_t pc, sp, fp; /* of the leaf, the pc inside the call */
	uintptr_t high;	      /* where its stack ends */
};

/* All that a stack follows from. */
struct memo_trace {
	struct memo_key key;
	bool fp_matters;
	bool truncated;
	uint32_t words, modules;
	uint32_t leaf; /* index of the leaf's module */
	uint32_t module[MEMO_MODULES];
	uintptr_t inside[MEMO_MODULES]; /* where module_of must still say so;
					 * 0: it always will */
	uint32_t at[MEMO_WORDS];
	uint64_t value[MEMO_WORDS];
};

/* Takes the first memory; false when there is none. Once. */
bool memo_start(void);

/* True: the stack is in `out`. It may be read from key->sp to key->high. */
bool memo_find(const struct memo_key *key, struct unwind_stack *out);

/* Remembers a stack and leaves in out->memo which one it is. */
void memo_store(const struct memo_trace *trace, struct unwind_stack *out);

/* Names an entry, if it is still there. */
void memo_name(uint64_t memo, uint32_t site);

/* Gives back the lock of a section that this thread has left by a jump. */
void memo_abandon(void);

/* No other thread is in a set. */
bool memo_is_idle(void);

/* Forgets all: for the child of a fork that could not wait. */
void memo_forget(void);

/* Sets in use. */
uint32_t memo_sets(void);

#endif
