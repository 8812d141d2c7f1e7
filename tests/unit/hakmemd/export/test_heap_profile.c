#include "hakmemd/export/heap_profile.h"

#include <math.h>

#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;

static const char *name(uint32_t location)
{
	const struct heap_profile *profile = &unit.profile;
	uint32_t function = profile->locations[location].lines[0].function;

	return profile->functions[function].name;
}

static void what_is_shared_is_told_once(void **state)
{
	const struct heap_profile *profile = &unit.profile;

	(void)state;
	unit_heap_begin(&unit);
	assert_int_equal(unit_heap_build(&unit, HEAP_PROFILE_INUSE, ""),
			 HEAP_PROFILE_READY);
	assert_int_equal(profile->row_count, 3);
	assert_int_equal(profile->rows[0].site->id, 10);
	assert_int_equal(profile->rows[1].site->id, 11);
	assert_int_equal(profile->rows[2].site->id, 1);
	assert_int_equal(profile->location_count, 5);
	assert_int_equal(profile->rows[0].locations[2],
			 profile->rows[1].locations[1]);
	assert_string_equal(name(profile->rows[0].locations[0]),
			    "a;b<c>+0x1100");
	assert_string_equal(name(profile->rows[2].locations[0]), "[no stack]");
	assert_float_equal(profile->bytes, 9500.75, 1e-9);
	assert_float_equal(profile->bytes_var, 9500.75 * 1000, 1e-6);
	unit_heap_end(&unit);
}

static void samples_are_chosen(void **state)
{
	(void)state;
	unit_heap_begin(&unit);
	unit_heap_build(&unit, HEAP_PROFILE_ALLOC, "");
	assert_float_equal(unit.profile.bytes, 28000, 1e-9);
	unit_heap_build(&unit, HEAP_PROFILE_PEAK, "");
	assert_float_equal(unit.profile.bytes, 19001.5, 1e-9);
	assert_float_equal(unit.profile.bytes_var, 19001.5 * 1000, 1e-6);
	unit_heap_end(&unit);
}

static void a_baseline_is_taken_off(void **state)
{
	char dropped[BASELINE_NAME_MAX + 1];

	(void)state;
	unit_heap_begin(&unit);
	assert_null(model_baseline(&unit.process.model, "m", NULL, dropped));
	unit_site(&unit.said, 10, 1000.5, 21000, 0, 0);
	unit_site(&unit.said, 12, 1700, 1700, UNIT_BIAS + 0x1300, 1);
	unit_heap_say(&unit, 110);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "m");
	assert_float_equal(unit.profile.bytes, 1700 - 5000, 1e-9);
	assert_int_equal(unit.profile.rows[0].site->id, 12);
	unit_heap_build(&unit, HEAP_PROFILE_ALLOC, "m");
	assert_float_equal(unit.profile.bytes, 2700, 1e-9);
	unit_heap_end(&unit);
}

/* A stack that was cut, and more functions than the tables begin with. */
static void much_is_told(void **state)
{
	(void)state;
	unit_heap_begin(&unit);
	for (uint32_t id = 20; id < 80; id++) {
		struct unit_site *site =
			unit_site(&unit.said, id, 2000, 2000,
				  UNIT_BIAS + 0x2000 + 256 * id, 8);

		site->site.truncated = 1;
	}
	unit_heap_say(&unit, 101);
	assert_int_equal(unit_heap_build(&unit, HEAP_PROFILE_INUSE, ""),
			 HEAP_PROFILE_READY);
	assert_int_equal(unit.profile.row_count, 63);
	assert_int_equal(unit.profile.location_count, 5 + 60 * 8 + 1);
	assert_int_equal(unit.profile.function_count, 5 + 60 * 8 + 1);
	assert_int_equal(unit.profile.rows[5].depth, 9);
	assert_string_equal(name(unit.profile.rows[5].locations[8]),
			    "[truncated]");
	unit_heap_end(&unit);
}

static void short_memory_is_told(void **state)
{
	struct heap_profile_options options = {.process = &unit.process};

	(void)state;
	unit_heap_begin(&unit);
	for (size_t room = 16; room < 8000; room += 160) {
		pool_free(&unit.pool);
		pool_init(&unit.pool, room);
		if (heap_profile_build(&unit.profile, &options, &unit.pool) ==
		    HEAP_PROFILE_READY)
			assert_true(room > 1000);
	}
	unit_heap_end(&unit);
}

static void whole_numbers_add_up(void **state)
{
	struct heap_profile_round column = {0, 0};
	int64_t sum = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t next = heap_profile_round(&column, 0.4);

		assert_true(next == 0 || next == 1);
		sum += next;
	}
	assert_int_equal(sum, 400);
	assert_int_equal(heap_profile_round(&column, 0), 0);
	sum += heap_profile_round(&column, -800);
	assert_int_equal(sum, -400);
	sum += heap_profile_round(&column, 1e40);
	assert_int_equal(sum, INT64_C(1) << 62);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shared_is_told_once),
		cmocka_unit_test(samples_are_chosen),
		cmocka_unit_test(a_baseline_is_taken_off),
		cmocka_unit_test(much_is_told),
		cmocka_unit_test(short_memory_is_told),
		cmocka_unit_test(whole_numbers_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
