/*
 * DWARF: the unwinding descriptions of modules, read by libunwind, whose only
 * user this is. Its remote interface is driven on our own process through
 * accessors that read nothing but what the caller lets them and mapped segments
 * of the module at hand; its local interface would take the loader's locks,
 * write to descriptors and trust any address.
 *
 * libunwind is loaded by name and privately: as a dependency its symbols would
 * take over the program's C++ exceptions.
 */
#ifndef LIBHAKMEM_DWARF_H
#define LIBHAKMEM_DWARF_H

#include "libhakmem/unwind/rule.h"

/* A frame of a stack, innermost part of what a step changes. */
struct dwarf_frame {
	uintptr_t code;	 /* inside the call that is under way, never past it */
	bool exact;	 /* no call: a signal cut in just before `code` */
	uint32_t module; /* that `code` is in */
	uintptr_t sp;
	uintptr_t fp;  /* its value, */
	bool fp_saved; /* or the place where it was saved */
};

/* How a step may read: a word of the stack; the frame pointer. */
struct dwarf_reader {
	bool (*stack)(void *arg, uintptr_t address, uint64_t *value);
	bool (*fp)(void *arg, uint64_t *value);
	void *arg;
};

/* Loads libunwind. In a safe context, once; false without it. */
bool dwarf_start(void);

/* To the caller of a frame, whose pc is left in *pc: 1, 0 at the end of the
 * stack, below 0 when it is lost; *signal says that this was the frame that the
 * kernel makes for a handler. Only code, sp and fp of `frame` become the
 * caller's. */
int dwarf_step(struct dwarf_frame *frame, const struct dwarf_reader *reader,
	       uintptr_t *pc, bool *signal);

/* Makes libunwind forget what it knows of code. Any thread. */
void dwarf_flush(void);

/* Turns libunwind's cache off or on: for measuring. */
void dwarf_set_cache(bool on);

/*
 * Runs a function on another stack, which ends at `top`, with all signals
 * blocked: the program's may be as small as a signal stack.
 */
void dwarf_call_on(void *top, void (*run)(void *), void *arg);

#endif
