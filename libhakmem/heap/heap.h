/*
 * The heap: malloc and its kin as plain functions, with glibc's semantics.
 *
 * The two hits stand here, inline: 22 instructions for malloc, 28 for free of a
 * block with a header, 27 without, everything on (tests/bench/budget checks it,
 * docs/DESIGN.md explains each). What is not a hit goes to one miss function
 * each.
 *
 *   malloc(n)   slot -> row -> count down, pop
 *   free(p)     offset -> unit -> row -> header? room? key? -> push, count down
 *
 * What a free checks on its way:
 *   offset               NULL, foreign pointers and mapped blocks miss here
 *   header               sampled, aligned, large, freed and overwritten codes
 *   room                 full rows, and units that are no slab
 *   place & mask         interior and misaligned pointers
 *   key                  blocks that are free already
 *
 * Any thread. Functions that return memory set errno to ENOMEM when they
 * return NULL; free keeps errno.
 */
#ifndef LIBHAKMEM_HEAP_H
#define LIBHAKMEM_HEAP_H

#include "libhakmem/heap/cache.h"
#include "libhakmem/memory/header.h"
#include "libhakmem/memory/lookup.h"

void *heap_malloc_miss(size_t n);
void *heap_malloc_sample(size_t n);
void heap_free_miss(void *ptr);

/* The address is computed once: without the barrier gcc does it twice. */
ALWAYS_INLINE struct row *row_at(struct cache *cache, size_t offset)
{
	struct row *row = (struct row *)(void *)((char *)cache + offset);

	__asm__("" : "+r"(row));
	return row;
}

ALWAYS_INLINE void *heap_malloc(size_t n)
{
	struct cache *cache = cache_self;
	struct block *block;
	struct row *row;
	size_t slot, at;

	if (unlikely(n > SIZECLASS_SMALL_MAX))
		return heap_malloc_miss(n);
	slot = sizeclass_slot(n);
	/* Read while another thread boots, which ThreadSanitizer must not see.
	 */
	at = TSAN_BUILD ? peek16(&sizeclass_index[slot])
			: sizeclass_index[slot];
	row = row_at(cache, at);
	block = row->head;
	if (unlikely(!block))
		return heap_malloc_miss(n);
	if (unlikely((row->until -= 2) < 0))
		return heap_malloc_sample(n);
	row->head = block->next;
	block->key = 0;
	return block;
}

/* Pushes a block whose unit led to `row`, unless something is odd about it.
 * `place` is what has zeros in the bits of the row's mask. */
ALWAYS_INLINE bool push(struct row *row, struct block *block, size_t place)
{
	uint32_t key;

	if (unlikely(row->grant.room == 0))
		return false;
	if (unlikely((uint16_t)place & row->mask))
		return false;
	key = block_key(block);
	if (unlikely(block->key == key))
		return false;
	block->key = key;
	block->next = row->head;
	row->head = block;
	/* Where it is, not in a register: an instruction less. */
	__asm__("" : "+m"(row->grant.room));
	row->grant.room--;
	return true;
}

/* The two zones have a copy each of what follows: a jump less for both. */
ALWAYS_INLINE void heap_free(void *ptr)
{
	size_t offset = arena_header_offset(ptr), at;
	struct row *row;

	if (likely(arena_in_header_zone(offset))) {
		at = arena.header_map_of_0[(uintptr_t)ptr >> ARENA_UNIT_SHIFT];
		row = row_at(cache_self, at);
		if (likely(*header_byte(ptr) == row->code) &&
		    likely(push(row, ptr, offset)))
			return;
	} else if (likely(arena_in_headerless_zone(offset))) {
		at = arena.map_of_0[(uintptr_t)ptr >> ARENA_UNIT_SHIFT];
		if (likely(push(row_at(cache_self, at), ptr, (uintptr_t)ptr))) {
			__asm__ volatile("# gcc must not merge the two");
			return;
		}
	}
	heap_free_miss(ptr);
}

/* A block for `n` bytes at a multiple of `align`, a power of two, out of a row
 * that is known to have such blocks; NULL on a miss, for heap_aligned. */
ALWAYS_INLINE void *heap_aligned_hit(size_t align, size_t n)
{
	struct cache *cache = cache_self;
	size_t at = sizeclass_aligned_row(align, n);
	struct row *row = row_at(cache, at); /* of no class: empty */
	struct block *block = row->head;

	if (unlikely(!block) || unlikely(!sampler_passes(&cache->sample, n)))
		return NULL;
	row->head = block->next;
	block->key = 0;
	cache_count(cache, header_class((uint8_t)(at >> SIZECLASS_ROW_SHIFT)),
		    1);
	return block;
}

void *heap_calloc(size_t count, size_t size);

/* realloc(p, 0) frees and returns NULL, as glibc does. */
void *heap_realloc(void *ptr, size_t n);

/* `n` bytes at a multiple of `align`, a power of two; what heap_aligned_hit did
 * not have. */
void *heap_aligned(size_t align, size_t n);

size_t heap_usable_miss(void *ptr);

/* Bytes that may be written at `ptr`; 0 for NULL and what is not ours. */
ALWAYS_INLINE size_t heap_usable(void *ptr)
{
	const struct sizeclass *class = lookup_class(ptr);

	return likely(class != NULL) ? class->usable : heap_usable_miss(ptr);
}

/* Gives everything that is free back to the system; true if there was any. */
bool heap_trim(void);

#endif
