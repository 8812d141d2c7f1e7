#include "libhakmem/stream/control.h"

#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/unit/libhakmem/unit.h"

static struct control_reader reader;
static uint8_t wire[4096];

static int fresh(void **state)
{
	(void)state;
	memset(&reader, 0, sizeof(reader));
	return 0;
}

/* A frame of `type` at `wire + at`; the offset behind it. */
static size_t put(size_t at, uint16_t type, const void *payload, size_t length)
{
	frame_encode(wire + at, type, (uint32_t)length, 0);
	memcpy(wire + at + FRAME_HEADER_BYTES, payload, length);
	return at + FRAME_HEADER_BYTES + length;
}

static size_t put_control(size_t at, uint64_t sample, bool off, uint32_t ms)
{
	Hakmem__Control control = HAKMEM__CONTROL__INIT;
	uint8_t packed[64];

	control.sample_bytes = sample;
	control.sampling_off = off;
	control.interval_ms = ms;
	return put(at, FRAME_CONTROL, packed,
		   hakmem__control__pack(&control, packed));
}

/* Gives the first `bytes` of the wire in pieces; how many controls came. */
static unsigned feed(size_t bytes, size_t piece, struct control *last)
{
	unsigned controls = 0;

	for (size_t at = 0; at < bytes;) {
		size_t room, count = bytes - at < piece ? bytes - at : piece;
		uint8_t *space = control_space(&reader, &room);
		enum control_status status;

		assert_true(room > 0);
		if (count > room)
			count = room;
		memcpy(space, wire + at, count);
		control_filled(&reader, count);
		at += count;
		while ((status = control_next(&reader, last)) == CONTROL_READ)
			controls++;
		assert_int_equal(status, CONTROL_MORE);
	}
	return controls;
}

static void controls_come_through_in_any_pieces(void **state)
{
	struct control got = {0};

	(void)state;
	for (size_t piece = 1; piece < 600; piece += piece / 5 + 1) {
		size_t bytes = put_control(0, 65536, false, 0);

		bytes = put_control(bytes, 0, true, 0);
		bytes = put_control(bytes, 0, false, 250);
		bytes = put_control(bytes, UINT64_MAX, true, UINT32_MAX);
		assert_int_equal(feed(bytes, piece, &got), 4);
		assert_true(got.sample_bytes == UINT64_MAX);
		assert_true(got.sampling_off);
		assert_true(got.interval_ms == UINT32_MAX);
	}
	assert_int_equal(feed(put_control(0, 4096, false, 20), 1, &got), 1);
	assert_int_equal(got.sample_bytes, 4096);
	assert_false(got.sampling_off);
	assert_int_equal(got.interval_ms, 20);
}

static void other_frames_are_passed_over(void **state)
{
	static uint8_t text[3000];
	struct control got;

	(void)state;
	for (size_t length = 0; length < sizeof(text); length += 37) {
		size_t bytes = put(0, FRAME_ERROR, text, length);

		bytes = put_control(bytes, length + 1, false, 0);
		assert_int_equal(feed(bytes, 100, &got), 1);
		assert_int_equal(got.sample_bytes, length + 1);
	}
}

/* A Control of a later version says more than we know; one that is nonsense, or
 * wants much memory, says nothing. What follows is heard. */
static void odd_controls_do_no_harm(void **state)
{
	static const uint8_t truncated[] = {0x08, 0xff};
	uint8_t many[400];
	size_t bytes;
	struct control got;

	(void)state;
	for (size_t i = 0; i < sizeof(many); i += 2) {
		many[i] = 15 << 3; /* an unknown varint */
		many[i + 1] = 1;
	}
	bytes = put(0, FRAME_CONTROL, many, 4);
	assert_int_equal(feed(bytes, 600, &got), 1);
	bytes = put(0, FRAME_CONTROL, many, sizeof(many));
	bytes = put(bytes, FRAME_CONTROL, truncated, sizeof(truncated));
	bytes = put_control(bytes, 99, false, 0);
	assert_int_equal(feed(bytes, 600, &got), 1);
	assert_int_equal(got.sample_bytes, 99);
}

static void nonsense_is_seen_at_once(void **state)
{
	struct control got;
	size_t room;

	(void)state;
	memcpy(control_space(&reader, &room), "HTTP", 4);
	assert_int_equal(room, CONTROL_BYTES);
	control_filled(&reader, 4);
	assert_int_equal(control_next(&reader, &got), CONTROL_BAD);
	fresh(NULL);
	frame_encode(wire, FRAME_CONTROL, FRAME_PAYLOAD_MAX + 1, 0);
	memcpy(control_space(&reader, &room), wire, FRAME_HEADER_BYTES);
	control_filled(&reader, FRAME_HEADER_BYTES);
	assert_int_equal(control_next(&reader, &got), CONTROL_BAD);
}

/* Whatever bytes come, it neither loops nor leaves its buffer. */
static void random_bytes_do_no_harm(void **state)
{
	uint64_t random = 5;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct control got;
		size_t bytes = put_control(0, draw(&random), false, 7), room;
		uint8_t *space;

		fresh(NULL);
		for (unsigned flips = 0; flips < 3; flips++)
			wire[draw_below(&random, bytes)] ^=
				(uint8_t)draw(&random);
		space = control_space(&reader, &room);
		memcpy(space, wire, bytes);
		control_filled(&reader, bytes);
		for (int i = 0; i < 4; i++)
			control_next(&reader, &got);
		assert_true(reader.used <= CONTROL_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(controls_come_through_in_any_pieces,
				       fresh),
		cmocka_unit_test_setup(other_frames_are_passed_over, fresh),
		cmocka_unit_test_setup(odd_controls_do_no_harm, fresh),
		cmocka_unit_test_setup(nonsense_is_seen_at_once, fresh),
		cmocka_unit_test_setup(random_bytes_do_no_harm, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
