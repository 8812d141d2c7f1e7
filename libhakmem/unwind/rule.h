/*
 * Step rules: how to get from an address in the code to its caller, for the
 * places where that takes no more than adding and reading two or three words,
 * which is nearly all of them. `base` is the stack pointer or the frame
 * pointer.
 *
 *                     cfa                    back           frame pointer
 *   RULE_SP, RULE_FP  base + cfa             cfa - 8        cfa - fp
 *   ..._SP_AT _FP_AT  word at base + cfa     cfa - 8        base + fp
 *   RULE_SIGNAL       word at base + cfa     base + cfa + 8 base + fp
 *
 * `cfa` is the caller's stack pointer, `back` where the caller's address in the
 * code is, the last column where its frame pointer is if that was saved; else
 * it is as it was.
 *
 * Rules are what the module's descriptions say (cfi.h) and belong to a module;
 * one that may be unloaded has to be asked for each time (module_of).
 *
 * A table in sets of 3, of which more come into use as new ones push out old
 * ones. Readers take no lock; a writer that finds another at work gives up.
 */
#ifndef LIBHAKMEM_RULE_H
#define LIBHAKMEM_RULE_H

#include "libhakmem/base/util.h"

enum rule_base {
	RULE_DWARF, /* libunwind has to be asked each time */
	RULE_SP,
	RULE_FP,
	RULE_SP_AT,  /* the cfa was kept on the stack: */
	RULE_FP_AT,  /* that is how functions align theirs */
	RULE_SIGNAL, /* the frame that the kernel makes for a handler, by sp */
	RULE_END,    /* nobody called this */
	RULE_LOST,   /* needs what nobody knows: another register */
	RULE_GUESS,  /* no description: nothing but the frame pointer to go by
		      */
};

struct rule {
	enum rule_base base;
	uint32_t module; /* id */
	bool stays;	 /* the module is never unloaded */
	bool saves_fp;
	int32_t cfa, fp; /* distances, multiples of 8 */
};

#define RULE_DISTANCE_MAX (((INT32_C(1) << 19) - 1) << 3)

/* Takes the memory; false when there is none. Once. */
bool rule_start(void);

/* The rule of the instruction at `code`; false when it is not known. */
bool rule_find(uintptr_t code, struct rule *out);

void rule_store(uintptr_t code, const struct rule *rule);

/* For the child of a fork that could not wait. */
void rule_forget(void);

#endif
