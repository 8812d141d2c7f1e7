/*
 * Boot: makes the allocator ready at the first call, whoever makes it and
 * however early: before constructors, before main, in a program's own
 * pthread_once. Nothing here allocates from the heap.
 */
#ifndef LIBHAKMEM_BOOT_H
#define LIBHAKMEM_BOOT_H

#include "libhakmem/base/lock.h"
#include "libhakmem/base/util.h"

/* Ready, or made so now; false when there is no memory at all. Any thread. */
bool boot_ready(void);

/* When boot ran, and its random bits. */
uint64_t boot_time_ns(void);
uint64_t boot_random(void);

/* True when the environment was not there yet; conf then has defaults. */
bool boot_was_early(void);

/* Sets the intervals of sampling from conf; again when it was loaded late. */
void boot_sampling(void);

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock boot_lock;

#endif
