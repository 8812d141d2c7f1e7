/* What the unit tests of the daemon share: messages as a program would say
 * them. */
#ifndef TESTS_UNIT_HAKMEMD_UNIT_H
#define TESTS_UNIT_HAKMEMD_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/bins.h"
#include "proto/figures.h"
#include "proto/hakmem.pb-c.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define UNIT_CLASSES	8
#define UNIT_CELLS	64

/* A Hello and a State with room; columns are as long as what was added. */
struct unit {
	Hakmem__Hello hello;
	Hakmem__State state;
	Hakmem__SizeClass class[UNIT_CLASSES], *classes[UNIT_CLASSES];
	Hakmem__SampleCell cell[UNIT_CELLS], *cells[UNIT_CELLS];
	uint64_t allocs[UNIT_CLASSES], frees[UNIT_CLASSES];
	uint64_t samples[UNIT_CELLS];
	double objects[UNIT_CELLS], variance[UNIT_CELLS], bytes[UNIT_CELLS];
	double live[UNIT_CELLS];
};

static inline void unit_begin(struct unit *unit)
{
	memset(unit, 0, sizeof(*unit));
	hakmem__hello__init(&unit->hello);
	unit->hello.figure_names = (char *)(uintptr_t)figures_names;
	hakmem__state__init(&unit->state);
	unit->hello.classes = unit->classes;
	unit->hello.cells = unit->cells;
	unit->state.class_allocs = unit->allocs;
	unit->state.class_frees = unit->frees;
	unit->state.cell_samples = unit->samples;
	unit->state.cell_objects = unit->objects;
	unit->state.cell_objects_var = unit->variance;
	unit->state.cell_bytes = unit->bytes;
	unit->state.cell_live_objects = unit->live;
}

/* Adds a class and a cell for each bin of it; the class's index. */
static inline size_t unit_class(struct unit *unit, uint32_t stride,
				uint32_t low, uint32_t high, uint64_t allocs,
				uint64_t frees)
{
	size_t index = unit->hello.n_classes++;

	hakmem__size_class__init(&unit->class[index]);
	unit->class[index].stride_bytes = stride;
	unit->class[index].low_bytes = low;
	unit->class[index].high_bytes = high;
	unit->classes[index] = &unit->class[index];
	unit->allocs[index] = allocs;
	unit->frees[index] = frees;
	unit->state.n_class_allocs = unit->state.n_class_frees = index + 1;
	for (uint32_t bin = bins_index(low); bin <= bins_index(high); bin++) {
		size_t cell = unit->hello.n_cells++;

		hakmem__sample_cell__init(&unit->cell[cell]);
		unit->cell[cell].class_index = (uint32_t)index;
		unit->cell[cell].bin = bin;
		unit->cells[cell] = &unit->cell[cell];
	}
	unit->state.n_cell_samples = unit->state.n_cell_objects =
		unit->state.n_cell_objects_var = unit->state.n_cell_bytes =
			unit->state.n_cell_live_objects = unit->hello.n_cells;
	return index;
}

/* The cell of a class and bin. */
static inline size_t unit_cell(const struct unit *unit, size_t index,
			       uint32_t bin)
{
	for (size_t i = 0; i < unit->hello.n_cells; i++)
		if (unit->cell[i].class_index == index &&
		    unit->cell[i].bin == bin)
			return i;
	fail_msg("no cell of class %zu, bin %u", index, bin);
	return 0;
}

#endif
