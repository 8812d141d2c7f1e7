#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

#define SPANS_MAX 400
#define OWN_UNITS 16384 /* of one zone, in the shadow map */

/* The model: who owns each unit of a zone, and what stands in it. */
static struct {
	struct unit *unit;
	uint32_t length;
	uint32_t mark;
	enum arena_zone zone;
} spans[SPANS_MAX];
static size_t span_count;
static uint32_t owner[ARENA_ZONES][OWN_UNITS]; /* mark; 0 is free */
static uint32_t next_mark = 1;
static uint32_t tick = 1; /* never goes back */

static size_t number(const struct unit *unit, enum arena_zone zone)
{
	return (size_t)(unit - arena_zone_units(zone));
}

/* One word at each end of every unit. */
static uint32_t *word(const struct unit *unit, size_t i, bool last)
{
	char *at = arena_address(unit) + i * ARENA_UNIT;

	return (uint32_t *)(void *)(at + (last ? ARENA_UNIT - 4 : 0));
}

static void own(size_t s, size_t from, size_t to)
{
	size_t first = number(spans[s].unit, spans[s].zone);

	for (size_t i = from; i < to; i++) {
		uint32_t *who = &owner[spans[s].zone][first + i];

		assert_true(first + i < OWN_UNITS);
		assert_int_equal(*who, 0);
		*who = spans[s].mark;
		*word(spans[s].unit, i, false) = spans[s].mark;
		*word(spans[s].unit, i, true) = spans[s].mark;
	}
}

static void disown(size_t s, size_t from, size_t to)
{
	size_t first = number(spans[s].unit, spans[s].zone);

	for (size_t i = from; i < to; i++) {
		uint32_t *who = &owner[spans[s].zone][first + i];

		assert_int_equal(*who, spans[s].mark);
		assert_int_equal(*word(spans[s].unit, i, false), *who);
		assert_int_equal(*word(spans[s].unit, i, true), *who);
		*who = 0;
	}
}

static void take(enum arena_zone zone, size_t units)
{
	bool zeroed = false;
	struct unit *unit = span_alloc(zone, units, &zeroed);
	size_t s = span_count++;

	assert_non_null(unit);
	assert_int_equal(unit->state, UNIT_NONE);
	assert_int_equal(unit->units, units);
	assert_int_equal(arena_zone_of(unit), zone);
	assert_true(arena_owns(arena_address(unit)));
	assert_true(arena_owns(arena_address(unit) + units * ARENA_UNIT - 1));
	for (size_t i = 0; zeroed && i < units; i++) {
		assert_int_equal(*word(unit, i, false), 0);
		assert_int_equal(*word(unit, i, true), 0);
	}
	spans[s].unit = unit;
	spans[s].length = (uint32_t)units;
	spans[s].mark = next_mark++;
	spans[s].zone = zone;
	own(s, 0, units);
}

static void give(size_t s)
{
	disown(s, 0, spans[s].length);
	span_free(spans[s].unit);
	spans[s] = spans[--span_count];
}

static void resize(size_t s, size_t units)
{
	size_t old = spans[s].length;

	if (units > old) {
		if (!span_extend(spans[s].unit, units))
			return;
		spans[s].length = (uint32_t)units;
		own(s, old, units);
	} else if (units < old) {
		disown(s, units, old);
		span_shrink(spans[s].unit, units);
		spans[s].length = (uint32_t)units;
	}
	assert_int_equal(spans[s].unit->units, units);
}

static size_t some_length(uint64_t *random)
{
	switch (draw_below(random, 8)) {
	case 0:
		return 1 + draw_below(random, 200);
	case 1:
		return 30 +
		       draw_below(random, 5); /* around the last exact bin */
	case 2:
		return (size_t)1 << draw_below(random, 8);
	default:
		return 1 + draw_below(random, 8);
	}
}

static void give_all(void)
{
	while (span_count > 0)
		give(span_count - 1);
}

/* After everything is free and purged each zone is one clean run. */
static void assert_one_run(void)
{
	span_purge_all();
	assert_int_equal(span_dirty_bytes(), 0);
	for (int zone = 0; zone < ARENA_ZONES; zone++) {
		size_t units = arena.committed[zone] >> ARENA_UNIT_SHIFT;
		struct unit *first = arena_zone_units((enum arena_zone)zone);
		bool zeroed = false;

		if (units == 0)
			continue;
		assert_int_equal(first->state, UNIT_FREE);
		assert_int_equal(first->units, units);
		assert_int_equal(first[units - 1].state, UNIT_FREE);
		assert_int_equal(first[units - 1].units, units);
		for (size_t i = 1; i + 1 < units; i++)
			assert_int_equal(first[i].state, UNIT_NONE);
		assert_ptr_equal(
			span_alloc((enum arena_zone)zone, units, &zeroed),
			first);
		assert_true(zeroed);
		span_free(first);
	}
	span_purge_all();
}

static void play(uint64_t seed, int rounds)
{
	uint64_t random = seed;

	for (int i = 0; i < rounds; i++) {
		size_t what = draw_below(&random, 100);
		size_t s = span_count ? draw_below(&random, span_count) : 0;

		if (what < 45 && span_count < SPANS_MAX)
			take(draw_below(&random, 3) ? ARENA_HEADER
						    : ARENA_HEADERLESS,
			     some_length(&random));
		else if (what < 80 && span_count > 0)
			give(s);
		else if (what < 95 && span_count > 0)
			resize(s, some_length(&random));
		else if (what == 95)
			span_set_tick(++tick);
		else if (what == 96)
			span_purge(tick - 1);
		else if (what == 97 && draw_below(&random, 8) == 0)
			span_release_ends();
		else if (what == 98 && draw_below(&random, 8) == 0)
			span_purge_all();
		else if (what == 99 && draw_below(&random, 8) == 0)
			give_all();
	}
	give_all();
}

static int init(void **state)
{
	(void)state;
	return arena_init(123) ? 0 : -1;
}

static void random_use_never_overlaps(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		play(seed, 3000);
		assert_one_run();
	}
}

static void fresh_memory_is_zeroed_and_used_is_not(void **state)
{
	bool zeroed = false;
	struct unit *span = span_alloc(ARENA_HEADER, 4, &zeroed);
	char *at = arena_address(span);

	(void)state;
	assert_true(zeroed);
	memset(at, 1, 4 * ARENA_UNIT);
	span_free(span);
	assert_int_equal(span_dirty_bytes(), 4 * ARENA_UNIT);
	assert_ptr_equal(span_alloc(ARENA_HEADER, 4, &zeroed), span);
	assert_false(zeroed);
	assert_int_equal(span_dirty_bytes(), 0);
	span_free(span);
	assert_int_equal(span_purge_all(), 4 * ARENA_UNIT);
	assert_ptr_equal(span_alloc(ARENA_HEADER, 4, &zeroed), span);
	assert_true(zeroed);
	for (size_t i = 0; i < 4 * ARENA_UNIT; i += 512)
		assert_int_equal(at[i], 0);
	span_free(span);
	span_purge_all();
}

static void what_is_idle_for_a_whole_tick_goes_back(void **state)
{
	uint64_t before = peek64(&stats.figures[FIGURE_RETURNED_BYTES]);
	struct unit *early, *late, *wall;

	(void)state;
	early = span_alloc(ARENA_HEADER, 2, NULL);
	wall = span_alloc(ARENA_HEADER, 1, NULL);
	late = span_alloc(ARENA_HEADER, 3, NULL);
	span_free(early);
	span_set_tick(++tick);
	span_free(late);
	assert_int_equal(span_purge(tick - 1), 0);
	span_set_tick(++tick);
	assert_int_equal(span_purge(tick - 1), 2 * ARENA_UNIT);
	assert_int_equal(span_dirty_bytes(), 3 * ARENA_UNIT);
	span_set_tick(++tick);
	assert_int_equal(span_purge(tick - 1), 3 * ARENA_UNIT);
	assert_int_equal(peek64(&stats.figures[FIGURE_RETURNED_BYTES]) - before,
			 5 * ARENA_UNIT);
	span_free(wall);
	span_purge_all();
}

static void ticks_may_wrap(void **state)
{
	struct unit *span = span_alloc(ARENA_HEADER, 1, NULL);

	(void)state;
	span_set_tick(UINT32_MAX);
	span_free(span);
	span_set_tick(0);
	assert_int_equal(span_purge(UINT32_MAX), 0);
	span_set_tick(tick = 1);
	assert_int_equal(span_purge(0), ARENA_UNIT);
}

/* More than a batch of runs, none a neighbor of another. */
static void many_separate_runs_are_all_purged(void **state)
{
	struct unit *all[400];

	(void)state;
	for (int i = 0; i < 400; i++)
		all[i] = span_alloc(ARENA_HEADERLESS, 1, NULL);
	for (int i = 0; i < 400; i += 2)
		span_free(all[i]);
	assert_int_equal(span_purge_all(), 200 * ARENA_UNIT);
	assert_int_equal(span_dirty_bytes(), 0);
	for (int i = 1; i < 400; i += 2)
		span_free(all[i]);
	assert_one_run();
}

/* 64 MiB, and a quarter of what is committed; the next time twice as much,
 * until a tick. */
static void too_much_dirt_is_purged_at_once(void **state)
{
	(void)state;
	span_set_tick(1000);
	for (size_t limit = 64 * MIB; limit <= 128 * MIB; limit *= 2) {
		size_t committed = arena.committed[0] + arena.committed[1];
		size_t most =
			max_size(limit, committed / 4) >> ARENA_UNIT_SHIFT;
		struct unit *one = span_alloc(ARENA_HEADER, most / 4 * 3, NULL);
		struct unit *two = span_alloc(ARENA_HEADER, most / 2, NULL);

		span_free(one);
		assert_int_equal(span_dirty_bytes(), most / 4 * 3 * ARENA_UNIT);
		span_free(two);
		assert_int_equal(span_dirty_bytes(), 0);
	}
	span_set_tick(1001);
	assert_one_run();
}

/* Two dirty runs around a clean one, each too short by itself. */
static void dirty_neighbors_serve_before_the_zone_grows(void **state)
{
	size_t units = arena.committed[ARENA_HEADER] >> ARENA_UNIT_SHIFT;
	struct unit *before = span_alloc(ARENA_HEADER, 3, NULL);
	struct unit *clean = span_alloc(ARENA_HEADER, 1, NULL);
	struct unit *behind = span_alloc(ARENA_HEADER, 3, NULL);
	struct unit *rest = span_alloc(ARENA_HEADER, units - 7, NULL);
	bool zeroed = false;

	(void)state;
	assert_ptr_equal(rest, before + 7);
	span_free(clean);
	span_purge_all();
	span_free(before);
	span_free(behind);
	assert_ptr_equal(span_alloc(ARENA_HEADER, 6, &zeroed), before);
	assert_true(zeroed);
	assert_int_equal(arena.committed[ARENA_HEADER],
			 units << ARENA_UNIT_SHIFT);
	span_free(before);
	span_free(rest);
	assert_one_run();
}

static void extending_needs_a_free_run_behind(void **state)
{
	struct unit *span = span_alloc(ARENA_HEADER, 2, NULL);
	struct unit *wall = span_alloc(ARENA_HEADER, 1, NULL);

	(void)state;
	assert_ptr_equal(wall, span + 2);
	assert_false(span_extend(span, 3));
	assert_int_equal(span->units, 2);
	span_free(wall);
	assert_true(span_extend(span, 3));
	assert_int_equal(span->units, 3);
	span_shrink(span, 1);
	assert_ptr_equal(span_alloc(ARENA_HEADER, 2, NULL), span + 1);
	span_free(span + 1);
	span_free(span);
	span_purge_all();
}

/* At the end of what is committed a span grows with its zone. */
static void the_last_span_grows_with_its_zone(void **state)
{
	size_t units = arena.committed[ARENA_HEADER] >> ARENA_UNIT_SHIFT;
	struct unit *span = span_alloc(ARENA_HEADER, units, NULL);

	(void)state;
	assert_true(span_extend(span, units + 1));
	assert_int_equal(span->units, units + 1);
	assert_true(arena.committed[ARENA_HEADER] >> ARENA_UNIT_SHIFT > units);
	memset(arena_address(span) + (units << ARENA_UNIT_SHIFT), 1,
	       ARENA_UNIT);
	/* but not beyond the zone */
	assert_false(span_extend(span, (arena.split >> ARENA_UNIT_SHIFT) + 1));
	assert_int_equal(span->units, units + 1);
	span_free(span);
	span_purge_all();
	assert_one_run();
}

static void a_span_can_be_had_at_the_end(void **state)
{
	struct unit *first = span_alloc(ARENA_HEADER, 3, NULL);
	struct unit *wall = span_alloc(ARENA_HEADER, 3, NULL);
	struct unit *last;

	(void)state;
	span_free(first);
	/* not in the hole that would do, but where it can grow */
	last = span_alloc_last(ARENA_HEADER, 2);
	assert_true(last > wall);
	assert_int_equal(last->units, 2);
	assert_true(span_extend(last, 100));
	assert_int_equal(last->units, 100);
	span_free(last);
	span_free(wall);
	span_purge_all();
	assert_one_run();
}

/* By a little more than what is free behind it. */
static void a_span_grows_just_beyond_the_end(void **state)
{
	struct unit *last = span_alloc_last(ARENA_HEADER, 2);
	size_t before, behind;

	(void)state;
	assert_true(span_extend(last, 1000));
	span_shrink(last, 2);
	span_purge_all();
	before = (size_t)(last - arena_zone_units(ARENA_HEADER));
	behind = (arena.committed[ARENA_HEADER] >> ARENA_UNIT_SHIFT) - before;
	assert_true(behind >= 1000);
	assert_true(span_extend(last, behind + 1));
	assert_int_equal(last->units, behind + 1);
	span_free(last);
	span_purge_all();
	assert_one_run();
}

/* What is wanted while it grows comes from before it. */
static void a_span_at_the_end_is_not_walled_in(void **state)
{
	struct unit *last = span_alloc_last(ARENA_HEADER, 2);
	struct unit *others[8];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		size_t units = last->units + 30;

		others[i] = span_alloc(ARENA_HEADER, 1, NULL);
		assert_true(others[i] < last);
		assert_true(span_extend(last, units));
		assert_int_equal(last->units, units);
	}
	for (size_t i = 0; i < COUNT_OF(others); i++)
		span_free(others[i]);
	span_free(last);
	span_purge_all();
	assert_one_run();
}

/* The next one takes the memory of the last, not new memory behind it. */
static void the_end_is_where_all_is_free_from(void **state)
{
	struct unit *last = span_alloc_last(ARENA_HEADER, 100), *again;

	(void)state;
	span_free(last);
	assert_true(span_dirty_bytes() >= 100 * ARENA_UNIT);
	for (int i = 0; i < 5; i++) {
		again = span_alloc_last(ARENA_HEADER, 3);
		assert_true(again <= last + 16);
		assert_true(span_extend(again, 150));
		assert_true(span_dirty_bytes() <= 17 * ARENA_UNIT);
		span_free(again);
	}
	span_purge_all();
	assert_one_run();
}

static void free_ends_are_given_back(void **state)
{
	struct unit *kept = span_alloc(ARENA_HEADER, 1, NULL);

	(void)state;
	if (arena.reserved) {
		span_free(kept);
		skip();
	}
	span_release_ends();
	assert_int_equal(arena.committed[ARENA_HEADERLESS], 0);
	assert_int_equal(arena.committed[ARENA_HEADER], ARENA_UNIT);
	span_free(kept);
	span_release_ends();
	assert_int_equal(arena.committed[ARENA_HEADER], 0);
	span_release_ends();
	/* and the zones grow again */
	take(ARENA_HEADER, 5);
	take(ARENA_HEADERLESS, 5);
	give_all();
	assert_one_run();
}

static void what_cannot_be_had_is_refused(void **state)
{
	size_t before = arena.committed[ARENA_HEADER];

	(void)state;
	assert_null(
		span_alloc(ARENA_HEADER, (2 * TIB) >> ARENA_UNIT_SHIFT, NULL));
	assert_int_equal(arena.committed[ARENA_HEADER], before);
	assert_one_run();
}

static void *churn(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	struct unit *mine[16] = {NULL};
	uint32_t mark = (uint32_t)random;

	for (int i = 0; i < 6000; i++) {
		size_t at = draw_below(&random, 16);
		size_t units = 1 + draw_below(&random, 6);

		if (mine[at]) {
			must(*word(mine[at], 0, false) == mark);
			must(*word(mine[at], mine[at]->units - 1, true) ==
			     mark);
			span_free(mine[at]);
			mine[at] = NULL;
		} else {
			mine[at] = span_alloc(ARENA_HEADER, units, NULL);
			must(mine[at] != NULL);
			*word(mine[at], 0, false) = mark;
			*word(mine[at], units - 1, true) = mark;
		}
		if (i % 500 == 0)
			span_purge_all();
	}
	for (int i = 0; i < 16; i++)
		if (mine[i])
			span_free(mine[i]);
	return NULL;
}

static void threads_never_share_a_span(void **state)
{
	uint64_t seeds[4] = {1, 2, 3, 4};
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, churn, &seeds[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_one_run();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_memory_is_zeroed_and_used_is_not),
		cmocka_unit_test(random_use_never_overlaps),
		cmocka_unit_test(what_is_idle_for_a_whole_tick_goes_back),
		cmocka_unit_test(ticks_may_wrap),
		cmocka_unit_test(many_separate_runs_are_all_purged),
		cmocka_unit_test(too_much_dirt_is_purged_at_once),
		cmocka_unit_test(dirty_neighbors_serve_before_the_zone_grows),
		cmocka_unit_test(extending_needs_a_free_run_behind),
		cmocka_unit_test(the_last_span_grows_with_its_zone),
		cmocka_unit_test(a_span_can_be_had_at_the_end),
		cmocka_unit_test(a_span_grows_just_beyond_the_end),
		cmocka_unit_test(a_span_at_the_end_is_not_walled_in),
		cmocka_unit_test(the_end_is_where_all_is_free_from),
		cmocka_unit_test(free_ends_are_given_back),
		cmocka_unit_test(what_cannot_be_had_is_refused),
		cmocka_unit_test(threads_never_share_a_span),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
