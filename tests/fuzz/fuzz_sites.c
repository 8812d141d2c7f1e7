/*
 * A good program with good sites; then MODULES or SITES of any content, by the
 * first byte, and all queries, twice: the second message meets what the first
 * left, the second queries are since a baseline.
 */
#include "proto/figures.h"
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/fuzz/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t type = size && data[0] & 1 ? FRAME_SITES : FRAME_MODULES;
	uint64_t figures[3] = {9, 8, 7}, all[FIGURES] = {0};
	Hakmem__State state;

	hakmem__state__init(&state);
	state.time_ns = 1;
	state.figures = all;
	state.n_figures = FIGURES;
	all[FIGURE_SAMPLE_BYTES] = 4096;
	state.n_class_allocs = 3;
	state.class_allocs = figures;
	world_open();
	world_hello();
	world_message(WORLD_PROGRAM, FRAME_STATE, &state.base);
	world_sites();
	for (int i = 0; i < 2; i++) {
		world_frame(WORLD_PROGRAM, type, size ? data + 1 : data,
			    size ? size - 1 : 0);
		world_ask();
		world_message(WORLD_PROGRAM, FRAME_STATE, &state.base);
	}
	world_run();
	return 0;
}
