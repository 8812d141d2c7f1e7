#include "hakmem-top/screens/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/terminal.h"

static struct figures figures;

static int setup(void **state)
{
	(void)state;
	figures.count = 0;
	return 0;
}

static int setup_screen(void **state)
{
	setup(state);
	return terminal_screen(24, 80, true) ? 0 : -1;
}

static int teardown_screen(void **state)
{
	(void)state;
	terminal_close();
	return 0;
}

static struct figure *add(const char *group, const char *name,
			  const char *label, uint64_t value)
{
	return figures_add(&figures, group, name, label, value, FIGURES_COUNT);
}

static void figures_read_as_bytes_or_counts(void **state)
{
	struct figure *figure;

	(void)state;
	figure = figures_add(&figures, "A", "a", "A", 1536, FIGURES_BYTES);
	assert_string_equal(figure->text, "1.50K");
	assert_string_equal(figure->note, "");
	assert_int_equal(figure->value, 1536);
	figure = add("A", "a", "A", 9999999);
	assert_string_equal(figure->text, "9,999,999");
	figure = add("A", "a", "A", 10000000);
	assert_string_equal(figure->text, "10.0M");
	assert_int_equal(figures.count, 3);
}

static void a_note_that_is_too_long_is_cut(void **state)
{
	struct figure *figure = add("A", "a", "A", 1);

	(void)state;
	figures_note(figure, "%060d", 7);
	assert_int_equal(strlen(figure->note), sizeof(figure->note) - 1);
}

static void there_is_always_one_to_note(void **state)
{
	struct figure *last = NULL;

	(void)state;
	for (unsigned i = 0; i < FIGURES_MAX + 5; i++) {
		last = add("A", "a", "A", i);
		assert_non_null(last);
	}
	assert_int_equal(figures.count, FIGURES_MAX);
	assert_ptr_equal(last, &figures.items[FIGURES_MAX - 1]);
	assert_int_equal(last->value, FIGURES_MAX + 4);
}

static void expect_saved(enum opts_format format, const char *wanted)
{
	char *data = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&data, &length);

	figures_save(&figures, format, out);
	fclose(out);
	assert_string_equal(data, wanted);
	free(data);
}

static void saved_with_all_digits(void **state)
{
	(void)state;
	expect_saved(OPTS_JSON, "{}\n");
	expect_saved(OPTS_CSV, "name,value\n");
	figures_add(&figures, "A", "live_bytes", "Live", UINT64_MAX,
		    FIGURES_BYTES);
	figures_note(add("B", "frees_total", "Frees", 12345678), "a note");
	expect_saved(OPTS_JSON, "{\"live_bytes\":18446744073709551615,"
				"\"frees_total\":12345678}\n");
	expect_saved(OPTS_CSV, "name,value\nlive_bytes,18446744073709551615\n"
			       "frees_total,12345678\n");
}

static void fill_two_groups(void)
{
	figures_note(add("FIRST", "a", "Alpha", 1), "one of them");
	add("FIRST", "b", "Beta", 2)->role = TERM_BAD;
	add("SECOND", "c", "Gamma", 3);
	add("THIRD", "d", "Delta", 4);
}

static void groups_flow_into_columns(void **state)
{
	(void)state;
	fill_two_groups();
	/* The third group goes where the column is shortest. */
	assert_int_equal(figures_draw(&figures, 2, 20, 80), 5);
	assert_string_equal(terminal_text(2, 0, 40), " FIRST");
	assert_string_equal(terminal_text(2, 40, 40), " SECOND");
	assert_string_equal(terminal_text(3, 0, 40),
			    "  Alpha                1 one of them");
	assert_string_equal(terminal_text(3, 40, 40),
			    "  Gamma                3");
	assert_string_equal(terminal_text(4, 0, 40),
			    "  Beta                 2");
	assert_string_equal(terminal_text(4, 40, 40), "");
	assert_string_equal(terminal_text(5, 40, 40), " THIRD");
	assert_string_equal(terminal_text(6, 40, 40),
			    "  Delta                4");
	assert_true(mvinch(4, 23) & A_BOLD); /* the role of Beta */
	assert_int_equal(PAIR_NUMBER(mvinch(4, 23)), TERM_BAD + 1);
}

static void a_narrow_screen_has_one_column(void **state)
{
	(void)state;
	fill_two_groups();
	assert_int_equal(figures_draw(&figures, 0, 20, 79), 9);
	assert_string_equal(terminal_row(4), " SECOND");
	assert_string_equal(terminal_row(7), " THIRD");
	assert_string_equal(terminal_row(8), "  Delta                4");
}

static void what_does_not_fit_is_left_out(void **state)
{
	(void)state;
	fill_two_groups();
	assert_int_equal(figures_draw(&figures, 0, 2, 40), 2);
	assert_string_equal(terminal_row(1),
			    "  Alpha                1 one of them");
	for (int y = 2; y < 24; y++)
		assert_string_equal(terminal_row(y), "");
	assert_int_equal(figures_draw(&figures, 0, 0, 40), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
#define DRAWN(name)                                                            \
	cmocka_unit_test_setup_teardown(name, setup_screen, teardown_screen)
	const struct CMUnitTest tests[] = {
		TEST(figures_read_as_bytes_or_counts),
		TEST(a_note_that_is_too_long_is_cut),
		TEST(there_is_always_one_to_note),
		TEST(saved_with_all_digits),
		DRAWN(groups_flow_into_columns),
		DRAWN(a_narrow_screen_has_one_column),
		DRAWN(what_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
