/*
 * The arena: the address range that every span comes from.
 *
 *   base                    header = base + split
 *   | headerless zone ->    | header zone ->        |
 *   +-----------+ - - - - - +-----------+ - - - - - +
 *   | committed |           | committed |
 *   +-----------+ - - - - - +-----------+ - - - - - +
 *
 * Both zones grow upwards in units of 64 KiB. Each has a class map, two bytes a
 * unit, that tells the row of the blocks there: free takes it from there, as
 * the map is small and near, and a store whose address is not known yet holds
 * up the loads behind it. That of the headerless zone is mapped as a whole. A
 * block in the header zone has its code at ptr-1 as well, in the cache line of
 * its first bytes (no block begins a line); free compares it, and what is no
 * ordinary live block differs.
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

#include "libhakmem/memory/header.h"
#include "libhakmem/memory/sizeclass.h"
#include "libhakmem/base/util.h"

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

/* One per unit. Which module may touch the fields of a span follows its state:
 * span for free runs, central (under the class's lock) for slabs. */
struct unit {
	uint8_t state;	   /* enum unit_state */
	uint8_t code;	   /* class code, of every unit of a slab */
	uint8_t dirty;	   /* free run: may hold memory */
	uint8_t listed;	   /* slab: on its class's partial list */
	uint32_t units;	   /* length; at the first, of a free run also last */
	uint32_t lead;	   /* slab: units back to its first */
	uint32_t tick;	   /* free run: when it became dirty */
	struct unit *next; /* bin or partial list, NULL ends it */
	struct unit *prev;
	union {
		uint64_t one;	/* slab of at most 64 blocks */
		uint64_t *many; /* else */
	} free;			/* slab: bit per block given back */
	uint32_t first_free;	/* slab: no bit is set in a word before this */
	uint32_t carved;	/* slab: blocks ever made */
	uint32_t used;		/* slab: blocks that are out */
	uint32_t first;		/* slab: offset of its first block */
} __attribute__((aligned(CACHE_LINE)));
_Static_assert(sizeof(struct unit) == CACHE_LINE, "index by shift");

/* The first line is what free reads. */
struct arena {
	uintptr_t base;		/* of both zones; 0 until arena_init */
	size_t split;		/* bytes of each zone */
	uintptr_t header;	/* start of the header zone */
	uintptr_t header_first; /* header + 16: where the first block may be */
	size_t header_reach; /* offsets from there whose ptr-1 is committed */
	size_t headerless_first;   /* base as an offset from header_first: huge;
				    * SIZE_MAX until arena_init */
	uint16_t *map_of_0;	   /* map, from where address 0 would stand */
	uint16_t *header_map_of_0; /* the header zone's map, likewise */
	uint16_t *map;		   /* row of the class by unit of the headerless
				    * zone, and HEADER_NONE behind the last */
	struct unit *units;	   /* descriptor by unit */
	size_t committed[ARENA_ZONES]; /* bytes; span's lock */
	size_t described[ARENA_ZONES]; /* units with a descriptor; ditto */
	size_t header_mapped; /* units with an entry in the header zone's map */
	bool reserved;	      /* mprotect commits; else mmap does */
} __attribute__((aligned(CACHE_LINE)));
_Static_assert(offsetof(struct arena, header_map_of_0) < CACHE_LINE,
	       "one line");

extern HIDDEN struct arena arena;

/* Chooses the address. False when not even a few MiB can be had. Once. */
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

/* The entry of a unit in the class map of its zone. */
static inline uint16_t *arena_map_entry(const struct unit *unit)
{
	uintptr_t at = (uintptr_t)arena_address(unit) >> ARENA_UNIT_SHIFT;

	return arena_zone_of(unit) == ARENA_HEADER ? &arena.header_map_of_0[at]
						   : &arena.map_of_0[at];
}

/* Part of a slab? */
static inline bool unit_is_slab(const struct unit *unit)
{
	return (unit->state | 1) == UNIT_SLAB_REST;
}
_Static_assert((UNIT_SLAB | 1) == UNIT_SLAB_REST, "told by one test");

/* Units from the start of `zone`, and back. */
static inline struct unit *arena_zone_units(enum arena_zone zone)
{
	return arena.units +
	       (zone == ARENA_HEADER ? arena.split >> ARENA_UNIT_SHIFT : 0);
}

/* Where `ptr` lies from where the header zone's first block may be. */
ALWAYS_INLINE size_t arena_header_offset(const void *ptr)
{
	return (uintptr_t)ptr - arena.header_first;
}

/* Of that offset: committed memory of the header zone? ptr-1 is readable. */
ALWAYS_INLINE bool arena_in_header_zone(size_t offset)
{
	return offset <
	       (TSAN_BUILD ? peek64(&arena.header_reach) : arena.header_reach);
}

/* Of that offset, if not in the header zone: in the headerless one? */
ALWAYS_INLINE bool arena_in_headerless_zone(size_t offset)
{
	return offset >= arena.headerless_first;
}

/*
 * Loads the offset of the row (sizeclass.h) that the code of the block at `ptr`
 * stands for: that of its header byte, or of its unit where blocks have none.
 * False when it is not in the arena. In uncommitted parts of the headerless
 * zone the code is HEADER_NONE. For slow paths; free takes the row of its unit
 * in both zones and compares the byte.
 */
ALWAYS_INLINE bool arena_row(const void *ptr, size_t *row)
{
	size_t offset = arena_header_offset(ptr);

	if (arena_in_header_zone(offset))
		*row = (size_t)*header_byte(ptr) << SIZECLASS_ROW_SHIFT;
	else if (arena_in_headerless_zone(offset))
		*row = arena.map_of_0[(uintptr_t)ptr >> ARENA_UNIT_SHIFT];
	else
		return false;
	return true;
}

/* The code of the block at `ptr`, which arena_owns. */
ALWAYS_INLINE uint8_t arena_code(const void *ptr)
{
	size_t row = HEADER_NONE;

	arena_row(ptr, &row);
	return (uint8_t)(row >> SIZECLASS_ROW_SHIFT);
}

#endif
