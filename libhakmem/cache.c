#include "libhakmem/cache.h"

#define FIRST_ROOM_BYTES 512u
#define FIRST_ROOM_MIN	 2u
/* What a tick leaves in a row that was used but never ran empty or full. */
#define KEPT 2u

#define FIRST_ROOM_MAX 16u

const struct cache cache_none;

/* Misses never write through it while it points to cache_none. */
__thread struct cache *cache_self = (struct cache *)(uintptr_t)&cache_none;

void cache_init(struct cache *cache)
{
	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *class = &sizeclass_table[i];
		struct row *row = &cache->row[HEADER_CLASS | i];
		size_t first = FIRST_ROOM_BYTES / class->stride;

		first = max_size(FIRST_ROOM_MIN,
				 min_size(first, FIRST_ROOM_MAX));
		row->mask =
			class->headerless ? class->stride - 1 : BLOCK_ALIGN - 1;
		row->limit = (uint32_t)min_size(first, class->batch);
		row->room = row->limit;
		cache->cold[i].refill = row->limit;
	}
}

static uint32_t doubled(uint32_t blocks, unsigned class)
{
	return (uint32_t)min_size((size_t)blocks * 2,
				  sizeclass_table[class].batch);
}

static bool refill(struct cache *cache, unsigned class)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	struct chain chain = cold->spare;

	cold->missed = true;
	if (chain.count > 0) {
		cold->spare = (struct chain){NULL, 0};
	} else {
		chain = central_fetch(class, cold->refill);
		if (chain.count == 0)
			return false;
		cold->refill = doubled(cold->refill, class);
	}
	/* A chain that another thread flushed may be longer than our limit. */
	row->limit = (uint32_t)max_size(row->limit, chain.count);
	row->room = row->limit - chain.count;
	row->head = chain.head;
	cold->refilled += chain.count;
	return true;
}

struct block *cache_pop(struct cache *cache, uint8_t code)
{
	struct row *row = &cache->row[code];
	struct block *block;

	if (!row->head && !refill(cache, header_class(code)))
		return NULL;
	block = row->head;
	row->head = block->next;
	row->room++;
	block->key = 0;
	return block;
}

void cache_unpop(struct cache *cache, uint8_t code, struct block *block)
{
	struct row *row = &cache->row[code];

	block->key = block_key(block);
	block->next = row->head;
	row->head = block;
	row->room--;
}

struct block *cache_take(struct cache *cache, uint8_t code)
{
	struct block *block = cache_pop(cache, code);

	if (block)
		cache->cold[header_class(code)].issued++;
	return block;
}

/* A reader must not see one of the two without the other: they may differ by
 * millions. */
void cache_redraw(struct cache *cache, unsigned class, int64_t requests,
		  uint64_t mean)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	uint64_t issued = cold->issued + (uint64_t)(requests - row->until);

	/* release, thrice: pairs with the acquires of cache_allocs */
	__atomic_store_n(&cold->version, cold->version + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&row->until, requests, __ATOMIC_RELEASE);
	__atomic_store_n(&cold->issued, issued, __ATOMIC_RELEASE);
	__atomic_store_n(&cold->version, cold->version + 1, __ATOMIC_RELEASE);
	cold->sample_mean = mean;
}

/* Takes all blocks out of the row. */
static struct chain empty(struct row *row, struct row_cold *cold)
{
	struct chain chain = {row->head, row_depth(row)};

	row->head = NULL;
	row->room = row->limit;
	cold->flushed += chain.count;
	return chain;
}

/* Empties the row into the spare chain, the old spare goes central. */
static void flush(struct cache *cache, unsigned class)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	struct chain old = cold->spare;
	cold->spare = empty(row, cold);
	cold->missed = true;
	row->room = row->limit = doubled(row->limit, class);
	central_stash(class, old);
}

void cache_give(struct cache *cache, uint8_t code, struct block *block)
{
	struct row *row = &cache->row[code];

	if (row->room == 0)
		flush(cache, header_class(code));
	block->key = block_key(block);
	block->next = row->head;
	row->head = block;
	row->room--;
}

static void drain_spare(struct cache *cache, unsigned class)
{
	struct chain chain = cache->cold[class].spare;

	cache->cold[class].spare = (struct chain){NULL, 0};
	central_release(class, chain);
}

/* Changes with every operation but a lone pair of malloc and free. */
static uint64_t operations(const struct row *row, const struct row_cold *cold)
{
	return cold->issued - (uint64_t)row->until + row_depth(row);
}

/* Keeps the first `keep` blocks of a row and gives the others to their slabs:
 * each of them may hold a whole slab back. */
static void cut(struct cache *cache, unsigned class, uint32_t keep)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	struct chain rest = {row->head, row_depth(row)};
	struct block *last = NULL;

	if (rest.count <= keep)
		return;
	for (uint32_t i = 0; i < keep; i++) {
		last = rest.head;
		rest.head = last->next;
		rest.count--;
	}
	if (last)
		last->next = NULL;
	else
		row->head = NULL;
	row->room += rest.count;
	cold->flushed += rest.count;
	central_release(class, rest);
}

void cache_drain(struct cache *cache, bool all)
{
	for (unsigned i = 0; i < sizeclass_count; i++) {
		struct row *row = &cache->row[HEADER_CLASS | i];
		struct row_cold *cold = &cache->cold[i];
		uint64_t now = operations(row, cold);

		if (row_depth(row) == 0 && cold->spare.count == 0)
			continue;
		if (all || !cold->missed) {
			drain_spare(cache, i);
			cut(cache, i, all || now == cold->seen ? 0 : KEPT);
		}
		cold->missed = false;
		cold->seen = operations(row, cold);
	}
}

/* row_depth for a reader in another thread, which may catch the owner between
 * the two fields. */
static uint32_t peek_depth(const struct row *row)
{
	uint32_t room = peek32(&row->room);
	uint32_t limit = peek32(&row->limit);

	return limit > room ? limit - room : 0;
}

UNSEEN uint64_t cache_allocs(const struct cache *cache, unsigned class)
{
	const struct row *row = &cache->row[HEADER_CLASS | class];
	const struct row_cold *cold = &cache->cold[class];
	uint64_t allocs;
	uint32_t version;

	/* acquire, thrice: pairs with the releases of cache_redraw */
	do {
		version = __atomic_load_n(&cold->version, __ATOMIC_ACQUIRE);
		allocs = __atomic_load_n(&cold->issued, __ATOMIC_ACQUIRE);
		allocs -= (uint64_t)__atomic_load_n(&row->until,
						    __ATOMIC_ACQUIRE);
	} while ((version & 1) ||
		 version != __atomic_load_n(&cold->version, __ATOMIC_RELAXED));
	return allocs;
}

/* What is in the row came by free or refill, and left by malloc or flush. */
uint64_t cache_frees(const struct cache *cache, unsigned class)
{
	const struct row_cold *cold = &cache->cold[class];

	return cache_allocs(cache, class) +
	       peek_depth(&cache->row[HEADER_CLASS | class]) +
	       peek64(&cold->flushed) - peek64(&cold->refilled);
}

uint64_t cache_held(const struct cache *cache, unsigned class)
{
	return peek_depth(&cache->row[HEADER_CLASS | class]) +
	       peek32(&cache->cold[class].spare.count);
}

bool cache_holds(const struct cache *cache, uint8_t code,
		 const struct block *block)
{
	const struct block *at = cache->row[code].head;

	for (; at; at = at->next)
		if (at == block)
			return true;
	at = cache->cold[header_class(code)].spare.head;
	for (; at; at = at->next)
		if (at == block)
			return true;
	return false;
}
