#include "hakmemd/model/history.h"

#include "tests/unit/hakmemd/unit.h"

#define S  HISTORY_STEP_NS
#define MS (S / 1000)

static struct history history;

static int begin(void **state)
{
	(void)state;
	memset(&history, 0, sizeof(history));
	return 0;
}

static int end(void **state)
{
	(void)state;
	history_free(&history);
	return 0;
}

static void add(uint64_t time_ns, uint64_t live_bytes)
{
	struct history_point point = {.time_ns = time_ns,
				      .kept[KEPT_LIVE_BYTES] = live_bytes,
				      .kept[KEPT_REJECTS] = time_ns + 1};

	history_add(&history, &point);
}

static void expect(size_t count, const uint64_t *times_ns)
{
	assert_int_equal(history.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(history_at(&history, i)->time_ns == times_ns[i]);
		assert_true(history_at(&history, i)->kept[KEPT_REJECTS] ==
			    times_ns[i] + 1);
	}
}

#define EXPECT(...)                                                            \
	expect(sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),           \
	       (uint64_t[]){__VA_ARGS__})

static void a_point_a_second_is_kept(void **state)
{
	(void)state;
	add(5 * S, 1);
	EXPECT(5 * S);
	add(6 * S, 2);
	EXPECT(5 * S, 6 * S);
	add(7 * S, 3);
	EXPECT(5 * S, 6 * S, 7 * S);
	assert_int_equal(history_at(&history, 0)->kept[KEPT_LIVE_BYTES], 1);
	assert_int_equal(history_at(&history, 2)->kept[KEPT_LIVE_BYTES], 3);
}

/* Ten states a second: the newest is there, of the others one a second. */
static void the_newest_is_provisional_for_a_second(void **state)
{
	(void)state;
	for (uint64_t i = 0; i <= 25; i++) {
		add(S + i * 100 * MS, i);
		assert_int_equal(history_at(&history, history.count - 1)
					 ->kept[KEPT_LIVE_BYTES],
				 i);
	}
	/* A point 0.9 s after the one before it is on time. */
	EXPECT(S, 1900 * MS, 2800 * MS, 3500 * MS);
}

static void timers_may_be_a_little_early(void **state)
{
	(void)state;
	add(S, 1);
	add(S + 899 * MS, 2);
	add(S + 1000 * MS, 3); /* replaces: the one before came too early */
	EXPECT(S, 2 * S);
	add(2 * S + 900 * MS, 4);
	add(4 * S, 5);
	EXPECT(S, 2 * S, 2 * S + 900 * MS, 4 * S);
}

/* The very first point stays, however soon the second comes. */
static void the_first_point_stays(void **state)
{
	(void)state;
	add(S, 1);
	add(S + 1, 2);
	EXPECT(S, S + 1);
	add(S + 2, 3);
	EXPECT(S, S + 2);
}

static void what_is_not_later_replaces(void **state)
{
	(void)state;
	add(S, 1);
	add(3 * S, 2);
	add(3 * S, 3);
	EXPECT(S, 3 * S);
	assert_int_equal(history_at(&history, 1)->kept[KEPT_LIVE_BYTES], 3);
	add(3 * S - 1, 4);
	EXPECT(S, 3 * S - 1);
	assert_int_equal(history_at(&history, 1)->kept[KEPT_LIVE_BYTES], 4);
}

static void a_brief_process_costs_little(void **state)
{
	(void)state;
	assert_null(history.points);
	add(S, 1);
	assert_true(history.room <= 16);
	for (uint64_t i = 2; i <= 100; i++)
		add(i * S, i);
	assert_true(history.room < HISTORY_POINTS);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(history_at(&history, i)->kept[KEPT_LIVE_BYTES],
				 i + 1);
}

static void ten_minutes_are_kept_and_no_more(void **state)
{
	assert_true(HISTORY_POINTS * S >= 600 * S);
	(void)state;
	for (uint64_t i = 1; i <= HISTORY_POINTS; i++)
		add(i * S, i);
	assert_int_equal(history.count, HISTORY_POINTS);
	assert_int_equal(history_at(&history, 0)->kept[KEPT_LIVE_BYTES], 1);
	for (uint64_t i = HISTORY_POINTS + 1; i <= 2 * HISTORY_POINTS + 77;
	     i++) {
		add(i * S, i);
		assert_int_equal(history.count, HISTORY_POINTS);
		assert_int_equal(history.room, HISTORY_POINTS);
		assert_int_equal(history_at(&history, 0)->kept[KEPT_LIVE_BYTES],
				 i - HISTORY_POINTS + 1);
		assert_int_equal(history_at(&history, HISTORY_POINTS - 1)
					 ->kept[KEPT_LIVE_BYTES],
				 i);
	}
	add((2 * HISTORY_POINTS + 77) * S, 0); /* replaced, nothing goes */
	assert_int_equal(history.count, HISTORY_POINTS);
	assert_int_equal(history_at(&history, 0)->kept[KEPT_LIVE_BYTES],
			 HISTORY_POINTS + 78);
}

static void the_later_points_are_found(void **state)
{
	(void)state;
	assert_int_equal(history_after(&history, 0), 0);
	for (uint64_t i = 1; i <= 5; i++)
		add(i * S, i);
	assert_int_equal(history_after(&history, 0), 0);
	assert_int_equal(history_after(&history, S - 1), 0);
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(history_after(&history, i * S), i);
		assert_int_equal(history_after(&history, i * S + 1), i);
	}
	assert_int_equal(history_after(&history, UINT64_MAX), 5);
}

static void they_are_found_in_a_ring_that_has_wrapped(void **state)
{
	const uint64_t last = HISTORY_POINTS + 300;

	(void)state;
	for (uint64_t i = 1; i <= last; i++)
		add(i * S, i);
	for (uint64_t i = 301; i <= last; i++)
		assert_int_equal(history_after(&history, i * S), i - 300);
	assert_int_equal(history_after(&history, 300 * S), 0);
}

static void cleared_it_begins_anew_in_the_same_memory(void **state)
{
	struct history_point *points;
	size_t room;

	(void)state;
	for (uint64_t i = 1; i <= HISTORY_POINTS + 5; i++)
		add(i * S, i);
	points = history.points;
	room = history.room;
	history_clear(&history);
	assert_int_equal(history.count, 0);
	assert_int_equal(history_after(&history, 0), 0);
	add(S, 9); /* earlier than all that was */
	EXPECT(S);
	assert_ptr_equal(history.points, points);
	assert_int_equal(history.room, room);
}

static void freed_it_is_usable(void **state)
{
	(void)state;
	add(S, 1);
	history_free(&history);
	assert_null(history.points);
	add(2 * S, 1);
	EXPECT(2 * S);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_point_a_second_is_kept),
		CASE(the_newest_is_provisional_for_a_second),
		CASE(timers_may_be_a_little_early),
		CASE(the_first_point_stays),
		CASE(what_is_not_later_replaces),
		CASE(a_brief_process_costs_little),
		CASE(ten_minutes_are_kept_and_no_more),
		CASE(the_later_points_are_found),
		CASE(they_are_found_in_a_ring_that_has_wrapped),
		CASE(cleared_it_begins_anew_in_the_same_memory),
		CASE(freed_it_is_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
