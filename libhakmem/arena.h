/*
 * The arena: the address range that every span comes from.
 *
 *   base                    header = base + split
 *   | headerless zone ->    | header zone ->        |
 *   +-----------+ - - - - - +-----------+ - - - - - +
 *   | committed |           | committed |
 *   +-----------+ - - - - - +-----------+ - - - - - +
 *
 * Both zones grow upwards in units of 64 KiB. A block in the headerless zone
 * has its code in the class map, one byte per unit, mapped for the whole zone;
 * a block in the header zone has it at ptr-1, which for every pointer into
 * committed memory but the very first is readable, and the first is no block.
 *
 * Normally nothing is reserved: the arena stands at a random address far from
 * where the kernel puts mappings, and grows by mapping the next step, so that a
 * limit on address space counts only what is used. Where that address is not
 * to be had, a reservation is made once, as large as the system allows.
 *
 * Units have descriptors in a side table that grows with the zones.
 */
#ifndef LIBHAKMEM_ARENA_H
#define LIBHAKMEM_ARENA_H

#include "libhakmem/header.h"
#include "libhakmem/util.h"

#define ARENA_UNIT_SHIFT 16
#define ARENA_UNIT	 ((size_t)1 << ARENA_UNIT_SHIFT)

enum arena_zone { ARENA_HEADERLESS, ARENA_HEADER, ARENA_ZONES };

enum unit_state {
	UNIT_NONE,	/* not committed, or inside a free or large span */
	UNIT_FREE,	/* first or last of a free run */
	UNIT_SLAB,	/* first of a slab */
	UNIT_SLAB_REST, /* the rest of it; `lead` units after the first */
	UNIT_LARGE,	/* first of a large block's span */
};

/* One per unit. Which room may touch the fields of a span follows its state:
 * span for free runs, central (under the class's lock) for slabs. */
struct unit {
	uint8_t state;	   /* enum unit_state */
	uint8_t code;	   /* class code of a slab */
	uint8_t dirty;	   /* free run: may hold memory */
	uint8_t listed;	   /* slab: on its class's partial list */
	uint32_t units;	   /* length; at the first, of a free run also last */
	uint32_t lead;	   /* slab rest: units back to the first */
	uint32_t tick;	   /* free run: when it became dirty */
	struct unit *next; /* bin or partial list, NULL ends it */
	struct unit *prev;
	struct block *free;   /* slab: LIFO list of blocks given back */
	uint32_t free_blocks; /* slab: length of that list */
	uint32_t carved;      /* slab: blocks ever made */
	uint32_t used;	      /* slab: blocks that are out */
};
_Static_assert(sizeof(struct unit) <= 64, "one cache line");

struct arena {
	uintptr_t base;		/* of both zones; 0 until arena_init */
	size_t split;		/* bytes of each zone */
	uintptr_t header;	/* start of the header zone */
	uintptr_t header_first; /* header + 1: see arena_code */
	uint8_t *map;		/* class code by unit of the headerless zone */
	struct unit *units;	/* descriptor by unit */
	size_t committed[ARENA_ZONES]; /* bytes; span's lock */
	size_t described[ARENA_ZONES]; /* units with a descriptor; ditto */
	bool reserved;		       /* mprotect commits; else mmap does */
};

extern HIDDEN struct arena arena;

/* Chooses the place. False when not even a few MiB can be had. Once. */
bool arena_init(uint64_t random);

/* Commits at least `units` more units at the end of `zone`; returns how many,
 * 0 when the system or the zone has no more. Under span's lock. */
size_t arena_grow(enum arena_zone zone, size_t units);

/* Gives the last `units` units of `zone`, which are free, back with their
 * address space; false when the arena is a reservation. Under span's lock. */
bool arena_shrink(enum arena_zone zone, size_t units);

ALWAYS_INLINE size_t arena_offset(const void *ptr)
{
	return (uintptr_t)ptr - arena.base;
}

/* True when `ptr` lies in committed memory of either zone. */
static inline bool arena_owns(const void *ptr)
{
	return (uintptr_t)ptr - arena.header <
		       peek64(&arena.committed[ARENA_HEADER]) ||
	       arena_offset(ptr) < peek64(&arena.committed[ARENA_HEADERLESS]);
}

static inline struct unit *arena_unit(const void *ptr)
{
	return &arena.units[arena_offset(ptr) >> ARENA_UNIT_SHIFT];
}

static inline char *arena_address(const struct unit *unit)
{
	return (char *)arena.base +
	       ((size_t)(unit - arena.units) << ARENA_UNIT_SHIFT);
}

static inline enum arena_zone arena_zone_of(const struct unit *unit)
{
	return (size_t)(unit - arena.units) << ARENA_UNIT_SHIFT < arena.split
		       ? ARENA_HEADERLESS
		       : ARENA_HEADER;
}

/* Units from the start of `zone`, and back. */
static inline struct unit *arena_zone_units(enum arena_zone zone)
{
	return arena.units +
	       (zone == ARENA_HEADER ? arena.split >> ARENA_UNIT_SHIFT : 0);
}

/* Loads the code of the block at `ptr`; false when it is not in the arena. In
 * uncommitted parts of the headerless zone the code is HEADER_NONE. The first
 * pointer of the header zone is turned away: its header would lie outside. */
ALWAYS_INLINE bool arena_code(const void *ptr, size_t *code)
{
	size_t offset = (uintptr_t)ptr - arena.header_first;

	if (likely(offset < peek64(&arena.committed[ARENA_HEADER]))) {
		*code = *((const uint8_t *)ptr - 1);
		return true;
	}
	offset = arena_offset(ptr);
	if (unlikely(offset >= arena.split))
		return false;
	*code = arena.map[offset >> ARENA_UNIT_SHIFT];
	return true;
}

#endif
