/*
 * Threads: the birth and end of thread caches, the tick, and sums over all
 * caches. A cache is made at a thread's first miss and recycled at its exit.
 */
#ifndef LIBHAKMEM_THREAD_H
#define LIBHAKMEM_THREAD_H

#include "libhakmem/base/lock.h"
#include "libhakmem/heap/cache.h"

/* This thread's cache, made if need be; NULL when the thread has ended or
 * there is no memory: the caller then works without one. */
struct cache *thread_cache(void);

/* Makes the row of a class ready for use, if it is not. */
void thread_begin_row_now(struct cache *cache, unsigned class);
static inline void thread_begin_row(struct cache *cache, unsigned class)
{
	if (unlikely(!cache_has_begun(cache, class)))
		thread_begin_row_now(cache, class);
}

/* To be called at the start of every miss, with nothing computed yet: looks at
 * the clock now and then, runs the tick and the hook when they are due. */
void thread_poll(struct cache *cache);

/* Runs the tick now if it is due; for a thread of ours. */
void thread_tick(uint64_t now_ns);

/* A function that thread_poll calls about every `HAKMEM_INTERVAL_MS` or sooner,
 * in any thread, at a moment when the heap may be read. One, set once. */
void thread_set_hook(void (*hook)(uint64_t now_ns));

/* Makes exits of threads known; called once by init. */
void thread_watch_exits(void);

/* True when the main thread has ended and the calling thread is the only one
 * that has not: the program is over but for us. */
bool thread_all_ended(void);

/* Gives all this thread's blocks back, and everything central holds idle. */
void thread_drain_all(void);

/* The last resort before ENOMEM: gives up every cached block, every free page
 * and the free ends of the arena's zones, which may share one limit. */
void thread_reclaim(void);

/* A block of the class of `code`, through the cache if there is one, else from
 * central; NULL without memory. Counted. */
struct block *thread_take_direct(unsigned class);
static inline struct block *thread_take(struct cache *cache, uint8_t code)
{
	if (cache)
		thread_begin_row(cache, header_class(code));
	return cache ? cache_take(cache, code)
		     : thread_take_direct(header_class(code));
}

/* Counts operations done without a cache. */
void thread_count_alloc(unsigned class);
void thread_count_free(unsigned class);

/* Moves one free from the counts of class `from` to those of `to`. */
void thread_recount_free(unsigned from, unsigned to);

/* Starts a new countdown to the next sample of a class. */
void thread_redraw(struct cache *cache, unsigned class);

/* Sums over all threads, ended ones included. */
struct thread_sums {
	uint64_t allocs[SIZECLASS_MAX];
	uint64_t frees[SIZECLASS_MAX];
	uint64_t cached_bytes; /* in rows and spare chains */
	uint64_t live_threads;
	uint64_t total_threads;
};
void thread_sum(struct thread_sums *out);

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock thread_lock;

/* In the child of a fork: drops the other threads' caches. */
void thread_reset(void);

#endif
