#include "hakmem-top/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void pieces_become_one(void **state)
{
	struct buffer buffer = {.data = NULL};

	(void)state;
	assert_true(buffer_append(&buffer, "ab\0c", 4));
	assert_true(buffer_append(&buffer, NULL, 0));
	assert_true(buffer_append(&buffer, "d", 1));
	assert_int_equal(buffer.length, 5);
	assert_memory_equal(buffer.data, "ab\0cd", 5);
	buffer_clear(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.length, 0);
}

static void there_is_an_end(void **state)
{
	char *half = calloc(BUFFER_MAX / 2, 1);
	struct buffer buffer = {.data = NULL};

	(void)state;
	assert_non_null(half);
	assert_true(buffer_append(&buffer, half, BUFFER_MAX / 2));
	assert_true(buffer_append(&buffer, half, BUFFER_MAX / 2));
	assert_false(buffer_append(&buffer, half, 1));
	assert_int_equal(buffer.length, BUFFER_MAX);
	buffer_clear(&buffer);
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
