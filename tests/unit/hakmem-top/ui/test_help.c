#include "hakmem-top/ui/help.h"
#include "hakmem-top/ui/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/terminal.h"

static const struct column columns[] = {
	{.title = "SIZE", .letter = 'P', .help = "requested bytes"},
	{.title = "BARS", .help = "the same as bars"},
};
static const struct table table = {.columns = columns, .column_count = 2};

static int setup(void **state)
{
	(void)state;
	return terminal_screen(100, 80, true) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	return 0;
}

static void keys_come_from_their_table(void **state)
{
	char wanted[256];

	(void)state;
	help_draw(NULL, 0, 0, 100, 80);
	assert_string_equal(terminal_row(0), " KEYS");
	for (size_t i = 0; i < keys_count; i++) {
		snprintf(wanted, sizeof(wanted), "  %-15s%.63s",
			 keys_table[i].names, keys_table[i].help);
		assert_string_equal(terminal_row(1 + (int)i), wanted);
	}
	assert_string_equal(terminal_row(1 + (int)keys_count), "");
}

static void columns_follow_the_keys(void **state)
{
	int y = (int)keys_count + 2;

	(void)state;
	assert_int_equal(help_draw(NULL, 0, 0, 0, 80), keys_count + 2);
	assert_int_equal(help_draw(&table, 0, 0, 100, 80), keys_count + 6);
	assert_string_equal(terminal_row(y),
			    " COLUMNS of this screen; the letter sorts");
	assert_string_equal(terminal_row(y + 1),
			    "  P  SIZE        requested bytes");
	assert_string_equal(terminal_row(y + 2),
			    "     BARS        the same as bars");
	assert_string_equal(terminal_row(y + 3), "");
}

static void scrolls_within_its_rows(void **state)
{
	char wanted[128];

	(void)state;
	/* From the third line on, in three rows of the screen. */
	assert_int_equal(help_draw(&table, 2, 5, 3, 80), keys_count + 6);
	assert_string_equal(terminal_row(4), "");
	for (int i = 0; i < 3; i++) {
		snprintf(wanted, sizeof(wanted), "  %-15s%s",
			 keys_table[1 + i].names, keys_table[1 + i].help);
		assert_string_equal(terminal_row(5 + i), wanted);
	}
	assert_string_equal(terminal_row(8), "");
}

static void printed_with_keys_columns_and_environment(void **state)
{
	const struct table *processes = screen_processes.table();
	char *text = NULL, wanted[256];
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	help_print(out);
	fclose(out);
	for (size_t i = 0; i < keys_count; i++) {
		snprintf(wanted, sizeof(wanted), "\n  %-14s%s\n",
			 keys_table[i].names, keys_table[i].help);
		assert_non_null(strstr(text, wanted));
	}
	for (size_t i = 0; i < processes->column_count; i++) {
		snprintf(wanted, sizeof(wanted), "\n  %c %-12s%s\n",
			 processes->columns[i].letter,
			 processes->columns[i].title,
			 processes->columns[i].help);
		assert_non_null(strstr(text, wanted));
	}
	assert_non_null(strstr(text, "\nKeys:\n"));
	assert_non_null(strstr(text, "\nColumns, with the letter that sorts:"));
	assert_non_null(strstr(text, "HAKMEM_SOCKET"));
	assert_non_null(strstr(text, "Exit status: 0 done, 1 failure"));
	assert_null(strchr(text, '\033'));
	free(text);
}

int main(void)
{
#define DRAWN(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		DRAWN(keys_come_from_their_table),
		DRAWN(columns_follow_the_keys),
		DRAWN(scrolls_within_its_rows),
		cmocka_unit_test(printed_with_keys_columns_and_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
