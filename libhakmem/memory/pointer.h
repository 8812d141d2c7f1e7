/*
 * Pointers: what one that the program hands in points to, where the hit of free
 * does not tell: for the slow paths of free, for realloc and
 * malloc_usable_size. Nothing is read that is not known to be readable, and
 * nothing is believed that can be checked. Any thread.
 */
#ifndef LIBHAKMEM_POINTER_H
#define LIBHAKMEM_POINTER_H

#include "libhakmem/memory/arena.h"
#include "libhakmem/memory/header.h"
#include "libhakmem/memory/sizeclass.h"

/* What realloc and malloc_usable_size know of a valid block. */
struct pointer {
	size_t usable;
	uint8_t code; /* HEADER_NONE: not a block of ours */
};

struct pointer pointer_find(void *ptr);

/* Has the place of `ptr` its zeros where every block of `class` has them? */
ALWAYS_INLINE bool pointer_fits(const void *ptr, const struct sizeclass *class)
{
	size_t place =
		class->headerless ? (uintptr_t)ptr : arena_header_offset(ptr);

	return (place & class->mask) == 0;
}

/*
 * The class of an ordinary small block, NULL for all that needs a closer look:
 * as sure as the hit of free is, and as quick. Without a header the mask tells
 * where a block begins, but in the classes for aligned requests.
 */
ALWAYS_INLINE const struct sizeclass *pointer_class(const void *ptr)
{
	size_t offset = arena_header_offset(ptr), unit;
	const struct sizeclass *class;
	uint8_t code;

	unit = (uintptr_t)ptr >> ARENA_UNIT_SHIFT;
	if (HAKMEM_VARIANT != VARIANT_PRODUCT)
		return NULL;
	if (arena_in_header_zone(offset)) {
		code = (uint8_t)(arena.header_map_of_0[unit] >>
				 SIZECLASS_ROW_SHIFT);
		if (*header_byte(ptr) != code)
			return NULL;
	} else if (arena_in_headerless_zone(offset)) {
		code = (uint8_t)(arena.map_of_0[unit] >> SIZECLASS_ROW_SHIFT);
	} else {
		return NULL;
	}
	if (!header_is_class(code))
		return NULL;
	class = &sizeclass_table[header_class(code)];
	if (class->aligned_only || !pointer_fits(ptr, class) ||
	    ((const struct block *)ptr)->key == block_key(ptr))
		return NULL;
	return class;
}

/* The block around an aligned pointer, its own code restored if so wished; NULL
 * when the header in front of the pointer is not right. */
void *pointer_base(void *ptr, bool restore);

/* A pointer into the arena whose code says large: is it a large block? */
bool pointer_is_span(void *ptr);

/* A pointer outside the arena: a mapping of ours, or foreign? */
bool pointer_is_mapped(void *ptr);

#endif
