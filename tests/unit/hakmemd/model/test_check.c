#include "hakmemd/model/check.h"

#include <math.h>

#include "hakmemd/model/sizes.h"
#include "tests/unit/hakmemd/unit.h"
#include "tests/unit/figures.h"

static struct unit unit;

static void begin(void)
{
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 10, 4);
	unit_class(&unit, 80, 48, 79, 20, 5);
	assert_null(check_hello(&unit.hello));
}

static const char *state_trouble(void)
{
	return check_state(&unit.state, unit.hello.n_classes,
			   unit.hello.n_cells);
}

static void strings_are_cut_and_cleaned(void **state)
{
	static const struct {
		const char *given, *kept;
	} cases[] = {
		{"plain", "plain"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		 "\xc3\xa4\xe2\x82\xac"},
		{"\xff\xfe", "??"},
		{"\xc0\xaf", "??"},	      /* overlong */
		{"\xed\xa0\x80", "???"},      /* surrogate */
		{"a\xe2\x82", "a??"},	      /* cut off */
		{"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
		{"12345678", "12345678"},
		{"123456789", "12345678"},
		{"1234567\xc3\xa4", "1234567"}, /* never half a character */
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		strcpy(text, cases[i].given);
		check_string(text, 8);
		assert_string_equal(text, cases[i].kept);
	}
}

static void senseless_classes_are_refused(void **state)
{
	static const uint32_t bad[][3] = {
		{0, 0, 0}, {16, 9, 8}, {16, 0, 17}, {UINT32_MAX, 5, 4}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		begin();
		unit.class[0].stride_bytes = bad[i][0];
		unit.class[0].low_bytes = bad[i][1];
		unit.class[0].high_bytes = bad[i][2];
		assert_non_null(check_hello(&unit.hello));
	}
	begin();
	unit.hello.n_classes = CHECK_CLASSES_MAX + 1;
	assert_non_null(check_hello(&unit.hello));
}

static void senseless_cells_are_refused(void **state)
{
	(void)state;
	begin();
	unit.cell[0].class_index = 2;
	assert_non_null(check_hello(&unit.hello));
	begin();
	unit.cell[0].bin = BINS_COUNT;
	assert_non_null(check_hello(&unit.hello));
	begin();
	unit.cell[0].bin = 2; /* not in 16..31 */
	assert_non_null(check_hello(&unit.hello));
	begin();
	unit.cell[2].bin = unit.cell[1].bin; /* twice */
	assert_non_null(check_hello(&unit.hello));
	begin();
	unit.hello.n_cells = CHECK_CELLS_MAX + 1;
	assert_non_null(check_hello(&unit.hello));
}

static void columns_are_as_long_as_the_hello_says_at_most(void **state)
{
	size_t *const lengths[] = {
		&unit.state.n_class_allocs,	&unit.state.n_class_frees,
		&unit.state.n_cell_samples,	&unit.state.n_cell_objects,
		&unit.state.n_cell_objects_var, &unit.state.n_cell_bytes,
		&unit.state.n_cell_live_objects};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		begin();
		assert_null(state_trouble());
		*lengths[i] += 1;
		assert_non_null(state_trouble());
		*lengths[i] -= 2; /* the rest is zero */
		assert_null(state_trouble());
		*lengths[i] = 0;
		assert_null(state_trouble());
	}
}

static void absurd_figures_are_refused_or_settled(void **state)
{
	(void)state;
	begin();
	unit.objects[1] = NAN;
	assert_non_null(state_trouble());
	begin();
	unit.bytes[0] = INFINITY;
	assert_non_null(state_trouble());
	begin();
	unit.live[0] = -1e-9;		 /* rounding */
	unit.allocs[0] = UINT64_MAX - 3; /* a race in the program: -4 */
	unit.frees[1] = CHECK_COUNT_MAX + 1;
	FIGURE_IN(&unit.state, LIVE_OBJECTS) = UINT64_MAX - 4;
	FIGURE_IN(&unit.state, RSS_BYTES) = INT64_MAX;
	assert_null(state_trouble());
	assert_true(unit.live[0] == 0);
	assert_int_equal(unit.allocs[0], 0);
	assert_true(unit.frees[1] == CHECK_COUNT_MAX);
	assert_int_equal(FIGURE_IN(&unit.state, LIVE_OBJECTS), 0);
	assert_true(FIGURE_IN(&unit.state, RSS_BYTES) == INT64_MAX);
	assert_int_equal(sizes_class_live(&unit.state, 1), 0);
}

static void large_bins_come_once_and_in_range(void **state)
{
	Hakmem__LargeBin large[2], *list[2] = {&large[0], &large[1]};

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin();
		hakmem__large_bin__init(&large[0]);
		hakmem__large_bin__init(&large[1]);
		unit.state.large_bins = list;
		unit.state.n_large_bins = 2;
		large[0].bin = 70;
		large[1].bin = i == 0 ? 70 : i == 1 ? BINS_COUNT : 71;
		large[1].requests = 5;
		large[1].live_objects = 9;
		assert_int_equal(state_trouble() == NULL, i == 2);
	}
	assert_int_equal(large[1].live_objects, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_cut_and_cleaned),
		cmocka_unit_test(senseless_classes_are_refused),
		cmocka_unit_test(senseless_cells_are_refused),
		cmocka_unit_test(columns_are_as_long_as_the_hello_says_at_most),
		cmocka_unit_test(absurd_figures_are_refused_or_settled),
		cmocka_unit_test(large_bins_come_once_and_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
