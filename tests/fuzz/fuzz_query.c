/*
 * A QUERY of any content where one process is known, then a good query: it
 * must be answered, or the viewer have been told why not.
 */
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/fuzz/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t figures[3] = {9, 8, 7};
	struct world_count count;
	Hakmem__State state;

	hakmem__state__init(&state);
	state.time_ns = 1;
	state.n_class_allocs = 3;
	state.class_allocs = figures;
	world_open();
	world_hello();
	world_message(WORLD_PROGRAM, FRAME_STATE, &state.base);
	world_sites();
	world_frame(WORLD_VIEWER, FRAME_QUERY, data, size);
	world_ask();
	count = world_run();
	/* A good CONTROL is passed on. */
	must(count.answers[WORLD_PROGRAM] <= 1);
	must(count.errors[WORLD_PROGRAM] == 0);
	must(count.answers[WORLD_VIEWER] >= 32 ||
	     count.errors[WORLD_VIEWER] > 0);
	return 0;
}
