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
		cache_count(cache, header_class(code), 1);
	return block;
}

void cache_count(struct cache *cache, unsigned class, int64_t requests)
{
	int64_t until = cache->row[HEADER_CLASS | class].until;

	cache->cold[class].issued[until & 1] += (uint64_t)requests;
}

void cache_redraw(struct cache *cache, unsigned class, int64_t requests,
		  uint64_t mean)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	int other = !(row->until & 1);

	cold->issued[other] =
		cache_allocs(cache, class) + (uint64_t)(requests - 1);
	cold->sample_mean = mean;
	/* release: pairs with the acquire of cache_allocs */
	__atomic_store_n(&row->until, 2 * (requests - 1) + other,
			 __ATOMIC_RELEASE);
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
static uint64_t operations(const struct cache *cache, unsigned class)
{
	return cache_allocs(cache, class) +
	       row_depth(&cache->row[HEADER_CLASS | class]);
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
		uint64_t now = operations(cache, i);

		if (row_depth(row) == 0 && cold->spare.count == 0)
			continue;
		if (all || !cold->missed) {
			drain_spare(cache, i);
			cut(cache, i, all || now == cold->seen ? 0 : KEPT);
		}
		cold->missed = false;
		cold->seen = operations(cache, i);
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
	const int64_t *counter = &cache->row[HEADER_CLASS | class].until;
	const uint64_t *issued = cache->cold[class].issued;
	uint64_t drawn;
	int64_t until;

	/* acquire: pairs with the release of cache_redraw. Again if a draw came
	 * in between. */
	do {
		until = __atomic_load_n(counter, __ATOMIC_ACQUIRE);
		drawn = __atomic_load_n(&issued[until & 1], __ATOMIC_ACQUIRE);
	} while ((__atomic_load_n(counter, __ATOMIC_RELAXED) ^ until) & 1);
	return drawn - (uint64_t)(until >> 1);
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
