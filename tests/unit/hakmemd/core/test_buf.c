#include "hakmemd/core/buf.h"

#include "hakmemd/core/log.h"
#include "tests/unit/hakmemd/unit.h"

/* Against a plain array that remembers everything. */
static void bytes_come_out_as_they_went_in(void **state)
{
	static uint8_t all[1 << 20];
	struct buf buf = {.data = NULL};
	size_t in = 0, out = 0;
	uint32_t random = 12345;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i * 2654435761u >> 13);
	while (in < sizeof(all)) {
		size_t step, gone;

		random = random * 1664525 + 1013904223;
		step = random >> 16 & 0x3fff;
		if (step > sizeof(all) - in)
			step = sizeof(all) - in;
		assert_true(buf_append(&buf, all + in, step));
		in += step;
		gone = (random & 0x7fff) % (in - out + 1);
		assert_memory_equal(buf_bytes(&buf), all + out, gone);
		buf_take(&buf, gone);
		out += gone;
		assert_int_equal(buf_length(&buf), in - out);
	}
	buf_free(&buf);
}

static void an_empty_queue_gives_memory_back(void **state)
{
	static uint8_t bytes[100000];
	struct buf buf = {.data = NULL};

	(void)state;
	assert_true(buf_append(&buf, bytes, sizeof(bytes)));
	buf_take(&buf, sizeof(bytes));
	assert_null(buf.data);
	assert_null(buf_reserve(&buf, SIZE_MAX - 8));
	assert_true(buf_print(&buf, "%d", 42));
	assert_memory_equal(buf_bytes(&buf), "42", 2);
	buf_free(&buf);
}

static void a_limit_holds(void **state)
{
	struct buf buf = {.limit = 100};
	char bytes[60] = {0};

	(void)state;
	assert_true(buf_append(&buf, bytes, 60));
	assert_false(buf_append(&buf, bytes, 41)); /* though there is room */
	assert_true(buf_append(&buf, bytes, 40));
	assert_false(buf_print(&buf, "x"));
	assert_int_equal(buf_length(&buf), 100);
	buf_free(&buf);
}

static void what_is_logged_cannot_drive_a_terminal(void **state)
{
	char out[64], small[5];

	(void)state;
	log_escape(out, sizeof(out), "a\x1b[2J\n\\\xc2\x9b~");
	assert_string_equal(out, "a\\x1b[2J\\x0a\\x5c\\xc2\\x9b~");
	assert_int_equal(log_escape(small, sizeof(small), "abcdef"), 4);
	assert_int_equal(log_escape(small, sizeof(small), "abc\x1b"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_as_they_went_in),
		cmocka_unit_test(an_empty_queue_gives_memory_back),
		cmocka_unit_test(a_limit_holds),
		cmocka_unit_test(what_is_logged_cannot_drive_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
