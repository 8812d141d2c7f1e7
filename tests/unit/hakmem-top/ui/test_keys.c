#include "hakmem-top/ui/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hakmem-top/ui/chrome.h"

static const struct screen *const screens[] = {
	&screen_processes, &screen_overview, &screen_sizes,  &screen_classes,
	&screen_sites,	   &screen_stack,    &screen_health,
};
#define SCREENS (sizeof(screens) / sizeof(screens[0]))

static void no_key_means_two_things(void **state)
{
	(void)state;
	for (size_t i = 0; i < keys_count; i++)
		for (size_t k = 0; k < KEYS_CODES && keys_table[i].codes[k];
		     k++)
			assert_ptr_equal(keys_find(keys_table[i].codes[k]),
					 &keys_table[i]);
	assert_null(keys_find(0x7fffffff));
}

static void every_key_has_a_function_a_name_and_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < keys_count; i++) {
		assert_non_null(keys_table[i].press);
		assert_true(strlen(keys_table[i].names) > 0);
		assert_true(strlen(keys_table[i].help) > 0);
		assert_true(keys_table[i].codes[0] != 0);
		assert_true(!keys_table[i].footer == !keys_table[i].footer_key);
	}
}

/* A digit is bound when there is a screen of that number, and then only. */
static void a_digit_is_a_key_for_each_screen(void **state)
{
	char names[] = "1-0";
	size_t count = 0;

	(void)state;
	while (chrome_tabs[count])
		count++;
	for (size_t i = 1; i <= 9; i++)
		assert_int_equal(keys_find('0' + (int)i) != NULL, i <= count);
	names[2] = (char)('0' + count);
	assert_string_equal(keys_find('1')->names, names);
}

/* Letters that sort are single in a table and no other key's. */
static void letters_sort_and_do_nothing_else(void **state)
{
	(void)state;
	for (size_t s = 0; s < SCREENS; s++) {
		const struct table *table =
			screens[s]->table ? screens[s]->table() : NULL;
		bool used[256] = {false};

		for (size_t i = 0; table && i < table->column_count; i++) {
			unsigned char letter =
				(unsigned char)table->columns[i].letter;

			assert_non_null(table->columns[i].help);
			assert_non_null(table->columns[i].get);
			if (!letter)
				continue;
			assert_false(used[letter]);
			used[letter] = true;
			assert_null(keys_find(letter));
		}
	}
}

static void all_columns_of_processes_fit_80(void **state)
{
	const struct table *table = screen_processes.table();
	size_t sum = table->column_count - 1;

	(void)state;
	for (size_t i = 0; i < table->column_count; i++)
		sum += table->columns[i].width;
	assert_true(sum <= 80);
	assert_true(table->column_count <= TABLE_COLUMNS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_means_two_things),
		cmocka_unit_test(every_key_has_a_function_a_name_and_help),
		cmocka_unit_test(a_digit_is_a_key_for_each_screen),
		cmocka_unit_test(letters_sort_and_do_nothing_else),
		cmocka_unit_test(all_columns_of_processes_fit_80),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
