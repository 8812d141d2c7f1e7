#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/hakmem.pb-c.h"

static uint8_t bytes[FRAME_HEADER_BYTES + 64];
static struct frame frame;

static void encode(uint16_t type, uint32_t length, uint32_t sequence)
{
	memset(bytes, 0xa5, sizeof(bytes));
	frame_encode(bytes, type, length, sequence);
}

/* The decoder sees a copy of just so many bytes: reading on is an overflow
 * that the sanitizers and valgrind tell of. */
static enum frame_status decode(size_t available)
{
	uint8_t *copy = malloc(available ? available : 1);
	enum frame_status status;

	memcpy(copy, bytes, available);
	status = frame_decode(copy, available, &frame);
	if (status == FRAME_READY)
		assert_ptr_equal(frame.payload, copy + FRAME_HEADER_BYTES);
	free(copy);
	return status;
}

static void header_is_as_drawn(void **state)
{
	static const uint8_t wanted[FRAME_HEADER_BYTES] = {
		'H',  'K',  'M',  '1',	2,    0,    0x03, 0x02,
		0x40, 0x30, 0x02, 0x01, 0x04, 0x05, 0x06, 0x87};

	(void)state;
	encode(0x0203, 0x01023040, 0x87060504);
	assert_memory_equal(bytes, wanted, sizeof(wanted));
	assert_int_equal(bytes[FRAME_HEADER_BYTES], 0xa5);
}

static void what_was_encoded_is_decoded(void **state)
{
	(void)state;
	encode(FRAME_STATE, 10, 0xfffffffe);
	assert_int_equal(decode(sizeof(bytes)), FRAME_READY);
	assert_int_equal(frame.type, FRAME_STATE);
	assert_int_equal(frame.version, FRAME_VERSION);
	assert_int_equal(frame.length, 10);
	assert_int_equal(frame.sequence, 0xfffffffe);
	encode(FRAME_HELLO, 0, 0);
	assert_int_equal(decode(FRAME_HEADER_BYTES), FRAME_READY);
	assert_int_equal(frame.length, 0);
}

static void every_prefix_wants_more(void **state)
{
	(void)state;
	encode(FRAME_STATE, 20, 3);
	for (size_t i = 0; i < FRAME_HEADER_BYTES + 20; i++)
		assert_int_equal(decode(i), FRAME_MORE);
	assert_int_equal(decode(FRAME_HEADER_BYTES + 20), FRAME_READY);
}

/* Each wrong byte is refused as soon as it is there, not before. */
static void garbage_is_refused_at_its_first_byte(void **state)
{
	(void)state;
	for (size_t wrong = 0; wrong < 6; wrong++) {
		enum frame_status expected =
			wrong < 4 ? FRAME_BAD_MAGIC : FRAME_BAD_VERSION;

		encode(FRAME_STATE, 0, 0);
		bytes[wrong] ^= 0x80;
		for (size_t i = 0; i <= wrong; i++)
			assert_int_equal(decode(i), FRAME_MORE);
		/* A version is two bytes and judged when both are there. */
		assert_int_equal(decode(wrong < 4 ? wrong + 1 : 6), expected);
		assert_int_equal(decode(sizeof(bytes)), expected);
	}
}

static void lengths_are_capped_before_the_payload(void **state)
{
	static const uint32_t lengths[] = {FRAME_PAYLOAD_MAX + 1, 1u << 31,
					   UINT32_MAX,
					   UINT32_MAX - FRAME_HEADER_BYTES + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		encode(FRAME_STATE, lengths[i], 0);
		assert_int_equal(decode(FRAME_HEADER_BYTES - 1), FRAME_MORE);
		assert_int_equal(decode(FRAME_HEADER_BYTES), FRAME_TOO_LARGE);
	}
	encode(FRAME_STATE, FRAME_PAYLOAD_MAX, 0);
	assert_int_equal(decode(sizeof(bytes)), FRAME_MORE);
}

static void a_largest_frame_is_ready(void **state)
{
	size_t size = FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX;
	uint8_t *large = calloc(1, size);

	(void)state;
	frame_encode(large, FRAME_STATE, FRAME_PAYLOAD_MAX, 1);
	assert_int_equal(frame_decode(large, size - 1, &frame), FRAME_MORE);
	assert_int_equal(frame_decode(large, size, &frame), FRAME_READY);
	free(large);
}

static void every_status_has_its_text(void **state)
{
	(void)state;
	for (int a = FRAME_READY; a <= FRAME_TOO_LARGE; a++)
		for (int b = FRAME_READY; b < a; b++)
			assert_string_not_equal(
				frame_status_text((enum frame_status)a),
				frame_status_text((enum frame_status)b));
	assert_non_null(frame_status_text((enum frame_status)99));
}

/* A message that contains itself would let a small frame overflow the stack of
 * protobuf-c's unpacker; the schema must have none, at any depth. */
static void contains(const ProtobufCMessageDescriptor *message,
		     const ProtobufCMessageDescriptor *wanted, int depth)
{
	assert_true(depth < 8);
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];

		if (field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		assert_ptr_not_equal(field->descriptor, wanted);
		contains(field->descriptor, wanted, depth + 1);
	}
}

static void no_message_contains_itself(void **state)
{
	static const ProtobufCMessageDescriptor *const all[] = {
		&hakmem__hello__descriptor,	&hakmem__state__descriptor,
		&hakmem__control__descriptor,	&hakmem__query__descriptor,
		&hakmem__processes__descriptor, &hakmem__detail__descriptor,
		&hakmem__history__descriptor,	&hakmem__export__descriptor,
		&hakmem__error__descriptor,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		contains(all[i], all[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_as_drawn),
		cmocka_unit_test(what_was_encoded_is_decoded),
		cmocka_unit_test(every_prefix_wants_more),
		cmocka_unit_test(garbage_is_refused_at_its_first_byte),
		cmocka_unit_test(lengths_are_capped_before_the_payload),
		cmocka_unit_test(a_largest_frame_is_ready),
		cmocka_unit_test(every_status_has_its_text),
		cmocka_unit_test(no_message_contains_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
