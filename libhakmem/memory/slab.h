/*
 * A slab: a span that holds the blocks of one class. Blocks are carved in
 * address order the first time they are needed, and from then on either out
 * (in a row, a transfer cache, or with their owner) or marked in the slab's
 * bitmap. The bitmap gives blocks out in address order, whatever the order they
 * came back in, and neither way touches more of them than the first word: a
 * list through blocks freed in random order costs a cache miss a block.
 *
 *   header zone      | 15 unused |code| block 0 .... |code| block 1 .... |code|
 *   headerless zone  | block 0 ........ | block 1 ........ | block 2 ...
 *
 * The caller holds the lock of the slab's class.
 */
#ifndef LIBHAKMEM_SLAB_H
#define LIBHAKMEM_SLAB_H

#include "libhakmem/memory/arena.h"
#include "libhakmem/memory/sizeclass.h"

/* Free blocks linked through their first word, moved as one. */
struct chain {
	struct block *head; /* NULL when empty; the last block's next is NULL */
	uint32_t count;
};

/* A new, empty slab of `class`; NULL when there is no memory. */
struct unit *slab_create(unsigned class);

/* Gives an empty slab's span back. */
void slab_destroy(struct unit *slab);

/* Takes up to `want` blocks and puts them before `chain`: those given back by
 * address, then new ones. */
void slab_take(struct unit *slab, uint32_t want, struct chain *chain);

/*
 * Puts blocks of `class` back to their slabs, from the head of `chain` on,
 * until it has put one into a slab that has become empty or is not listed,
 * which it returns: the caller looks after it and calls again. NULL when `keep`
 * blocks are left, or the first block is none of this class that is out: an
 * interior pointer, or a double free that free could not see.
 */
struct unit *slab_give(unsigned class, struct chain *chain, uint32_t keep);

/* True when nothing more can be taken. */
bool slab_full(const struct unit *slab);

/* The slab that `ptr` lies in, NULL when its unit is no part of a slab. Needs
 * no lock for a block the caller owns. */
static inline struct unit *slab_of(const void *ptr)
{
	struct unit *unit = arena_unit(ptr);

	return unit_is_slab(unit) ? unit - unit->lead : NULL;
}

/* The code that an ordinary block at `ptr` has, in its header or in the class
 * map. */
uint8_t slab_code_at(const struct unit *slab, const void *ptr);

/* True when `ptr` is where a block of `slab` starts. */
bool slab_is_block(const struct unit *slab, const void *ptr);

#endif
