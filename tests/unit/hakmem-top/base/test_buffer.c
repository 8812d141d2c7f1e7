#include "hakmem-top/base/pile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void pieces_become_one(void **state)
{
	struct pile pile = {.data = NULL};

	(void)state;
	assert_true(pile_append(&pile, "ab\0c", 4));
	assert_true(pile_append(&pile, NULL, 0));
	assert_true(pile_append(&pile, "d", 1));
	assert_int_equal(pile.length, 5);
	assert_memory_equal(pile.data, "ab\0cd", 5);
	pile_clear(&pile);
	assert_null(pile.data);
	assert_int_equal(pile.length, 0);
}

static void there_is_an_end(void **state)
{
	char *half = calloc(PILE_MAX / 2, 1);
	struct pile pile = {.data = NULL};

	(void)state;
	assert_non_null(half);
	assert_true(pile_append(&pile, half, PILE_MAX / 2));
	assert_true(pile_append(&pile, half, PILE_MAX / 2));
	assert_false(pile_append(&pile, half, 1));
	assert_int_equal(pile.length, PILE_MAX);
	pile_clear(&pile);
	free(half);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_become_one),
		cmocka_unit_test(there_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
