/*
 * The set of distinct stacks: a stack in, its number out, the same for the life
 * of the process. Fixed memory: at most STACKSET_MAX stacks and
 * STACKSET_FRAMES_MAX frames, taken from meta in steps, never moved and never
 * freed, so what stackset_get points to stays readable without a lock.
 *
 * The caller holds a lock (site). No heap.
 */
#ifndef LIBHAKMEM_STACKSET_H
#define LIBHAKMEM_STACKSET_H

#include "libhakmem/base/util.h"

#define STACKSET_FIRST	    3u /* lower numbers are site's own */
#define STACKSET_MAX	    16384u
#define STACKSET_FRAMES_MAX (512u * 1024u)

/* Leaf first; a return address and the module it lies in (0: none). */
struct frames {
	const uint64_t *pcs;
	const uint32_t *modules;
	uint32_t count;
	bool truncated;
};

/* The number of a stack, which is copied when it is new. 0: no room. */
uint32_t stackset_intern(const struct frames *stack);

/* The stack of a number that was handed out. */
struct frames stackset_get(uint32_t number);

/* Numbers handed out are STACKSET_FIRST .. stackset_end() - 1. */
uint32_t stackset_end(void);

#endif
