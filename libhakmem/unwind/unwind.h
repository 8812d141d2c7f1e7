/*
 * Unwinding: who called malloc, from inside malloc.
 *
 *   hit    the caller's address and stack pointer were seen before, and every
 * word that mattered then still has its value: the stack is in the stack cache
 *          (stackcache.h); tens of nanoseconds
 *   miss   frame by frame, by what the modules' call frame information says
 *          (walk.h), with reads that are bounded to this thread's stack and to
 *          mapped segments of modules; some 20 nanoseconds a frame, 10 times as
 *          much for an address in the code that is met for the first time
 *
 * What is too involved for our own reader is left to libunwind, which is loaded
 * by name, privately, only where that is safe and only when such code was met;
 * without it the stack ends there.
 *
 * The frames of this library are left out: a stack begins with the code that
 * called malloc. Never call with a lock of ours held. errno is kept.
 */
#ifndef LIBHAKMEM_UNWIND_H
#define LIBHAKMEM_UNWIND_H

#include "libhakmem/unwind/stackcache.h" /* struct unwind_stack */
#include "libhakmem/unwind/stack.h"

/*
 * The stack of whoever called into this library. False when there is none to
 * be had right now (a fork or an unload under way, called by libunwind itself
 * or from a signal handler that cut into an unwinding); that is counted and
 * says nothing else. Any thread; up to 1.6 KiB for `out`, which need not be
 * zeroed.
 */
bool unwind_here(struct unwind_stack *out);

/* The same from the frame whose address (__builtin_frame_address) is `frame`:
 * the stack begins with that frame's caller, whoever it is. */
bool unwind_from(const void *frame, struct unwind_stack *out);

/* The same, never from memory: for tests and measuring. */
bool unwind_afresh(const void *frame, struct unwind_stack *out);

/* Says which site (not 0) a stack just taken belongs to, so that its next
 * appearance carries the name instead of the frames. */
void unwind_name_site(const struct unwind_stack *stack, uint32_t site);

/* True while this thread is inside unwind_here: a sample taken then has no
 * stack, whoever asks. */
bool unwind_busy(void);

/*
 * Gets ready to take stacks. Once, in the constructor. libunwind may come
 * later, for it costs half a millisecond and 450 KiB, and hardly a program
 * needs it: once a stack has met a place that it is needed for, with the next
 * stack that code of the program itself asks for (not the loader or libc, whose
 * locks it may hold) while it has one thread, on the main stack; or before the
 * second thread is made.
 */
void unwind_arm(void);

/* Loads libunwind now, where dlopen is safe; tries once. False when there is
 * none, or before unwind_arm. */
bool unwind_load(void);

/* For pthread_create, before it is done. */
void unwind_before_thread(void);

/* Around dlclose: no stack passes through a module that may be going away, and
 * what libunwind remembers of it is forgotten. */
void unwind_unload_begin(void);
void unwind_unload_end(void);

/* Fork stages; see fork.h. The first of prepare: sampling pauses, unwindings
 * under way come to their end. They take no lock of ours meanwhile. */
void unwind_lock(void);
void unwind_unlock(void);
void unwind_reset(void);

/* Since the process started. */
struct unwind_counts {
	uint64_t hit, miss;
	uint64_t truncated; /* of both */
	uint64_t no_stack;  /* unwind_here said false */
	uint64_t ns;	    /* spent; hits by estimate */
};
void unwind_counts(struct unwind_counts *out);

#endif
