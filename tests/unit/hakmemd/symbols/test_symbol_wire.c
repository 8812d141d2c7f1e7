#include "hakmemd/symbols/symbol_wire.h"

#include "tests/unit/hakmemd/unit.h"

static struct symbol_packet packet;
static struct symbol_wire_text frames[SYMBOL_WIRE_FRAMES];

static void what_is_put_is_taken(void **state)
{
	(void)state;
	symbol_wire_begin(&packet, 63, SYMBOL_NAMED);
	symbol_wire_put(&packet, "inner", "a.c", 10);
	symbol_wire_put(&packet, NULL, "dir/b.c", UINT32_MAX);
	symbol_wire_put(&packet, "gr\xc3\xbc\xc3\x9f", NULL, 0);
	symbol_wire_put(&packet, NULL, NULL, 7);
	assert_true(symbol_wire_take(&packet, frames));
	assert_int_equal(packet.answer.index, 63);
	assert_int_equal(packet.answer.reason, SYMBOL_NAMED);
	assert_int_equal(packet.answer.frames, 4);
	assert_string_equal(frames[0].name, "inner");
	assert_string_equal(frames[0].file, "a.c");
	assert_int_equal(frames[0].line, 10);
	assert_string_equal(frames[1].name, "");
	assert_string_equal(frames[1].file, "dir/b.c");
	assert_int_equal(frames[1].line, UINT32_MAX);
	assert_string_equal(frames[2].name, "gr\xc3\xbc\xc3\x9f");
	assert_string_equal(frames[2].file, "");
	assert_string_equal(frames[3].name, "");
	assert_int_equal(frames[3].line, 7);
}

static void every_reason_is_taken(void **state)
{
	(void)state;
	for (uint16_t reason = 0; reason < SYMBOL_REASONS; reason++) {
		symbol_wire_begin(&packet, 0, reason);
		assert_int_equal(packet.length, sizeof(packet.answer));
		assert_true(symbol_wire_take(&packet, frames));
		assert_int_equal(packet.answer.reason, reason);
		assert_int_equal(packet.answer.frames, 0);
	}
	/* That is the daemon's own word. */
	symbol_wire_begin(&packet, 0, SYMBOL_BROKEN);
	assert_false(symbol_wire_take(&packet, frames));
	packet.answer.reason = UINT16_MAX;
	assert_false(symbol_wire_take(&packet, frames));
}

/* The longest answer: as many frames as there may be, all strings cut. */
static void strings_and_frames_are_cut(void **state)
{
	static char name[3000], file[SYMBOL_WIRE_TEXT + 2];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	memset(file, 'f', sizeof(file) - 1);
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	for (uint32_t i = 0; i < SYMBOL_WIRE_FRAMES; i++)
		symbol_wire_put(&packet, name, file, i);
	assert_int_equal(packet.length,
			 sizeof(struct symbol_answer) +
				 SYMBOL_WIRE_FRAMES *
					 (sizeof(struct symbol_wire_frame) +
					  2 * SYMBOL_WIRE_TEXT));
	symbol_wire_put(&packet, "late", "late.c", 99);
	assert_int_equal(packet.answer.frames, SYMBOL_WIRE_FRAMES);
	assert_true(symbol_wire_take(&packet, frames));
	for (uint32_t i = 0; i < SYMBOL_WIRE_FRAMES; i++) {
		assert_int_equal(frames[i].line, i);
		assert_int_equal(strlen(frames[i].name), SYMBOL_WIRE_TEXT);
		assert_int_equal(strlen(frames[i].file), SYMBOL_WIRE_TEXT);
		assert_memory_equal(frames[i].file, file, SYMBOL_WIRE_TEXT);
	}
}

static void broken_utf8_is_repaired(void **state)
{
	static char name[SYMBOL_WIRE_TEXT + 8];

	(void)state;
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	symbol_wire_put(&packet,
			"a\xff"
			"b\xc3",
			"\x80/c", 1);
	assert_true(symbol_wire_take(&packet, frames));
	assert_string_equal(frames[0].name, "a?b?");
	assert_string_equal(frames[0].file, "?/c");
	/* Also where the cut goes through a character. */
	memset(name, 'n', SYMBOL_WIRE_TEXT - 1);
	memcpy(name + SYMBOL_WIRE_TEXT - 1, "\xc3\xbc", 3);
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	symbol_wire_put(&packet, name, NULL, 1);
	assert_true(symbol_wire_take(&packet, frames));
	name[SYMBOL_WIRE_TEXT - 1] = '?';
	name[SYMBOL_WIRE_TEXT] = '\0';
	assert_string_equal(frames[0].name, name);
}

/* A NUL inside ends the string, and what follows is still in its place. */
static void a_nul_inside_ends_a_string(void **state)
{
	(void)state;
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	symbol_wire_put(&packet, "abXcd", "f.c", 1);
	packet.bytes[sizeof(struct symbol_answer) +
		     sizeof(struct symbol_wire_frame) + 2] = '\0';
	assert_true(symbol_wire_take(&packet, frames));
	assert_string_equal(frames[0].name, "ab");
	assert_string_equal(frames[0].file, "f.c");
}

/* Every length but the true one. */
static void another_length_is_refused(void **state)
{
	size_t length;

	(void)state;
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	symbol_wire_put(&packet, "one", "one.c", 1);
	symbol_wire_put(&packet, "two", "two.c", 2);
	length = packet.length;
	for (packet.length = 0; packet.length < length + 300; packet.length++)
		assert_true(symbol_wire_take(&packet, frames) ==
			    (packet.length == length));
	packet.length = sizeof(packet.bytes) + 1;
	assert_false(symbol_wire_take(&packet, frames));
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	for (packet.length = 0; packet.length < 100; packet.length++)
		assert_true(symbol_wire_take(&packet, frames) ==
			    (packet.length == sizeof(packet.answer)));
}

/* A frame's header behind the answer. */
static void forge(uint16_t name_bytes, uint16_t file_bytes, size_t length)
{
	const struct symbol_wire_frame frame = {.name_bytes = name_bytes,
						.file_bytes = file_bytes};

	memset(&packet, 'x', sizeof(packet));
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	packet.answer.frames = 1;
	memcpy(packet.bytes + packet.length, &frame, sizeof(frame));
	packet.length += sizeof(frame) + length;
}

static void forged_lengths_are_refused(void **state)
{
	(void)state;
	forge(SYMBOL_WIRE_TEXT, SYMBOL_WIRE_TEXT, 2 * SYMBOL_WIRE_TEXT);
	assert_true(symbol_wire_take(&packet, frames));
	/* Longer than a string may be, though it is all there. */
	forge(SYMBOL_WIRE_TEXT + 1, 0, SYMBOL_WIRE_TEXT + 1);
	assert_false(symbol_wire_take(&packet, frames));
	forge(0, SYMBOL_WIRE_TEXT + 1, SYMBOL_WIRE_TEXT + 1);
	assert_false(symbol_wire_take(&packet, frames));
	forge(UINT16_MAX, UINT16_MAX, 2 * UINT16_MAX);
	packet.length = sizeof(packet.bytes);
	assert_false(symbol_wire_take(&packet, frames));
	/* Past the end. */
	forge(10, 0, 9);
	assert_false(symbol_wire_take(&packet, frames));
	forge(10, 10, 19);
	assert_false(symbol_wire_take(&packet, frames));
	forge(10, 10, 21);
	assert_false(symbol_wire_take(&packet, frames));
	forge(10, 10, 20);
	assert_true(symbol_wire_take(&packet, frames));
}

static void too_many_frames_are_refused(void **state)
{
	(void)state;
	memset(&packet, 0, sizeof(packet));
	symbol_wire_begin(&packet, 0, SYMBOL_NAMED);
	packet.answer.frames = SYMBOL_WIRE_FRAMES;
	packet.length += SYMBOL_WIRE_FRAMES * sizeof(struct symbol_wire_frame);
	assert_true(symbol_wire_take(&packet, frames));
	packet.answer.frames++;
	packet.length += sizeof(struct symbol_wire_frame);
	assert_false(symbol_wire_take(&packet, frames));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_taken),
		cmocka_unit_test(every_reason_is_taken),
		cmocka_unit_test(strings_and_frames_are_cut),
		cmocka_unit_test(broken_utf8_is_repaired),
		cmocka_unit_test(a_nul_inside_ends_a_string),
		cmocka_unit_test(another_length_is_refused),
		cmocka_unit_test(forged_lengths_are_refused),
		cmocka_unit_test(too_many_frames_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
