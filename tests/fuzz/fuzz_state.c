/*
 * A good HELLO, then a STATE of any content, twice: the second meets what the
 * first left. Then all queries: the histogram and the exports are computed
 * from it.
 */
#include "proto/frame.h"
#include "tests/fuzz/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	world_open();
	world_hello();
	world_frame(WORLD_PROGRAM, FRAME_STATE, data, size);
	world_ask();
	world_frame(WORLD_PROGRAM, FRAME_STATE, data, size);
	world_ask();
	world_run();
	return 0;
}
