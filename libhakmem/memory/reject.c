#include "libhakmem/memory/reject.h"

#include "libhakmem/base/conf.h"
#include "libhakmem/memory/large.h"
#include "libhakmem/memory/slab.h"
#include "libhakmem/memory/stats.h"

#include <stdlib.h>

#define LINES_MAX 1000u

struct verdict {
	enum report_kind kind;
	uint32_t stride; /* or REPORT_CLASS_* */
};

/* True when the byte before `ptr` is in the header zone, and so readable. */
static bool has_header(const void *ptr)
{
	return arena_in_header_zone(arena_header_offset(ptr));
}

static struct verdict judge_slab(const struct unit *slab, const void *ptr)
{
	const struct sizeclass *class =
		&sizeclass_table[header_class(slab->code)];
	size_t index = ((size_t)((const char *)ptr - arena_address(slab)) -
			slab->first) /
		       class->stride;
	struct verdict verdict = {REPORT_OVERWRITTEN_HEADER, class->stride};

	uint8_t code = has_header(ptr) ? *header_byte(ptr) : HEADER_NONE;

	if (code == HEADER_FREED)
		verdict.kind = REPORT_DOUBLE_FREE; /* of an aligned pointer */
	else if (!slab_is_block(slab, ptr))
		verdict.kind = REPORT_INTERIOR;
	else if (index >= slab->carved)
		verdict.kind = REPORT_UNKNOWN_CODE;
	else if (((const struct block *)ptr)->key == block_key(ptr))
		verdict.kind = REPORT_DOUBLE_FREE;
	else if (code == HEADER_ALIGNED_BASE)
		verdict.kind = REPORT_INTERIOR;
	return verdict;
}

/* The first unit of the large span or free run that `unit` is inside of. */
static const struct unit *walk_back(const struct unit *unit)
{
	const struct unit *zone = arena_zone_units(arena_zone_of(unit));

	while (unit > zone && unit->state == UNIT_NONE)
		unit--;
	return unit;
}

static struct verdict judge_large(const void *ptr)
{
	const struct unit *unit, *first;
	bool at_start;

	/* No large block was ever in the headerless zone: a small one was. */
	if (!has_header(ptr))
		return (struct verdict){REPORT_DOUBLE_FREE,
					REPORT_CLASS_UNKNOWN};
	unit = arena_unit((const char *)ptr - 1);
	first = walk_back(unit);
	at_start = (const char *)ptr == arena_address(unit) + BLOCK_ALIGN;
	if (first->state == UNIT_LARGE && (size_t)(unit - first) < first->units)
		return (struct verdict){first == unit && at_start
						? REPORT_OVERWRITTEN_HEADER
						: REPORT_INTERIOR,
					REPORT_CLASS_LARGE};
	/* Free memory: a large block stood here if the place is right. */
	if (at_start || *header_byte(ptr) == HEADER_FREED)
		return (struct verdict){REPORT_DOUBLE_FREE, REPORT_CLASS_LARGE};
	return (struct verdict){REPORT_UNKNOWN_CODE, REPORT_CLASS_UNKNOWN};
}

static struct verdict judge(const void *ptr)
{
	struct unit *slab;

	if (!arena_owns(ptr)) {
		if (large_recently_unmapped(ptr))
			return (struct verdict){REPORT_DOUBLE_FREE,
						REPORT_CLASS_LARGE};
		return (struct verdict){REPORT_FOREIGN, REPORT_CLASS_UNKNOWN};
	}
	slab = slab_of(ptr);
	if (!is_aligned((uintptr_t)ptr, BLOCK_ALIGN))
		return (struct verdict){
			REPORT_MISALIGNED,
			slab ? sizeclass_table[header_class(slab->code)].stride
			     : REPORT_CLASS_UNKNOWN};
	return slab ? judge_slab(slab, ptr) : judge_large(ptr);
}

enum report_kind reject_quietly(const void *ptr)
{
	struct verdict verdict = judge(ptr);

	count64(&stats.rejects[verdict.kind], 1);
	return verdict.kind;
}

/* A program that is wrong in a loop must not fill a disk. */
static bool may_say(void)
{
	static uint32_t said;

	return __atomic_fetch_add(&said, 1, __ATOMIC_RELAXED) < LINES_MAX;
}

enum report_kind reject(const void *ptr)
{
	struct verdict verdict = judge(ptr);

	count64(&stats.rejects[verdict.kind], 1);
	if (verdict.kind == REPORT_FOREIGN)
		return verdict.kind;
	if (conf.corruption_abort || may_say())
		report_corruption(verdict.kind, ptr, verdict.stride,
				  conf.corruption_abort, conf.log);
	if (conf.corruption_abort)
		abort();
	return verdict.kind;
}
