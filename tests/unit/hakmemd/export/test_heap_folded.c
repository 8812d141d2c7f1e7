#include "hakmemd/export/heap_folded.h"

#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;

static void root_comes_first(void **state)
{
	(void)state;
	unit_heap_begin(&unit);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	assert_string_equal(unit_heap_write(&unit, heap_folded),
			    "a:b<c>+0x1120;a:b<c>+0x1110;a:b<c>+0x1100 6001\n"
			    "a:b<c>+0x1120;a:b<c>+0x1200 3000\n"
			    "[no stack] 500\n");
	unit_heap_end(&unit);
}

static void what_shrank_is_left_out(void **state)
{
	char dropped[BASELINE_NAME_MAX + 1];

	(void)state;
	unit_heap_begin(&unit);
	assert_null(model_baseline(&unit.process.model, "m", NULL, dropped));
	unit_site(&unit.said, 10, 1000.5, 21000, 0, 0);
	unit_site(&unit.said, 11, 3007, 21000, 0, 0);
	unit_heap_say(&unit, 110);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "m");
	assert_string_equal(unit_heap_write(&unit, heap_folded),
			    "a:b<c>+0x1120;a:b<c>+0x1200 7\n");
	unit_heap_end(&unit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_comes_first),
		cmocka_unit_test(what_shrank_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
