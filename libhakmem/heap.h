/*
 * The heap: malloc and its kin as plain functions, with glibc's semantics.
 *
 * The two hits stand here, inline: about 20 instructions for malloc, 27 for
 * free, everything on. What is not a hit goes to one miss function each.
 *
 *   malloc(n)   slot -> class code -> row -> count down, pop
 *   free(p)     offset -> code byte -> row -> key? -> push, count
 *
 * What a free checks on its way, without a branch of its own for most:
 *   place                NULL, foreign pointers and mapped blocks miss here
 *   room by code         sampled, aligned, large, freed and overwritten codes
 *   address & mask       interior and misaligned pointers
 *   key                  blocks that are free already
 *
 * Any thread. Functions that return memory set errno to ENOMEM when they
 * return NULL; free keeps errno.
 */
#ifndef LIBHAKMEM_HEAP_H
#define LIBHAKMEM_HEAP_H

#include "libhakmem/cache.h"
#include "libhakmem/header.h"

void *heap_malloc_miss(size_t n);
void *heap_malloc_sample(size_t n);
void heap_free_miss(void *ptr);

/* The address is computed once: without the barrier gcc does it twice. */
ALWAYS_INLINE struct row *row_of(struct cache *cache, size_t code)
{
	struct row *row = &cache->row[code];

	__asm__("" : "+r"(row));
	return row;
}

ALWAYS_INLINE void *heap_malloc(size_t n)
{
	struct cache *cache = cache_self;
	struct block *block;
	struct row *row;
	size_t slot;

	if (unlikely(n > SIZECLASS_SMALL_MAX))
		return heap_malloc_miss(n);
	slot = sizeclass_slot(n);
	/* Read while another thread boots, which ThreadSanitizer must not see.
	 */
	row = row_of(cache, TSAN_BUILD ? peek8(&sizeclass_index[slot])
				       : sizeclass_index[slot]);
	block = row->head;
	if (unlikely(!block))
		return heap_malloc_miss(n);
	if (unlikely((row->until -= 2) < 0))
		return heap_malloc_sample(n);
	row->head = block->next;
	row->room++;
	block->key = 0;
	return block;
}

ALWAYS_INLINE void heap_free(void *ptr)
{
	struct block *block = ptr;
	struct row *row;
	uint32_t key, room;
	size_t code;

	if (unlikely(!arena_code(ptr, &code)))
		goto miss;
	row = row_of(cache_self, code);
	room = row->room;
	if (unlikely(room == 0))
		goto miss;
	if (unlikely((uint32_t)(uintptr_t)ptr & row->mask))
		goto miss;
	key = block_key(ptr);
	if (unlikely(block->key == key))
		goto miss;
	block->key = key;
	block->next = row->head;
	row->head = block;
	row->room = room - 1;
	return;
miss:
	heap_free_miss(ptr);
}

void *heap_calloc(size_t count, size_t size);

/* realloc(p, 0) frees and returns NULL, as glibc does. */
void *heap_realloc(void *ptr, size_t n);

/* `n` bytes at a multiple of `align`, a power of two. */
void *heap_aligned(size_t align, size_t n);

/* Bytes that may be written at `ptr`; 0 for NULL and what is not ours. */
size_t heap_usable(void *ptr);

/* Gives everything that is free back to the system; true if there was any. */
bool heap_trim(void);

#endif
