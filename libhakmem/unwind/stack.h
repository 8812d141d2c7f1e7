/*
 * Stack ranges: which memory around a stack pointer may be read.
 *
 *   main     from what was ever in use to where the kernel put the arguments
 *   thread   what pthread_create gave it: noted by the thread itself before it
 *            runs anything else, because asking later (pthread_getattr_np)
 *            allocates and takes a lock that the asking program may hold
 *   other    coroutines, signal stacks, threads that came another way: the rest
 *            of the current page
 *
 * No system call, no lock. Any thread.
 */
#ifndef LIBHAKMEM_STACK_H
#define LIBHAKMEM_STACK_H

#include "libhakmem/base/util.h"

#include <pthread.h>

struct stack_range {
	uintptr_t low, high; /* readable: low <= address < high */
};

/* Learns where the main stack is. Once, from the constructor. */
void stack_start(void);

/* The range around `sp`, low being `sp` itself. */
struct stack_range stack_around(uintptr_t sp);

/* True on the main stack. */
bool stack_is_main(uintptr_t sp);

/* True when these 8 bytes lie on this thread's own stack or on the part of the
 * main stack known to be in use: what a signal stack leads back to. */
bool stack_holds(uintptr_t address);

/*
 * For pthread_create: what to run instead, so that the thread notes its stack
 * before it calls `*run` with `*arg`. Changes both, or neither when too many
 * threads are being made at once. If none came of it: stack_unwrap.
 */
void stack_wrap(const pthread_attr_t *attributes, void *(**run)(void *),
		void **arg);
void stack_unwrap(void *(*run)(void *), void *arg);

#endif
