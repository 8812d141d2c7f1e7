#include "libhakmem/memory/arena.h"

#include "libhakmem/base/vm.h"

#define ZONE_MAX	 TIB	    /* per zone, when placed */
#define ZONE_LIMITED_MIN (4 * GIB)  /* with a limit on address space */
#define RESERVE_MAX	 (64 * GIB) /* per zone, when reserved */
#define RESERVE_MIN	 (2 * MIB)
#define STEP_MIN	 MIB
#define STEP_MAX	 (64 * MIB)
#define DESCRIBE_STEP	 1024u /* units: 64 KiB of descriptors */
#define MAP_STEP	 (VM_PAGE / sizeof(uint16_t)) /* units */

/* Random places are taken from here: above the shadow memory of sanitizers,
 * far below where the kernel and programs put their mappings. */
#define PLACE_LOW   (20 * TIB)
#define PLACE_SPAN  (40 * TIB)
#define PLACE_TRIES 8

struct arena arena = {.headerless_first = SIZE_MAX};

static size_t arena_table_bytes(size_t zone_bytes)
{
	return 2 * (zone_bytes >> ARENA_UNIT_SHIFT) * sizeof(struct unit);
}

/* Of the headerless zone, with an entry behind the last; of the header zone. */
static size_t arena_map_bytes(size_t zone_bytes)
{
	return align_up(((zone_bytes >> ARENA_UNIT_SHIFT) + 1) *
				sizeof(*arena.map),
			VM_PAGE);
}

static size_t arena_header_map_bytes(size_t zone_bytes)
{
	return align_up((zone_bytes >> ARENA_UNIT_SHIFT) * sizeof(*arena.map),
			VM_PAGE);
}

static size_t arena_maps_bytes(size_t zone_bytes)
{
	return arena_map_bytes(zone_bytes) + arena_header_map_bytes(zone_bytes);
}

/* From `at`: class maps, descriptors, zones, each where it may grow to. */
static void arena_lay_out(char *at, size_t zone_bytes)
{
	size_t tables =
		arena_maps_bytes(zone_bytes) + arena_table_bytes(zone_bytes);
	uint16_t *header_map =
		(uint16_t *)(void *)(at + arena_map_bytes(zone_bytes));

	arena.map = (uint16_t *)(void *)at;
	arena.units =
		(struct unit *)(void *)(at + arena_maps_bytes(zone_bytes));
	arena.base = align_up((uintptr_t)at + tables, ARENA_UNIT);
	arena.split = zone_bytes;
	arena.header = arena.base + zone_bytes;
	arena.header_first = arena.header + BLOCK_ALIGN;
	arena.headerless_first = arena.base - arena.header_first;
	arena.map_of_0 = arena.map - (arena.base >> ARENA_UNIT_SHIFT);
	arena.header_map_of_0 = header_map - (arena.header >> ARENA_UNIT_SHIFT);
}

static bool arena_place(uint64_t random, size_t zone_bytes)
{
	for (int i = 0; i < PLACE_TRIES; i++) {
		uintptr_t at = PLACE_LOW + align_down(random % PLACE_SPAN, GIB);

		arena_lay_out((char *)at, zone_bytes);
		if (vm_map_at(arena.map, arena_map_bytes(zone_bytes)))
			return true;
		random = random * 0x9E3779B97F4A7C15u + 1;
	}
	return false;
}

static bool arena_reserve(size_t zone_bytes)
{
	for (; zone_bytes >= RESERVE_MIN; zone_bytes /= 4) {
		size_t bytes = arena_maps_bytes(zone_bytes) +
			       arena_table_bytes(zone_bytes) + 2 * zone_bytes +
			       2 * ARENA_UNIT;
		char *at = vm_reserve(bytes);

		if (!at)
			continue;
		arena_lay_out(at, zone_bytes);
		if (vm_commit(at,
			      arena_maps_bytes(zone_bytes) +
				      align_up(arena_table_bytes(zone_bytes),
					       VM_PAGE)))
			return true;
		vm_unmap(at, bytes);
	}
	return false;
}

bool arena_init(uint64_t random)
{
	size_t limit = vm_limit();
	size_t zone_bytes = ZONE_MAX;

	if (limit < ZONE_MAX)
		zone_bytes = max_size(round_up_power(limit), ZONE_LIMITED_MIN);
	if (TSAN_BUILD || !arena_place(random, zone_bytes)) {
		if (!arena_reserve(RESERVE_MAX)) {
			arena = (struct arena){.headerless_first = SIZE_MAX};
			return false;
		}
		arena.reserved = true;
		arena.described[0] = arena.described[1] = arena.header_mapped =
			arena.split >> ARENA_UNIT_SHIFT;
	}
	return true;
}

/* Makes sure that the first `units` units of the header zone have an entry in
 * its class map. */
static bool arena_extend_map(size_t units)
{
	for (; arena.header_mapped < units; arena.header_mapped += MAP_STEP)
		if (!vm_map_at(arena_map_entry(arena_zone_units(ARENA_HEADER) +
					       arena.header_mapped),
			       VM_PAGE))
			return false;
	return true;
}

/* Makes sure the first `units` units of `zone` have descriptors. */
static bool arena_describe(enum arena_zone zone, size_t units)
{
	size_t have = arena.described[zone];
	size_t want = align_up(units, DESCRIBE_STEP);

	if (units <= have)
		return true;
	/* First: what it got it keeps, when the rest cannot be had. */
	if (zone == ARENA_HEADER && !arena_extend_map(want))
		return false;
	if (!vm_map_at(arena_zone_units(zone) + have,
		       (want - have) * sizeof(struct unit)))
		return false;
	arena.described[zone] = want;
	return true;
}

/* release: a free may read a header there only once it is readable */
static void arena_set_committed(enum arena_zone zone, size_t bytes)
{
	__atomic_store_n(&arena.committed[zone], bytes, __ATOMIC_RELEASE);
	if (zone == ARENA_HEADER)
		__atomic_store_n(&arena.header_reach,
				 bytes > 0 ? bytes - BLOCK_ALIGN + 1 : 0,
				 __ATOMIC_RELEASE);
}

static bool arena_commit(enum arena_zone zone, size_t bytes)
{
	size_t have = arena.committed[zone];
	char *at = arena_address(arena_zone_units(zone)) + have;

	if (bytes > arena.split - have ||
	    !arena_describe(zone, (have + bytes) >> ARENA_UNIT_SHIFT))
		return false;
	if (!(arena.reserved ? vm_commit(at, bytes) : vm_map_at(at, bytes)))
		return false;
	arena_set_committed(zone, have + bytes);
	return true;
}

size_t arena_grow(enum arena_zone zone, size_t units)
{
	size_t need = units << ARENA_UNIT_SHIFT;
	size_t step = arena.committed[zone] / 8;

	step = max_size(STEP_MIN, min_size(step, STEP_MAX));
	step = align_up(max_size(step, need), ARENA_UNIT);
	if (arena_commit(zone, step))
		return step >> ARENA_UNIT_SHIFT;
	return arena_commit(zone, need) ? units : 0;
}

bool arena_shrink(enum arena_zone zone, size_t units)
{
	size_t bytes = units << ARENA_UNIT_SHIFT;
	size_t have = arena.committed[zone] - bytes;

	if (arena.reserved)
		return false;
	arena_set_committed(zone, have);
	vm_unmap(arena_address(arena_zone_units(zone)) + have, bytes);
	return true;
}
