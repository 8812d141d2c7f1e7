/*
 * The thread cache: a row for each class, and what else the hot path needs.
 *
 *   row[code] | head:8 | until:8 | room:4 granted:4 | mask:2 code:1 limit:4 |
 *
 * The code of a class is the row's index. A row begins at its first miss. Rows
 * that are no class, or have not begun, have room 0, so whatever is not in a
 * slab fails the ordinary test, "is the row full?".
 *
 * A row has two counters. Each is written by one side only, so that neither
 * waits for the other's store, and counts besides its purpose:
 *
 *   until, of malloc, counts down to the next sample of this class
 *
 *      63 ...                                    1   0
 *     | requests to go                             | w |   - 2 a request;
 *                                                          < 0: it is sampled
 *     requests made = issued[w] - until / 2
 *
 *   grant, of free, says how many more blocks the row may take
 *
 *      63 ...               32 31 ...                0
 *     | granted, the low half | room                 |     - 1 a free;
 *                                                          0: the row is full
 *     blocks freed = granted - room
 *
 * A new draw prepares the other `issued` and takes effect by one store of
 * `until`; a new grant changes both its halves by one store. So a reader in
 * another thread never meets half a change, and is exact at rest. What is in
 * the row follows: refilled - flushed + frees - requests. A row that used its
 * grant up may be far from full, and gets another; no free makes it hold more
 * than twice its `limit`, or 3/2 of a large one. Only the owner writes.
 *
 * A thread without a cache (before its first call, after its exit) points to
 * cache_none, all zeros and never written: every operation misses.
 */
#ifndef LIBHAKMEM_CACHE_H
#define LIBHAKMEM_CACHE_H

#include "libhakmem/memory/arena.h"
#include "libhakmem/memory/central.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/sizeclass.h"

/* Frees: those still granted, and the low half of all grants. One word to
 * whoever changes or reads both. */
union grant {
	struct {
		uint32_t room, granted;
	};
	uint64_t word;
};

struct row {
	struct block *head; /* LIFO list */
	int64_t until;	    /* 2 * requests to go + which `issued` */
	union grant grant;
	uint16_t mask; /* bits of its place that are 0 in every block */
	uint8_t code;  /* what stands at ptr-1 of an ordinary block, if it has
			* a header */
	uint8_t unused;
	uint32_t limit; /* blocks, of which a full row has more; 0: not begun */
};
_Static_assert(SIZECLASS_SMALL_MAX - 1 <= UINT16_MAX, "the largest mask");
_Static_assert(sizeof(struct row) == 1 << SIZECLASS_ROW_SHIFT,
	       "index by shift");

/* What only misses touch. `spare` is a second chain: malloc and free around a
 * boundary swap it with the row's instead of going central. It is one word (the
 * count in the upper 16 bits, 0: none) that whoever exchanges it owns: another
 * thread may take it from an idle one. */
struct row_cold {
	uint64_t spare;
	uint64_t issued[2]; /* requests drawn so far, see above */
	uint64_t granted;   /* the whole of row.grant.granted */
	uint64_t flushed;
	uint64_t refilled;
	uint64_t sample_interval; /* bytes; that `until` was drawn with */
	uint64_t seen;		  /* operations at the last tick */
	uint64_t missed_at; /* operations when it last ran empty or full */
	uint32_t refill;    /* blocks to ask for next time; 0: first time */
	uint32_t learned;   /* limit to begin with */
	bool was_full;	    /* when it last missed; else empty */
	bool missed;	    /* ran empty or full since the last tick */
};

#define CACHE_USED_WORDS ((SIZECLASS_MAX + 63) / 64)

struct cache {
	struct row row[HEADER_CODES]; /* first: the code alone is the offset */
	uint64_t used[CACHE_USED_WORDS]; /* bit per class whose row has begun */
	uint32_t misses;		 /* since the clock was last read */
	uint32_t tick;			 /* last tick this cache took part in */
	uint32_t drained;	   /* that tick, if others took its spares */
	struct cache *next, *prev; /* thread's list */
	struct sampler_thread sample;
	struct row_cold cold[SIZECLASS_MAX];
};
_Static_assert(offsetof(struct cache, row) == 0, "no offset to add");

extern HIDDEN const struct cache cache_none;

/* This thread's cache; never NULL. */
extern HIDDEN __thread struct cache *cache_self;

ALWAYS_INLINE bool cache_is_none(const struct cache *cache)
{
	return cache == &cache_none;
}

/* Tells how many threads there are: the more, the less each may hold. Any
 * thread. */
void cache_share(uint64_t threads);

/* Gives the row of `class` its mask and its first, small room. Its countdown is
 * the caller's to draw. */
void cache_begin(struct cache *cache, unsigned class);

static inline bool cache_has_begun(const struct cache *cache, unsigned class)
{
	return cache->row[HEADER_CLASS | class].limit != 0;
}

/* The first class from `class` on whose row has begun; sizeclass_count if
 * there is none. */
unsigned cache_next_used(const struct cache *cache, unsigned class);

/* Gives everything to central, of an ending thread. */
void cache_hand_in(struct cache *cache);

/* Makes the cache ready for another thread: no row has begun, no operation is
 * counted. What it held must be elsewhere. Countdowns go on, as chance has no
 * memory, and so does what was learned about the classes. */
void cache_clear(struct cache *cache);

/* Pops a block of the row of `code`, which has begun, refilling it, without
 * counting; NULL when memory is out. For misses; the hit is in heap.h. */
struct block *cache_pop(struct cache *cache, uint8_t code);

/* Puts a block that cache_pop gave back, uncounted. */
void cache_unpop(struct cache *cache, uint8_t code, struct block *block);

/* The same for a request that the countdown did not see: counts it. */
struct block *cache_take(struct cache *cache, uint8_t code);

/* Keep the depth of a row right: a request that its class counted was served
 * from elsewhere, or a block of it went out without being counted. */
void cache_count_without_block(struct cache *cache, unsigned class);
void cache_block_without_count(struct cache *cache, unsigned class);

/* Adds `requests` to what the countdown counted. */
ALWAYS_INLINE void cache_count(struct cache *cache, unsigned class,
			       int64_t requests)
{
	int64_t until = cache->row[HEADER_CLASS | class].until;

	cache->cold[class].issued[until & 1] += (uint64_t)requests;
}

/* Starts a new countdown of `requests` drawn with `interval`. */
void cache_redraw(struct cache *cache, unsigned class, int64_t requests,
		  uint64_t interval);

/* Pushes a valid block, flushing a full row first. For misses. */
void cache_give(struct cache *cache, uint8_t code, struct block *block);

/* Gives idle blocks back to their slabs; with `all` every block. */
void cache_drain(struct cache *cache, bool all);

/* What the program did with one class through this cache. */
uint64_t cache_allocs(const struct cache *cache, unsigned class);
uint64_t cache_frees(const struct cache *cache, unsigned class);

/* Blocks in the row of a class. */
uint32_t cache_depth(const struct cache *cache, unsigned class);

/* Blocks of one class that this cache holds, in its row and its spare chain. */
uint64_t cache_held(const struct cache *cache, unsigned class);

/* Gives the spare chains of a cache back to their slabs; any thread, while the
 * cache stays on the list of threads. */
void cache_drain_spares(struct cache *cache);

#endif
