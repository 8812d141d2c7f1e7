/*
 * Step rules: how to get from a place in the code to its caller, for the places
 * where that takes no more than adding and reading two words, which is nearly
 * all of them.
 *
 *   cfa     = (stack pointer or frame pointer) + a distance
 *   back    = the word below cfa
 *   caller's stack pointer = cfa, frame pointer = as it is, or a word below cfa
 *
 * Rules are proven, not guessed (dwarf_learn) and belong to a module; one that
 * may be unloaded has to be asked for each time (module_of).
 *
 * A table of fixed size in sets of 4, new ones push out old ones. Readers take
 * no lock; a writer that finds another at work gives up.
 */
#ifndef LIBHAKMEM_RULE_H
#define LIBHAKMEM_RULE_H

#include "libhakmem/util.h"

enum rule_base {
	RULE_HARD, /* libunwind has to be asked each time */
	RULE_SP,
	RULE_FP,
	RULE_END, /* nobody called this */
};

struct rule {
	enum rule_base base;
	uint32_t module; /* id */
	bool stays;	 /* the module is never unloaded */
	uint32_t cfa;	 /* distance, a multiple of 8 */
	uint32_t fp;	 /* how far below cfa it was saved, 0 if not */
};

#define RULE_DISTANCE_MAX (((UINT32_C(1) << 20) - 1) * 8)

/* Takes the memory; false when there is none. Once. */
bool rule_start(void);

/* The rule of the instruction at `code`; false when it is not known. */
bool rule_find(uintptr_t code, struct rule *out);

void rule_store(uintptr_t code, const struct rule *rule);

/* For the child of a fork that could not wait. */
void rule_forget(void);

#endif
