#include "libhakmem/memory/lookup.h"

#include "libhakmem/memory/large.h"
#include "libhakmem/memory/slab.h"
#include "libhakmem/memory/stats.h"

/* No program has memory outside of these, on any of our machines. */
#define ADDRESS_MIN ((uintptr_t)64 * KIB)
#define ADDRESS_MAX ((uintptr_t)1 << 56)

static struct lookup lookup_bad(enum reject_kind fault, uint8_t code)
{
	return (struct lookup){.fault = fault, .code = code};
}

/* --- what is wrong with a pointer that is no live block ------------------- */

/* The byte before `ptr` if it is in the header zone, and so readable. */
static uint8_t lookup_byte(const void *ptr)
{
	return arena_in_header_zone(arena_header_offset(ptr))
		       ? *header_byte(ptr)
		       : HEADER_NONE;
}

static enum reject_kind lookup_bad_small(const struct unit *slab,
					 const void *ptr)
{
	const struct sizeclass *class =
		&sizeclass_table[header_class(slab->code)];
	size_t offset =
		(size_t)((const char *)ptr - arena_address(slab)) - slab->first;
	uint8_t code = lookup_byte(ptr);

	if (code == HEADER_FREED)
		return REJECT_DOUBLE_FREE; /* of an aligned pointer */
	if (!slab_is_block(slab, ptr))
		return REJECT_INTERIOR;
	if (offset / class->stride >= slab->carved)
		return REJECT_UNKNOWN_CODE;
	if (block_is_free(ptr))
		return REJECT_DOUBLE_FREE;
	return code == HEADER_ALIGNED_BASE ? REJECT_INTERIOR
					   : REJECT_OVERWRITTEN_HEADER;
}

/* The first unit of the large span or free run that `unit` is inside of. */
static const struct unit *lookup_first(const struct unit *unit)
{
	const struct unit *zone = arena_zone_units(arena_zone_of(unit));

	while (unit > zone && unit->state == UNIT_NONE)
		unit--;
	return unit;
}

static struct lookup lookup_bad_large(const void *ptr)
{
	const struct unit *unit, *first;
	bool at_start;

	/* No large block was ever in the headerless zone: a small one was. */
	if (!arena_in_header_zone(arena_header_offset(ptr)))
		return lookup_bad(REJECT_DOUBLE_FREE, HEADER_NONE);
	unit = arena_unit((const char *)ptr - 1);
	first = lookup_first(unit);
	at_start = (const char *)ptr == arena_address(unit) + BLOCK_ALIGN;
	if (first->state == UNIT_LARGE && (size_t)(unit - first) < first->units)
		return lookup_bad(first == unit && at_start
					  ? REJECT_OVERWRITTEN_HEADER
					  : REJECT_INTERIOR,
				  HEADER_LARGE);
	/* Free memory: a large block stood here if the place is right. */
	if (at_start || *header_byte(ptr) == HEADER_FREED)
		return lookup_bad(REJECT_DOUBLE_FREE, HEADER_LARGE);
	return lookup_bad(REJECT_UNKNOWN_CODE, HEADER_NONE);
}

static COLD struct lookup lookup_bad_inside(const void *ptr)
{
	const struct unit *slab = slab_of(ptr);

	if (!is_aligned((uintptr_t)ptr, BLOCK_ALIGN))
		return lookup_bad(REJECT_MISALIGNED,
				  slab ? slab->code : HEADER_NONE);
	return slab ? lookup_bad(lookup_bad_small(slab, ptr), slab->code)
		    : lookup_bad_large(ptr);
}

/* --- live blocks ---------------------------------------------------------- */

static struct lookup lookup_small(void *ptr, uint8_t code)
{
	const struct unit *slab = slab_of(ptr);
	bool sampled = header_is_sampled(code);
	unsigned class;

	if (!slab || !slab_is_block(slab, ptr) ||
	    (!sampled &&
	     (code != slab_code_at(slab, ptr) || block_is_free(ptr))))
		return lookup_bad_inside(ptr);
	class = header_class(slab->code);
	return (struct lookup){
		.kind = LOOKUP_SMALL,
		.code = slab->code,
		.counted = code == HEADER_SAMPLED_EXACT
				   ? header_class_code(sizeclass_exact(class))
				   : slab->code,
		.sampled = sampled,
		.base = ptr,
		.usable = sizeclass_table[class].usable,
	};
}

static struct lookup lookup_aligned(void *ptr)
{
	const struct header_large *header = header_large(ptr);
	char *base = (char *)ptr - header->bytes;
	const struct unit *slab;

	if (!header_large_valid(ptr, HEADER_ALIGNED) || !arena_owns(base))
		return lookup_bad_inside(ptr);
	slab = slab_of(base);
	if (!slab || !slab_is_block(slab, base))
		return lookup_bad_inside(ptr);
	return (struct lookup){
		.kind = LOOKUP_ALIGNED,
		.code = slab->code,
		.counted = header->counted ? header->counted : slab->code,
		.sampled = header->sampled,
		.base = base,
		.usable = sizeclass_table[header_class(slab->code)].usable -
			  header->bytes,
	};
}

static struct lookup lookup_large(void *ptr, uint8_t code)
{
	const struct header_large *header = header_large(ptr);

	return (struct lookup){
		.kind = LOOKUP_LARGE,
		.code = code,
		.counted = header->counted,
		.sampled = header->sampled,
		.base = ptr,
		.usable = large_usable(ptr),
	};
}

static struct lookup lookup_inside(void *ptr)
{
	uint8_t code = arena_code(ptr);

	if (!is_aligned((uintptr_t)ptr, BLOCK_ALIGN))
		return lookup_bad_inside(ptr);
	if (code == HEADER_ALIGNED)
		return lookup_aligned(ptr);
	if (code != HEADER_LARGE)
		return lookup_small(ptr, code);
	if (arena_unit((char *)ptr - 16)->state != UNIT_LARGE ||
	    !header_large_valid(ptr, HEADER_LARGE))
		return lookup_bad_inside(ptr);
	return lookup_large(ptr, code);
}

static struct lookup lookup_outside(void *ptr)
{
	bool asked, readable;

	if (large_recently_unmapped(ptr))
		return lookup_bad(REJECT_DOUBLE_FREE, HEADER_MAPPED);
	if (!is_aligned((uintptr_t)ptr, BLOCK_ALIGN) ||
	    (uintptr_t)ptr - ADDRESS_MIN >= ADDRESS_MAX - ADDRESS_MIN)
		return lookup_bad(REJECT_FOREIGN, HEADER_NONE);
	readable = header_readable(ptr, &asked);
	if (asked) {
		stats_add(FIGURE_PAGE_BOUNDARY, 1);
		stats_add(FIGURE_MINCORE, 1);
	}
	if (!readable || !header_large_valid(ptr, HEADER_MAPPED))
		return lookup_bad(REJECT_FOREIGN, HEADER_NONE);
	return lookup_large(ptr, HEADER_MAPPED);
}

struct lookup lookup_closely(void *ptr)
{
	return arena_owns(ptr) ? lookup_inside(ptr) : lookup_outside(ptr);
}
