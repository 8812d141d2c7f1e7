/*
 * Fork, in stages: prepare takes every lock in rank order, from one table, so
 * that no thread that will be missing in the child is inside one of them; the
 * parent releases them; the child resets them and drops what belonged to the
 * lost threads.
 *
 * glibc runs these handlers before it takes the lock of its list of streams,
 * while another thread may flush all streams holding that lock and allocate.
 * So prepare takes that lock first, as glibc's own malloc does.
 */
#ifndef LIBHAKMEM_FORK_H
#define LIBHAKMEM_FORK_H

#include "libhakmem/base/lock.h"

/* The locks of one rank, of which most have one; NULL behind the last. */
struct lock *fork_lock(enum lock_rank rank, unsigned i);

/* Registers the handlers. Once, as early as possible. */
void fork_watch(void);

#endif
