/*
 * What a function is to the code that holds memory, by its name, from one table
 * (allocators.def): whoever asks who owns a block wants the caller of those
 * that allocate for others. Pure. Any thread.
 */
#ifndef HAKMEMD_ALLOCATORS_H
#define HAKMEMD_ALLOCATORS_H

#include <stdbool.h>

enum allocators_kind {
	ALLOCATORS_OWNS,
	ALLOCATORS_ALLOCATES, /* for its caller */
	ALLOCATORS_BEGINS,    /* a thread or the program: it has no caller */
};

/* A function's name, demangled; arguments may follow it. */
enum allocators_kind allocators_kind(const char *function);

/* A module's path: that of our own library. */
bool allocators_module(const char *path);

#endif
