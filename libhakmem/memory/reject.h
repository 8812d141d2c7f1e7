/*
 * Rejects: what is done about a pointer that lookup found to be no live block.
 * It is counted by kind and said in one line; then HAKMEM_CORRUPTION decides:
 * abort (the default), or carry on, where the first thousand are said. A
 * foreign pointer, which some other allocator may own, is always only counted.
 * The block is left alone. Any thread.
 */
#ifndef LIBHAKMEM_REJECT_H
#define LIBHAKMEM_REJECT_H

#include "libhakmem/memory/lookup.h"

/* Counts and reports. */
void reject(const void *ptr, const struct lookup *found);

/* A function that is called before an abort, in whatever state the heap and its
 * locks are: to tell what was counted. One, set once. */
void reject_set_last_words(void (*say)(void));

/* Counts only. */
void reject_count(const struct lookup *found);

#endif
