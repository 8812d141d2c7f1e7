#include "hakmem-top/base/unpack.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/hakmem.pb-c.h"

static uint8_t bytes[FRAME_PAYLOAD_MAX];

static struct frame frame_of(size_t length)
{
	return (struct frame){.length = (uint32_t)length, .payload = bytes};
}

static void a_message_comes_out_as_it_went_in(void **state)
{
	static char text[] = "done";
	Hakmem__Done done, *got;
	struct frame frame;

	(void)state;
	hakmem__done__init(&done);
	done.query_id = 7;
	done.text = text;
	frame = frame_of(hakmem__done__pack(&done, bytes));
	got = (Hakmem__Done *)unpack_frame(&frame, &hakmem__done__descriptor);
	assert_non_null(got);
	assert_int_equal(got->query_id, 7);
	assert_string_equal(got->text, "done");
	unpack_discard(got);
	unpack_discard(NULL);
}

static void what_is_malformed_is_none(void **state)
{
	struct frame frame = frame_of(3);

	(void)state;
	memcpy(bytes, "\x12\x7f!", 3); /* a text longer than the frame */
	assert_null(unpack_frame(&frame, &hakmem__done__descriptor));
}

/* Empty rows take two bytes each on the wire and many in memory. */
static void no_message_takes_more_than_the_budget(void **state)
{
	struct frame frame = frame_of(sizeof(bytes));

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		memcpy(bytes + i, "\x2a\0", 2);
	assert_true(sizeof(bytes) / 2 * sizeof(Hakmem__SiteRow) >
		    UNPACK_BUDGET_BYTES);
	assert_null(unpack_frame(&frame, &hakmem__site_table__descriptor));
	frame = frame_of(2000);
	unpack_discard(unpack_frame(&frame, &hakmem__site_table__descriptor));
}

static void copies_are_cut(void **state)
{
	char *copy = unpack_copy("abcdef", 3);

	(void)state;
	assert_string_equal(copy, "abc");
	free(copy);
	copy = unpack_copy(NULL, 3);
	assert_string_equal(copy, "");
	free(copy);
}

static void numbers_can_be_shown(void **state)
{
	(void)state;
	assert_true(unpack_real(NAN) == 0);
	assert_true(unpack_real(INFINITY) == 1e18);
	assert_true(unpack_real(-INFINITY) == -1e18);
	assert_true(unpack_real(-2.5) == -2.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_out_as_it_went_in),
		cmocka_unit_test(what_is_malformed_is_none),
		cmocka_unit_test(no_message_takes_more_than_the_budget),
		cmocka_unit_test(copies_are_cut),
		cmocka_unit_test(numbers_can_be_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
