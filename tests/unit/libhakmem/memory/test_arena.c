#include "libhakmem/memory/arena.h"
#include "libhakmem/base/vm.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Each case chooses a place of its own, in a child. */

static void check_layout(void)
{
	must(is_aligned(arena.base, ARENA_UNIT));
	must(arena.header == arena.base + arena.split);
	must(is_power_of_two(arena.split) && arena.split >= ARENA_UNIT);
	must(arena.committed[0] == 0 && arena.committed[1] == 0);
	/* nothing is owned, and no code is read, before memory is there */
	must(!arena_owns((void *)arena.base));
	must(!arena_owns((void *)arena.header));
	must(!arena_owns(NULL));
	must(!arena_owns((void *)(arena.header + arena.split)));
	/* the class map covers the whole headerless zone */
	for (size_t unit = 0; unit < arena.split >> ARENA_UNIT_SHIFT;
	     unit += 4096)
		must(arena.map[unit] == 0);
}

static void check_zone(enum arena_zone zone)
{
	uintptr_t start = zone == ARENA_HEADER ? arena.header : arena.base;
	size_t got = arena_grow(zone, 3), before = arena.committed[zone];
	struct unit *units = arena_zone_units(zone);
	char *memory = (char *)start;

	must(got >= 3);
	must(before == got << ARENA_UNIT_SHIFT);
	must(arena_address(units) == memory);
	for (size_t i = 0; i < got; i++) {
		char *at = memory + (i << ARENA_UNIT_SHIFT);

		must(arena_unit(at) == units + i);
		must(arena_unit(at + ARENA_UNIT - 1) == units + i);
		must(arena_address(units + i) == at);
		must(arena_zone_of(units + i) == zone);
		must(units[i].state == UNIT_NONE);
		must(at[0] == 0 && at[ARENA_UNIT - 1] == 0);
		at[0] = at[ARENA_UNIT - 1] = 1;
	}
	must(arena_owns(memory) && arena_owns(memory + before - 1));
	must(!arena_owns(memory - 1) || zone == ARENA_HEADERLESS);
	must(!arena_owns(memory + before));
	/* it grows in place */
	got = arena_grow(zone, 2000);
	must(got >= 2000);
	must(arena.committed[zone] == before + (got << ARENA_UNIT_SHIFT));
	must(memory[0] == 1 && memory[before] == 0);
	memory[arena.committed[zone] - 1] = 1;
	units[(arena.committed[zone] >> ARENA_UNIT_SHIFT) - 1].carved = 7;
	must(arena_unit(memory + arena.committed[zone] - 1)->carved == 7);
}

static bool has_code(const void *ptr, uint8_t code)
{
	size_t row = 99;

	return arena_row(ptr, &row) && arena_code(ptr) == code &&
	       row == (size_t)code << SIZECLASS_ROW_SHIFT;
}

static bool has_row(const void *ptr)
{
	size_t row;

	return arena_row(ptr, &row);
}

/* The code of a block: in the map, or the byte before. */
static void check_codes(void)
{
	char *memory = (char *)arena.base;
	int outside;

	arena.map[1] = 0x85 << SIZECLASS_ROW_SHIFT;
	must(has_code(memory + ARENA_UNIT, 0x85));
	must(has_code(memory + 2 * ARENA_UNIT - 1, 0x85));
	must(has_code(memory + ARENA_UNIT - 1, 0));
	must(has_code(memory + 2 * ARENA_UNIT, 0));
	/* in the part that is not there: no code */
	must(has_code(memory + arena.split - 16, 0));

	memory = (char *)arena.header;
	memory[15] = (char)0x9a;
	must(has_code(memory + 16, 0x9a));
	memory[arena.committed[ARENA_HEADER] - 17] = (char)0xf8;
	must(has_code(memory + arena.committed[ARENA_HEADER] - 16, 0xf8));
	/* the byte before the zone is not readable: never looked at */
	must(has_code(memory, HEADER_NONE));
	must(!has_row(memory + arena.committed[ARENA_HEADER] + 16));
	must(!has_row(NULL));
	must(!has_row((void *)(arena.base - 1)));
	must(!has_row(&outside));
}

static void check_arena(void)
{
	check_layout();
	check_zone(ARENA_HEADERLESS);
	check_zone(ARENA_HEADER);
	check_codes();
}

static void place(void)
{
	errno = 77;
	must(arena_init(12345));
	must(!arena.reserved);
	check_arena();
	must(errno == 77);
}

static void the_arena_stands_at_a_random_place(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	skip(); /* that sanitizer refuses such addresses */
#endif
	assert_child_passes(place);
}

static void shrink(void)
{
	size_t units, committed;
	char *memory;

	must(arena_init(777));
	memory = (char *)arena.header;
	arena_grow(ARENA_HEADER, 100);
	committed = arena.committed[ARENA_HEADER];
	units = committed >> ARENA_UNIT_SHIFT;
	memset(memory, 1, committed);
	must(arena_shrink(ARENA_HEADER, units - 10));
	must(arena.committed[ARENA_HEADER] == 10 * ARENA_UNIT);
	must(arena_owns(memory + 10 * ARENA_UNIT - 1));
	must(!arena_owns(memory + 10 * ARENA_UNIT));
	must(!vm_readable((uintptr_t)memory + 10 * ARENA_UNIT));
	must(memory[10 * ARENA_UNIT - 1] == 1);
	/* and comes back clean */
	must(arena_grow(ARENA_HEADER, units) >= units);
	must(memory[10 * ARENA_UNIT] == 0);
}

static void a_placed_arena_gives_address_space_back(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	assert_child_passes(shrink);
}

/* Occupies the places that the arena tries, as a program may have done. */
static void occupy(uint64_t random)
{
	for (int i = 0; i < 8; i++) {
		uintptr_t at = 20 * TIB + align_down(random % (40 * TIB), GIB);

		must(vm_map_at((void *)at, VM_PAGE));
		random = random * 0x9E3779B97F4A7C15u + 1;
	}
}

static void reserve(void)
{
#ifndef __SANITIZE_THREAD__
	occupy(4711);
#endif
	must(arena_init(4711));
	must(arena.reserved);
	check_arena();
	must(!arena_shrink(ARENA_HEADER, 1));
	must(arena_owns((char *)arena.header + arena.committed[ARENA_HEADER] -
			1));
}

static void where_places_are_taken_it_is_reserved(void **state)
{
	(void)state;
	assert_child_passes(reserve);
}

static void fill_reserved(void)
{
	struct rlimit limit = {512 * MIB, RLIM_INFINITY};
	size_t units = 0, got;

	occupy(99);
	must(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = 512 * MIB;
	must(setrlimit(RLIMIT_AS, &limit) == 0);
	must(arena_init(99));
	must(arena.reserved);
	/* less than the limit, more than a few MiB; full means full */
	must(arena.split >= 8 * MIB && arena.split <= 256 * MIB);
	while ((got = arena_grow(ARENA_HEADER, 1)) != 0)
		units += got;
	must(units << ARENA_UNIT_SHIFT == arena.split);
	must(arena.committed[ARENA_HEADER] == arena.split);
	((char *)arena.header)[arena.split - 1] = 1;
	/* the other zone ends where this one begins */
	while (arena_grow(ARENA_HEADERLESS, 1) != 0)
		must(arena.committed[ARENA_HEADERLESS] <= arena.split);
	must(arena.committed[ARENA_HEADERLESS] == arena.split);
}

static void under_a_limit_less_is_reserved(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_child_passes(fill_reserved);
}

static void place_limited(void)
{
	struct rlimit limit;
	size_t grown = 0, got;

	must(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = 256 * MIB;
	must(setrlimit(RLIMIT_AS, &limit) == 0);
	must(arena_init(5));
	must(!arena.reserved);
	/* only what is committed counts: most of the limit is usable */
	while ((got = arena_grow(ARENA_HEADERLESS, 16)) != 0)
		grown += got << ARENA_UNIT_SHIFT;
	must(grown > 128 * MIB && grown < 256 * MIB);
	must(arena.committed[ARENA_HEADERLESS] == grown);
	((char *)arena.base)[grown - 1] = 1;
	/* what one zone gives back the other can have */
	must(arena_grow(ARENA_HEADER, 512) == 0);
	must(arena_shrink(ARENA_HEADERLESS, 1024));
	must(arena_grow(ARENA_HEADER, 512) >= 512);
}

static void a_placed_arena_counts_only_what_is_used(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_child_passes(place_limited);
}

static void meet_an_obstacle(void)
{
	must(arena_init(31));
	must(arena_grow(ARENA_HEADER, 1) > 0);
	must(vm_map_at((char *)arena.header + 4 * MIB, VM_PAGE));
	while (arena_grow(ARENA_HEADER, 16) != 0)
		must(arena.committed[ARENA_HEADER] <= 4 * MIB);
	must(arena.committed[ARENA_HEADER] == 4 * MIB);
	must(arena_grow(ARENA_HEADERLESS, 16) != 0);
}

/* A page of the tables that cannot be had now can be had later. */
static void have_no_page(void)
{
	size_t units;
	void *page;

	must(arena_init(41));
	must(arena_grow(ARENA_HEADER, 1) > 0);
	units = arena.header_mapped;
	page = arena_map_entry(arena_zone_units(ARENA_HEADER) + units);
	must(vm_map_at(page, VM_PAGE));
	must(arena_grow(ARENA_HEADER, units) == 0);
	vm_unmap(page, VM_PAGE);
	must(arena_grow(ARENA_HEADER, units) >= units);
	must(arena.header_mapped > units);
	arena_zone_units(ARENA_HEADER)[units].carved = 1;
	*arena_map_entry(arena_zone_units(ARENA_HEADER) + units) = 1;
}

static void tables_grow_after_a_failure(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	assert_child_passes(have_no_page);
}

static void a_mapping_in_the_way_stops_one_zone_only(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	assert_child_passes(meet_an_obstacle);
}

static void have_nothing(void)
{
	struct rlimit limit = {MIB, MIB};

	setrlimit(RLIMIT_AS, &limit);
	must(!arena_init(8));
	must(arena.base == 0 && arena.split == 0);
	must(!arena_owns(&limit));
}

static void without_memory_there_is_no_arena(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_child_passes(have_nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_arena_stands_at_a_random_place),
		cmocka_unit_test(a_placed_arena_gives_address_space_back),
		cmocka_unit_test(where_places_are_taken_it_is_reserved),
		cmocka_unit_test(under_a_limit_less_is_reserved),
		cmocka_unit_test(a_placed_arena_counts_only_what_is_used),
		cmocka_unit_test(tables_grow_after_a_failure),
		cmocka_unit_test(a_mapping_in_the_way_stops_one_zone_only),
		cmocka_unit_test(without_memory_there_is_no_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
