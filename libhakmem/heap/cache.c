#include "libhakmem/heap/cache.h"

#include <string.h>

#define FIRST_ROOM_BYTES 512u
#define FIRST_ROOM_MIN	 2u
#define FIRST_ROOM_MAX	 16u
/* What a tick leaves in a row that was used, but never ran empty or full, or
 * less often than it holds blocks. */
#define KEPT 2u

/* What a row may hold, and a refill bring, whatever it is used for; see fit. */
#define CALM_BYTES   (32 * KIB)
#define CALM_MAX     192u
#define CALM_MIN     16u
#define CALM_LENGTHS 8u

#define STASH_BYTES (64 * KIB)

const struct cache cache_none;

/* Lets `room` more blocks enter, by one store: a reader never meets a grant
 * without its room. */
static void cache_grant(struct cache *cache, unsigned class, uint32_t room)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	union grant next = row->grant;
	int32_t more = (int32_t)(room - next.room);

	next.granted += (uint32_t)more;
	cache->cold[class].granted += (uint64_t)(int64_t)more;
	next.room = room;
	__atomic_store_n(&row->grant.word, next.word, __ATOMIC_RELAXED);
}

/* Misses never write through it while it points to cache_none. */
__thread struct cache *cache_self = (struct cache *)(uintptr_t)&cache_none;

static uint32_t cache_first_limit(const struct sizeclass *info)
{
	size_t first = FIRST_ROOM_BYTES / info->stride;

	first = max_size(FIRST_ROOM_MIN, min_size(first, FIRST_ROOM_MAX));
	return (uint32_t)min_size(first, info->batch);
}

/* A batch is for a few threads; with more of them rows end at a half, a quarter
 * ... of one, so that all together hold about the same. */
#define FEW_THREADS 8u
#define SHIFT_MAX   5u
static uint32_t cache_share_shift;

void cache_share(uint64_t threads)
{
	uint32_t shift = 0;

	while (threads > FEW_THREADS << shift && shift < SHIFT_MAX)
		shift++;
	__atomic_store_n(&cache_share_shift, shift, __ATOMIC_RELAXED);
}

static uint32_t cache_shared(size_t blocks, unsigned class)
{
	const struct sizeclass *info = &sizeclass_table[class];

	return (uint32_t)max_size(min_size(blocks, info->batch) >>
					  peek32(&cache_share_shift),
				  cache_first_limit(info));
}

static uint32_t cache_largest_limit(unsigned class)
{
	return cache_shared(sizeclass_table[class].batch, class);
}

static uint64_t cache_operations(const struct cache *cache, unsigned class)
{
	return cache_allocs(cache, class) + cache_frees(cache, class);
}

static uint32_t cache_calm_limit(unsigned class)
{
	size_t blocks = CALM_BYTES / sizeclass_table[class].stride;

	blocks = max_size(CALM_MIN, min_size(blocks, CALM_MAX));
	return cache_shared(blocks, class);
}

/*
 * What a row of `limit` may hold before it is looked at again, when it has more
 * than that: so a row that was just refilled takes some frees before it is
 * flushed, and one that frees and requests use alike is looked at less often.
 */
static uint32_t cache_most_of(uint32_t limit, unsigned class)
{
	size_t calm = cache_calm_limit(class);

	return limit + (uint32_t)max_size(limit / 2, min_size(limit, calm));
}

static void cache_grant_rest(struct cache *cache, unsigned class,
			     uint32_t depth)
{
	uint32_t most =
		cache_most_of(cache->row[HEADER_CLASS | class].limit, class);

	/* A chain that another thread flushed may be longer. */
	cache_grant(cache, class, depth < most ? most - depth : 1);
}

/*
 * How many blocks a row may hold, or a refill bring, that ran empty or `full`
 * with `blocks`. Twice as many, beyond some size only if it runs empty and full
 * in turn: who only allocates would leave the rest of a large refill in the
 * row. Where requests and frees come in random order a row of L blocks runs
 * empty or full every L * L operations, however large it is: then it need not
 * be.
 */
static uint32_t cache_fit(struct cache *cache, unsigned class, uint32_t blocks,
			  bool full)
{
	struct row_cold *cold = &cache->cold[class];
	uint32_t calm = cache_calm_limit(class), most = calm;
	uint64_t now = cache_operations(cache, class);
	uint64_t lengths = (now - cold->missed_at) / blocks;

	if (cold->was_full != full && lengths < CALM_LENGTHS)
		most = cache_largest_limit(class);
	cold->was_full = full;
	cold->missed_at = now;
	if (lengths >= CALM_LENGTHS && blocks > calm)
		return (uint32_t)max_size(blocks / 2, calm);
	return (uint32_t)max_size(blocks, min_size((size_t)blocks * 2, most));
}

void cache_begin(struct cache *cache, unsigned class)
{
	const struct sizeclass *info = &sizeclass_table[class];
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];

	if (cold->refill == 0)
		cold->refill = cold->learned = cache_first_limit(info);
	row->mask = (uint16_t)info->mask;
	row->code = header_class_code(class);
	row->limit =
		(uint32_t)min_size(cold->learned, cache_largest_limit(class));
	cache_grant(cache, class, row->limit);
	cache->used[class / 64] |= (uint64_t)1 << class % 64;
}

unsigned cache_next_used(const struct cache *cache, unsigned class)
{
	for (; class < sizeclass_count; class = (class | 63) + 1) {
		uint64_t bits = peek64(&cache->used[class / 64]);

		bits = bits >> class % 64 << class % 64;
		if (bits)
			return (class & ~63u) + (unsigned)__builtin_ctzll(bits);
	}
	return sizeclass_count;
}

static void cache_clear_row(struct cache *cache, unsigned class)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	struct row_cold kept = {.sample_interval = cold->sample_interval,
				.learned = row->limit,
				.refill = row->limit};

	/* None of what the countdown was drawn with is used yet. */
	kept.issued[row->until & 1] = (uint64_t)(row->until >> 1);
	*cold = kept;
	*row = (struct row){.until = row->until};
}

void cache_clear(struct cache *cache)
{
	unsigned i = cache_next_used(cache, 0);

	for (; i < sizeclass_count; i = cache_next_used(cache, i + 1))
		cache_clear_row(cache, i);
	memset((char *)cache + sizeof(cache->row), 0,
	       offsetof(struct cache, cold) - sizeof(cache->row));
}

/* Exchanges the spare chain for another. acq_rel: pairs with itself in the
 * other thread, which follows the links. */
static struct chain cache_swap_spare(struct row_cold *cold, struct chain chain)
{
	uint64_t word = (uint64_t)chain.count << 48 | (uintptr_t)chain.head;

	if (word == 0 && peek64(&cold->spare) == 0)
		return chain;
	word = __atomic_exchange_n(&cold->spare, word, __ATOMIC_ACQ_REL);
	return (struct chain){(struct block *)(word << 16 >> 16),
			      (uint32_t)(word >> 48)};
}

static struct chain cache_take_spare(struct row_cold *cold)
{
	return cache_swap_spare(cold, (struct chain){NULL, 0});
}

static bool cache_refill(struct cache *cache, unsigned class)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	struct chain chain = cache_take_spare(cold);

	cold->missed = true;
	if (chain.count == 0) {
		chain = central_fetch(class, cold->refill);
		if (chain.count == 0)
			return false;
		row->limit = (uint32_t)max_size(row->limit, cold->refill);
		cold->refill = cache_fit(cache, class, cold->refill, false);
	}
	row->head = chain.head;
	cold->refilled += chain.count;
	cache_grant_rest(cache, class, chain.count);
	return true;
}

struct block *cache_pop(struct cache *cache, uint8_t code)
{
	struct row *row = &cache->row[code];
	struct block *block;

	if (!row->head && !cache_refill(cache, header_class(code)))
		return NULL;
	block = row->head;
	row->head = block->next;
	block->key = 0;
	return block;
}

void cache_unpop(struct cache *cache, uint8_t code, struct block *block)
{
	struct row *row = &cache->row[code];

	block->key = block_key(block);
	block->next = row->head;
	row->head = block;
}

void cache_count_without_block(struct cache *cache, unsigned class)
{
	cache->cold[class].refilled++;
}

void cache_block_without_count(struct cache *cache, unsigned class)
{
	cache->cold[class].flushed++;
}

struct block *cache_take(struct cache *cache, uint8_t code)
{
	struct block *block = cache_pop(cache, code);

	if (block)
		cache_count(cache, header_class(code), 1);
	return block;
}

void cache_redraw(struct cache *cache, unsigned class, int64_t requests,
		  uint64_t interval)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	int other = !(row->until & 1);

	cold->issued[other] =
		cache_allocs(cache, class) + (uint64_t)(requests - 1);
	cold->sample_interval = interval;
	/* release: pairs with the acquire of cache_allocs */
	__atomic_store_n(&row->until, 2 * (requests - 1) + other,
			 __ATOMIC_RELEASE);
}

static struct chain cache_empty(struct cache *cache, unsigned class,
				uint32_t depth)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct chain chain = {row->head, depth};

	cache->cold[class].flushed += chain.count;
	row->head = NULL;
	return chain;
}

/* Empties the row into the spare chain if there is none, else gives the chain
 * away: what was freed last is still near, and central has to follow its links.
 */
static void cache_flush(struct cache *cache, unsigned class, uint32_t depth)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct chain chain = cache_empty(cache, class, depth);

	if (peek64(&cache->cold[class].spare) == 0)
		chain = cache_swap_spare(&cache->cold[class], chain);
	if (chain.count == 0)
		return;
	chain = central_stash(class, chain);
	row->head = chain.head;
	cache->cold[class].flushed -= chain.count;
	row->limit = cache_fit(cache, class, row->limit, true);
}

/* The grant is used up: there may be space all the same, since malloc took
 * blocks out meanwhile. A row that is used so often may hold more. */
static void cache_make_room(struct cache *cache, unsigned class)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	uint32_t depth = cache_depth(cache, class);

	if (depth >= row->limit) {
		cache_flush(cache, class, depth);
		cache->cold[class].missed = true;
		depth = cache_depth(cache, class);
	} else if (row->limit < cache_calm_limit(class)) {
		row->limit = (uint32_t)min_size((size_t)row->limit * 2,
						cache_calm_limit(class));
	}
	cache_grant_rest(cache, class, depth);
}

void cache_give(struct cache *cache, uint8_t code, struct block *block)
{
	struct row *row = &cache->row[code];

	if (row->grant.room == 0)
		cache_make_room(cache, header_class(code));
	block->key = block_key(block);
	block->next = row->head;
	row->head = block;
	row->grant.room--;
}

/* What a thread worked with goes to the next one as it is, and the next tick
 * takes apart what is left; more would keep too much memory until then. */
static void cache_hand_in_chain(unsigned class, struct chain chain)
{
	if (chain.count * sizeclass_table[class].stride <= STASH_BYTES)
		chain = central_stash(class, chain);
	central_release(class, chain);
}

void cache_hand_in(struct cache *cache)
{
	unsigned i = cache_next_used(cache, 0);

	for (; i < sizeclass_count; i = cache_next_used(cache, i + 1)) {
		cache_hand_in_chain(i, cache_take_spare(&cache->cold[i]));
		cache_hand_in_chain(
			i, cache_empty(cache, i, cache_depth(cache, i)));
	}
}

void cache_drain_spares(struct cache *cache)
{
	unsigned i = cache_next_used(cache, 0);

	for (; i < sizeclass_count; i = cache_next_used(cache, i + 1))
		central_release(i, cache_take_spare(&cache->cold[i]));
}

/* Keeps the first `keep` blocks of a row and gives the others to their slabs:
 * each of them may hold a whole slab back. */
static void cache_cut(struct cache *cache, unsigned class, uint32_t keep)
{
	struct row *row = &cache->row[HEADER_CLASS | class];
	struct row_cold *cold = &cache->cold[class];
	struct chain rest = {row->head, cache_depth(cache, class)};
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
	cold->flushed += rest.count;
	central_release(class, rest);
}

void cache_drain(struct cache *cache, bool all)
{
	unsigned i = cache_next_used(cache, 0);

	for (; i < sizeclass_count; i = cache_next_used(cache, i + 1)) {
		struct row_cold *cold = &cache->cold[i];
		uint64_t now = cache_operations(cache, i);
		uint64_t held = cache_held(cache, i);

		if (held == 0)
			continue;
		if (all || !cold->missed || now - cold->seen < held) {
			central_release(i, cache_take_spare(cold));
			cache_cut(cache, i,
				  all || now == cold->seen ? 0 : KEPT);
		}
		cold->missed = false;
		cold->seen = now;
	}
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

UNSEEN uint64_t cache_frees(const struct cache *cache, unsigned class)
{
	const struct row *row = &cache->row[HEADER_CLASS | class];
	uint64_t near = peek64(&cache->cold[class].granted);
	union grant grant;

	grant.word = peek64(&row->grant.word);
	/* `near` may be a grant older or newer, never 2^31 off. */
	return near +
	       (uint64_t)(int32_t)(grant.granted - grant.room - (uint32_t)near);
}

/* A reader in another thread may catch the owner between two counters. */
uint32_t cache_depth(const struct cache *cache, unsigned class)
{
	const struct row_cold *cold = &cache->cold[class];
	int64_t depth =
		(int64_t)(peek64(&cold->refilled) - peek64(&cold->flushed) +
			  cache_frees(cache, class) -
			  cache_allocs(cache, class));

	return depth > 0 ? (uint32_t)depth : 0;
}

uint64_t cache_held(const struct cache *cache, unsigned class)
{
	return cache_depth(cache, class) +
	       (peek64(&cache->cold[class].spare) >> 48);
}
