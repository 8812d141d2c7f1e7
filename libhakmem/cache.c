#include "libhakmem/cache.h"

#define FIRST_ROOM_BYTES 512u
#define FIRST_ROOM_MIN	 2u
#define FIRST_ROOM_MAX	 16u

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
		row->room = (uint32_t)min_size(first, class->batch);
		cache->cold[i].refill = row->room;
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

	if (chain.count > 0) {
		cold->spare = (struct chain){NULL, 0};
		cold->spare_used = 1;
	} else {
		chain = central_fetch(class, cold->refill);
		if (chain.count == 0)
			return false;
		cold->refill = doubled(cold->refill, class);
	}
	row->head = chain.head;
	row->frees += chain.count;
	cold->refilled += chain.count;
	return true;
}

struct block *cache_take(struct cache *cache, uint8_t code)
{
	struct row *row = &cache->row[code];
	struct block *block;

	if (!row->head && !refill(cache, header_class(code)))
		return NULL;
	block = row->head;
	row->head = block->next;
	row->allocs++;
	block->key = 0;
	return block;
}

/* Empties the row into the spare chain, the old spare goes central. */
static void flush(struct cache *cache, unsigned class)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	struct chain old = cold->spare;
	struct chain chain = {row->head, (uint32_t)(row->frees - row->allocs)};

	row->head = NULL;
	row->allocs += chain.count;
	cold->flushed += chain.count;
	cold->spare = chain;
	cold->spare_used = 1;
	row->room = doubled(row->room, class);
	central_stash(class, old);
}

void cache_give(struct cache *cache, uint8_t code, struct block *block)
{
	struct row *row = &cache->row[code];

	if (row->frees - row->allocs >= row->room)
		flush(cache, header_class(code));
	block->key = block_key(block);
	block->next = row->head;
	row->head = block;
	row->frees++;
}

static void drain_row(struct cache *cache, unsigned class)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct chain chain = {row->head, (uint32_t)(row->frees - row->allocs)};

	row->head = NULL;
	row->allocs += chain.count;
	cache->cold[class].flushed += chain.count;
	central_release(class, chain);
}

static void drain_spare(struct cache *cache, unsigned class)
{
	struct chain chain = cache->cold[class].spare;

	cache->cold[class].spare = (struct chain){NULL, 0};
	central_release(class, chain);
}

void cache_drain(struct cache *cache, bool all)
{
	for (unsigned i = 0; i < sizeclass_count; i++) {
		struct row *row = &cache->row[HEADER_CLASS | i];
		struct row_cold *cold = &cache->cold[i];

		if (row->frees == 0)
			continue;
		if (cold->spare.count > 0 && (all || !cold->spare_used))
			drain_spare(cache, i);
		if (row->head &&
		    (all || row->allocs + row->frees == cold->seen))
			drain_row(cache, i);
		cold->spare_used = 0;
		cold->seen = row->allocs + row->frees;
	}
}

uint64_t cache_allocs(const struct cache *cache, unsigned class)
{
	return peek64(&cache->row[HEADER_CLASS | class].allocs) -
	       peek64(&cache->cold[class].flushed);
}

uint64_t cache_frees(const struct cache *cache, unsigned class)
{
	return peek64(&cache->row[HEADER_CLASS | class].frees) -
	       peek64(&cache->cold[class].refilled);
}

uint64_t cache_held(const struct cache *cache, unsigned class)
{
	const struct row *row = &cache->row[HEADER_CLASS | class];
	uint64_t depth = peek64(&row->frees) - peek64(&row->allocs);

	/* A reader in another thread may catch one side of an operation. */
	if ((int64_t)depth < 0)
		depth = 0;
	return depth + __atomic_load_n(&cache->cold[class].spare.count,
				       __ATOMIC_RELAXED);
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
