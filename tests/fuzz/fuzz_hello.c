/*
 * A HELLO of any content, then a State without arrays, which fits every
 * Hello, and all queries about what became of it.
 */
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/fuzz/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Hakmem__State state;

	hakmem__state__init(&state);
	state.time_ns = 1;
	world_open();
	world_frame(WORLD_PROGRAM, FRAME_HELLO, data, size);
	world_message(WORLD_PROGRAM, FRAME_STATE, &state.base);
	world_ask();
	world_run();
	return 0;
}
