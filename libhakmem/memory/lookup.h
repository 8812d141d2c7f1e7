/*
 * Lookup: what lies at an address that the program hands in. There is one
 * answer, and free's slow path, realloc, malloc_usable_size and the report of a
 * bad pointer all go by it: either a live block, where it begins, how long it
 * is and which class counts it; or what is wrong with the pointer.
 *
 * lookup_class is its quick half, inline: an ordinary small block's class, as
 * sure as the hit of free is. Whatever needs a closer look goes to
 * lookup_closely, which reads nothing that is not known to be readable, and
 * believes nothing that can be checked.
 *
 * Any thread, no lock.
 */
#ifndef LIBHAKMEM_LOOKUP_H
#define LIBHAKMEM_LOOKUP_H

#include "libhakmem/memory/arena.h"
#include "libhakmem/base/report.h"

enum lookup_kind {
	LOOKUP_NONE,	/* no live block: `fault` says what is wrong */
	LOOKUP_SMALL,	/* a block of a slab */
	LOOKUP_ALIGNED, /* a pointer inside a block of a slab */
	LOOKUP_LARGE,	/* a span of the arena, or a mapping of its own */
};

struct lookup {
	enum lookup_kind kind;
	enum reject_kind fault;
	uint8_t code;	 /* class code of its slab; HEADER_LARGE, HEADER_MAPPED;
			  * HEADER_NONE when not even that is known */
	uint8_t counted; /* class code of the class that counts the request;
			  * HEADER_NONE when large blocks do */
	bool sampled;
	void *base;    /* where the block begins */
	size_t usable; /* bytes from the pointer to its end */
};

/* Are the bits of the address of `ptr` 0 that are so in all of `class`? */
ALWAYS_INLINE bool lookup_fits(const void *ptr, const struct sizeclass *class)
{
	size_t place =
		class->headerless ? (uintptr_t)ptr : arena_header_offset(ptr);

	return (place & class->mask) == 0;
}

/*
 * The class of an ordinary small block, NULL for all that needs a closer look.
 * Without a header the mask tells where a block begins, but in the classes for
 * aligned requests.
 */
ALWAYS_INLINE const struct sizeclass *lookup_class(const void *ptr)
{
	size_t offset = arena_header_offset(ptr), unit;
	const struct sizeclass *class;
	uint8_t code;

	unit = (uintptr_t)ptr >> ARENA_UNIT_SHIFT;
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
	if (class->aligned_only || !lookup_fits(ptr, class) ||
	    block_is_free(ptr))
		return NULL;
	return class;
}

/* The whole answer, for what lookup_class does not tell. */
struct lookup lookup_closely(void *ptr);

/* The whole answer. */
static inline struct lookup lookup(void *ptr)
{
	const struct sizeclass *class = lookup_class(ptr);
	uint8_t code;

	if (unlikely(!class))
		return lookup_closely(ptr);
	code = header_class_code((unsigned)(class - sizeclass_table));
	return (struct lookup){
		.kind = LOOKUP_SMALL,
		.code = code,
		.counted = code,
		.base = ptr,
		.usable = class->usable,
	};
}

#endif
