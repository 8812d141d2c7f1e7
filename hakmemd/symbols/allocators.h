/*
 * Functions that allocate for others, one table of names: whoever asks what
 * code holds memory wants their callers. Pure. Any thread.
 */
#ifndef HAKMEMD_ALLOCATORS_H
#define HAKMEMD_ALLOCATORS_H

#include <stdbool.h>

/* A function's name, demangled; arguments may follow it. */
bool allocators_function(const char *name);

/* A module's path: that of our own library. */
bool allocators_module(const char *path);

#endif
