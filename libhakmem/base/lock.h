/*
 * Locks: a word each, a short spin, then the kernel's futex. Zero is unlocked,
 * so a lock needs no initialization. Never a cancellation point; errno is kept.
 *
 * The ranks are the lock order: a thread that holds a lock may take only locks
 * of a higher rank. Debug builds check it.
 */
#ifndef LIBHAKMEM_LOCK_H
#define LIBHAKMEM_LOCK_H

#include "libhakmem/base/util.h"

enum lock_rank {
	LOCK_INIT,    /* init: once */
	LOCK_PUBLISH, /* publish: the connection */
	LOCK_THREADS, /* thread: the list of thread caches */
	LOCK_CENTRAL, /* central: one class; never two at once but in fork */
	LOCK_PROFILE, /* profile: the table of live samples */
	LOCK_SITE,    /* site: stacks and what their samples say */
	LOCK_SPAN,    /* span: free runs and the unit descriptors */
	LOCK_MODULE,  /* module: the table of modules */
	LOCK_META,    /* meta: our own tables */
	LOCK_RANKS,
};

struct lock {
	uint32_t word;	/* 0 free, else the holder's thread id and a bit that
			 * says somebody waits */
	bool left_held; /* lock_fork_acquire met its own thread's */
};

void lock_acquire(struct lock *lock, enum lock_rank rank);
bool lock_try(struct lock *lock, enum lock_rank rank);
void lock_release(struct lock *lock, enum lock_rank rank);

/*
 * For the fork handlers. A fork in a signal handler may have cut into one of
 * our critical sections: a lock that this very thread holds is left as it is,
 * by both.
 */
void lock_fork_acquire(struct lock *lock, enum lock_rank rank);
void lock_fork_release(struct lock *lock, enum lock_rank rank);

/*
 * While a thread that holds every lock forks, handlers that were registered
 * before ours may allocate in it: from lock_exempt(true) to lock_exempt(false)
 * this thread's calls of the functions above do nothing and succeed.
 */
void lock_exempt(bool exempt);

/* In the child of a fork: makes a lock free whatever its state. */
void lock_reset(struct lock *lock);

/* Forgets who this thread is and which ranks it holds; for the child of a fork.
 */
void lock_reset_ranks(void);

#endif
