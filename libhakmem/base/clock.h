/*
 * The clocks that the library reads, in nanoseconds. Any thread; errno is kept.
 */
#ifndef LIBHAKMEM_CLOCK_H
#define LIBHAKMEM_CLOCK_H

#include "libhakmem/base/util.h"

#define CLOCK_SECOND UINT64_C(1000000000)

/* CLOCK_MONOTONIC. */
uint64_t clock_now(void);

/* The same as of the last timer interrupt: some milliseconds late, and far
 * cheaper where the clock is not read in user space. */
uint64_t clock_coarse(void);

/* CPU time of the calling thread. A system call. */
uint64_t clock_thread(void);

#endif
