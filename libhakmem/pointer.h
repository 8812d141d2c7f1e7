/*
 * Pointers: what one that the program hands in points to, where the hit of free
 * does not tell: for the slow paths of free, for realloc and
 * malloc_usable_size. Nothing is read that is not known to be readable, and
 * nothing is believed that can be checked. Any thread.
 */
#ifndef LIBHAKMEM_POINTER_H
#define LIBHAKMEM_POINTER_H

#include "libhakmem/util.h"

/* What realloc and malloc_usable_size know of a valid block. */
struct pointer {
	size_t usable;
	uint8_t code; /* HEADER_NONE: not a block of ours */
};

struct pointer pointer_find(void *ptr);

/* The block around an aligned pointer, its own code restored if so wished; NULL
 * when the header in front of the pointer is not right. */
void *pointer_base(void *ptr, bool restore);

/* A pointer into the arena whose code says large: is it a large block? */
bool pointer_is_span(void *ptr);

/* A pointer outside the arena: a mapping of ours, or foreign? */
bool pointer_is_mapped(void *ptr);

#endif
