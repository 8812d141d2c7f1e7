/*
 * The thread cache: one row per class code, and what else the hot path needs.
 *
 *   row[code] | head | allocs | frees | room:4 mask:4 |       32 bytes
 *
 * The code is the row's index. Rows that are no class have room 0, so whatever
 * is not a live small block fails the ordinary "is the row full?" test.
 *
 * The counters are the depth: `allocs` counts blocks that left the row (by
 * malloc or by a flush), `frees` blocks that entered it (by free or a refill);
 * depth = frees - allocs. What the program did is allocs - flushed and frees -
 * refilled. Only the owner writes; a reader in another thread is exact at rest.
 *
 * A thread without a cache (before its first call, after its exit) points to
 * cache_none, all zeros and never written: every operation misses.
 */
#ifndef LIBHAKMEM_CACHE_H
#define LIBHAKMEM_CACHE_H

#include "libhakmem/arena.h"
#include "libhakmem/central.h"
#include "libhakmem/sizeclass.h"

struct row {
	struct block *head; /* LIFO list */
	uint64_t allocs;
	uint64_t frees;
	uint32_t room; /* blocks the row may hold */
	uint32_t mask; /* address bits that are 0 in every block */
};
_Static_assert(sizeof(struct row) == 32, "index by shift");

/* What only misses touch. */
struct row_cold {
	struct chain
		spare; /* a second chain: malloc/free around a boundary
			* swap it with the row's instead of going central */
	uint64_t flushed;
	uint64_t refilled;
	uint64_t seen;	     /* allocs + frees at the last tick */
	uint32_t refill;     /* blocks to ask for next time */
	uint32_t spare_used; /* since the last tick */
};

struct cache {
	int64_t countdown; /* bytes to the next sample; below 0: sample now */
	uint64_t sample_mean; /* the mean it was drawn with */
	uint64_t random;
	uint32_t misses;	   /* since the clock was last read */
	uint32_t tick;		   /* last tick this cache took part in */
	struct cache *next, *prev; /* thread's list */
	uint64_t id;
	char pad[8];
	struct row row[HEADER_CODES];
	struct row_cold cold[SIZECLASS_MAX];
};
_Static_assert(offsetof(struct cache, row) == CACHE_LINE, "rows are aligned");

extern HIDDEN const struct cache cache_none;

/* This thread's cache; never NULL. */
extern HIDDEN __thread struct cache *cache_self;

ALWAYS_INLINE bool cache_is_none(const struct cache *cache)
{
	return cache == &cache_none;
}

/* Gives every class row its mask and its first, small room. */
void cache_init(struct cache *cache);

/* Pops a block of the row of `code`, refilling it; NULL when memory is out.
 * For misses; the hit is in heap.h. */
struct block *cache_take(struct cache *cache, uint8_t code);

/* Pushes a valid block, flushing a full row first. For misses. */
void cache_give(struct cache *cache, uint8_t code, struct block *block);

/* Gives idle blocks back to their slabs; with `all` every block. */
void cache_drain(struct cache *cache, bool all);

/* What the program did with one class through this cache. */
uint64_t cache_allocs(const struct cache *cache, unsigned class);
uint64_t cache_frees(const struct cache *cache, unsigned class);

/* Blocks of one class that this cache holds. */
uint64_t cache_held(const struct cache *cache, unsigned class);

/* True when `block` is in the row or the spare chain of `code`; the owner only.
 */
bool cache_holds(const struct cache *cache, uint8_t code,
		 const struct block *block);

#endif
