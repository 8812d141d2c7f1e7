/*
 * Whole conversations: the input is cut into pieces, each for one of the two
 * connections.
 *
 *   | what | length, u16 | bytes | what | length | bytes ...
 *
 * `what` 0..3 is a frame of type HELLO, STATE (program), QUERY (viewer),
 * CONTROL (program); 4 and 5 are bytes without a frame for either; 6 a Hello
 * that is good, 7 all good queries. Its higher bits, if any, replace the
 * type of the frame.
 */
#include "proto/frame.h"
#include "tests/fuzz/world.h"

static const struct {
	enum world_peer peer;
	uint16_t type;
} frames[] = {
	{WORLD_PROGRAM, FRAME_HELLO},
	{WORLD_PROGRAM, FRAME_STATE},
	{WORLD_VIEWER, FRAME_QUERY},
	{WORLD_PROGRAM, FRAME_CONTROL},
};

static void piece(unsigned what, unsigned type, const uint8_t *bytes,
		  size_t length)
{
	if (what < 4)
		world_frame(frames[what].peer,
			    type ? (uint16_t)type : frames[what].type, bytes,
			    length);
	else if (what < 6)
		world_bytes(what == 4 ? WORLD_PROGRAM : WORLD_VIEWER, bytes,
			    length);
	else if (what == 6)
		world_hello();
	else
		world_ask();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	world_open();
	while (size >= 3) {
		size_t length = (size_t)(data[1] | data[2] << 8);
		unsigned what = data[0];

		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		piece(what & 7, what >> 3, data, length);
		data += length;
		size -= length;
	}
	world_run();
	return 0;
}
