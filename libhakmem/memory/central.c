#include "libhakmem/memory/central.h"

#include "libhakmem/base/lock.h"
#include "libhakmem/memory/stats.h"

/* Chains that are kept for a class. A chain in random order that goes back to
 * the thread it came from is kept only among the first few: through its slabs
 * it would come back in address order, which is worth more than the few
 * instructions a block that keeping it saves. */
#define TRANSFER_CHAINS 64u
#define PRIVATE_BYTES	(256 * KIB)
#define PRIVATE_CHAINS	2u

/* What is taken from slabs, or marked in their bitmaps, at a time. The links of
 * so many blocks are still in a first-level cache when they are followed. */
#define BATCH_BYTES (16 * KIB)
#define BATCH_MAX   256u
#define BATCH_MIN   32u

struct central {
	struct lock lock;
	uint32_t chains;	/* in the transfer cache */
	uint32_t low;		/* fewest chains since the last drain */
	uint32_t cached_blocks; /* in those chains */
	bool shared;		/* a chain changed threads lately */
	const char *flusher;	/* self of who flushed last */
	struct unit *partial;	/* slabs that have blocks to take */
	struct unit *empty;	/* one slab kept to not thrash */
	uint64_t slabs;
	uint64_t refills;
	uint64_t flushes;
} __attribute__((aligned(CACHE_LINE)));

/* Apart: a tick looks at all classes, and most of them have no chains. */
static struct central central_centrals[SIZECLASS_MAX];
static struct chain central_transfers[SIZECLASS_MAX][TRANSFER_CHAINS];

static struct chain *central_transfer_of(const struct central *central)
{
	return central_transfers[central - central_centrals];
}

/* Its address tells this thread from the others. */
static __thread char central_self;

static void central_list(struct central *central, struct unit *slab)
{
	slab->prev = NULL;
	slab->next = central->partial;
	if (slab->next)
		slab->next->prev = slab;
	central->partial = slab;
	slab->listed = 1;
}

static void central_unlist(struct central *central, struct unit *slab)
{
	if (slab->next)
		slab->next->prev = slab->prev;
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		central->partial = slab->next;
	slab->listed = 0;
}

/* A slab with room: partial, the kept empty one, or a new one. */
static struct unit *central_slab_with_room(struct central *central,
					   unsigned class)
{
	struct unit *slab = central->partial;

	if (slab)
		return slab;
	slab = central->empty;
	central->empty = NULL;
	if (!slab) {
		slab = slab_create(class);
		if (!slab)
			return NULL;
		central->slabs++;
	}
	central_list(central, slab);
	return slab;
}

uint32_t central_batch(unsigned class)
{
	size_t blocks = BATCH_BYTES / sizeclass_table[class].stride;

	return (uint32_t)max_size(BATCH_MIN, min_size(blocks, BATCH_MAX));
}

static void central_take_from_slabs(struct central *central, unsigned class,
				    uint32_t want, struct chain *chain)
{
	while (chain->count < want) {
		struct unit *slab = central_slab_with_room(central, class);

		if (!slab)
			return;
		slab_take(slab, want - chain->count, chain);
		if (slab_full(slab))
			central_unlist(central, slab);
	}
}

/* Takes the newest chain, or as much of it as is wanted: what lies in the row
 * of a thread that needs little holds slabs back. */
static struct chain central_take_chain(struct central *central, uint32_t want)
{
	struct chain *newest =
		&central_transfer_of(central)[central->chains - 1];
	struct chain chain = *newest;
	struct block *last = chain.head;

	if (chain.count <= 2 * want) {
		if (--central->chains < central->low)
			central->low = central->chains;
		return chain;
	}
	for (uint32_t i = 1; i < want; i++)
		last = last->next;
	chain.count = want;
	newest->head = last->next;
	newest->count -= want;
	last->next = NULL;
	return chain;
}

struct chain central_fetch(unsigned class, uint32_t want)
{
	struct central *central = &central_centrals[class];
	struct chain chain = {NULL, 0};

	lock_acquire(&central->lock, LOCK_CENTRAL);
	central->refills++;
	if (central->flusher && central->flusher != &central_self)
		central->shared = true;
	if (central->chains > 0) {
		chain = central_take_chain(central, want);
		central->cached_blocks -= chain.count;
	} else {
		central_take_from_slabs(
			central, class,
			(uint32_t)min_size(want, central_batch(class)), &chain);
	}
	lock_release(&central->lock, LOCK_CENTRAL);
	return chain;
}

/* Keeps one empty slab, gives the others back. */
static void central_retire(struct central *central, struct unit *slab)
{
	if (slab->listed)
		central_unlist(central, slab);
	if (!central->empty) {
		central->empty = slab;
		return;
	}
	central->slabs--;
	slab_destroy(slab);
}

/* Drops what is not a block of this class that is out: a free let it pass that
 * could not see it, and whose it was is not known any more. */
static COLD void central_refuse(struct chain *chain)
{
	const struct unit *slab = slab_of(chain->head);
	bool again = !slab || slab_is_block(slab, chain->head);

	stats_add(again ? FIGURE_REJECTS_DOUBLE_FREE : FIGURE_REJECTS_INTERIOR,
		  1);
	chain->head = chain->head->next;
	chain->count--;
}

/* Do the first blocks of a chain lie side by side, more or less? */
static bool central_is_orderly(struct chain chain)
{
	const struct block *at = chain.head;
	unsigned near = 0;

	for (int i = 0; i < 4 && at->next; i++, at = at->next)
		near += arena_unit(at) == arena_unit(at->next);
	return near >= 3;
}

static bool central_keeps(const struct central *central, size_t stride,
			  struct chain chain)
{
	if (central->chains == TRANSFER_CHAINS)
		return false;
	if (central->chains < PRIVATE_CHAINS ||
	    central->cached_blocks * stride < PRIVATE_BYTES)
		return true;
	return central->shared || central_is_orderly(chain);
}

/* Gives blocks to their slabs until `keep` are left, and returns those. */
static struct chain central_give_to_slabs(struct central *central,
					  unsigned class, struct chain chain,
					  uint32_t keep)
{
	while (chain.head && chain.count > keep) {
		struct unit *slab = slab_give(class, &chain, keep);

		if (slab && slab->used == 0)
			central_retire(central, slab);
		else if (slab)
			central_list(central, slab);
		else if (chain.head && chain.count > keep)
			central_refuse(&chain);
	}
	return chain;
}

struct chain central_stash(unsigned class, struct chain chain)
{
	struct central *central = &central_centrals[class];
	uint32_t most = central_batch(class);

	if (chain.count == 0)
		return chain;
	lock_acquire(&central->lock, LOCK_CENTRAL);
	central->flushes++;
	central->flusher = &central_self;
	if (central_keeps(central, sizeclass_table[class].stride, chain)) {
		central_transfer_of(central)[central->chains++] = chain;
		central->cached_blocks += chain.count;
		chain = (struct chain){NULL, 0};
	} else {
		chain = central_give_to_slabs(
			central, class, chain,
			chain.count > most ? chain.count - most : 0);
	}
	lock_release(&central->lock, LOCK_CENTRAL);
	return chain;
}

void central_release(unsigned class, struct chain chain)
{
	struct central *central = &central_centrals[class];

	if (chain.count == 0)
		return;
	lock_acquire(&central->lock, LOCK_CENTRAL);
	central->flushes++;
	central_give_to_slabs(central, class, chain, 0);
	lock_release(&central->lock, LOCK_CENTRAL);
}

void central_release_one(unsigned class, struct block *block)
{
	block->next = NULL;
	central_release(class, (struct chain){block, 1});
}

/* The oldest chains lie at the bottom of the stack: those go. */
void central_drain(unsigned class, bool all)
{
	struct central *central = &central_centrals[class];
	struct chain *transfer = central_transfers[class];
	uint32_t idle;

	if (peek64(&central->slabs) == 0)
		return;
	lock_acquire(&central->lock, LOCK_CENTRAL);
	idle = all ? central->chains : central->low;
	for (uint32_t i = 0; i < idle; i++) {
		central->cached_blocks -= transfer[i].count;
		central_give_to_slabs(central, class, transfer[i], 0);
	}
	central->chains -= idle;
	for (uint32_t i = 0; i < central->chains; i++)
		transfer[i] = transfer[i + idle];
	central->low = central->chains;
	central->shared = false;
	if (idle > 0 || all)
		if (central->empty) {
			central->slabs--;
			slab_destroy(central->empty);
			central->empty = NULL;
		}
	lock_release(&central->lock, LOCK_CENTRAL);
}

uint64_t central_slabs(unsigned class)
{
	return peek64(&central_centrals[class].slabs);
}

uint64_t central_cached_blocks(unsigned class)
{
	return peek32(&central_centrals[class].cached_blocks);
}

uint64_t central_refills(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < sizeclass_count; i++)
		sum += peek64(&central_centrals[i].refills);
	return sum;
}

uint64_t central_flushes(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < sizeclass_count; i++)
		sum += peek64(&central_centrals[i].flushes);
	return sum;
}

struct lock *central_lock(unsigned class)
{
	return &central_centrals[class].lock;
}
