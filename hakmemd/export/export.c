#include "hakmemd/export/export.h"

#include <string.h>

#include "hakmemd/model/sizes.h"

static const struct export_column size_columns[] = {
#define SIZES_COLUMN(name, kind, help) {#name, EXPORT_##kind},
#include "proto/columns.def"
};

static bool size_row(const struct export_table *table, size_t index,
		     union export_value *values)
{
	const struct sizes_row *rows = table->prepared;

	if (index >= table->prepared_count)
		return false;
	values[0].count = rows[index].low_bytes;
	values[1].count = rows[index].high_bytes;
	values[2].count = rows[index].requests;
	values[3].count = rows[index].requested_bytes;
	values[4].count = rows[index].reserved_bytes;
	values[5].count = rows[index].live_objects;
	values[6].count = rows[index].live_bytes;
	values[7].real = rows[index].requests_stderr;
	return true;
}

static const struct export_column class_columns[] = {
#define CLASSES_COLUMN(name, kind, help) {#name, EXPORT_##kind},
#include "proto/columns.def"
};

static bool class_row(const struct export_table *table, size_t index,
		      union export_value *values)
{
	const Hakmem__State *state = table->state;
	const Hakmem__SizeClass *class;
	uint64_t live;

	if (index >= table->hello->n_classes)
		return false;
	class = table->hello->classes[index];
	live = sizes_class_live(state, index);
	values[0].count = class->stride_bytes;
	values[1].count = class->low_bytes;
	values[2].count = class->high_bytes;
	values[3].count = class->usable_bytes;
	values[4].count = class->headerless != 0;
	values[5].count = sizes_class_allocs(state, index);
	values[6].count =
		index < state->n_class_frees ? state->class_frees[index] : 0;
	values[7].count = live;
	if (__builtin_mul_overflow(live, class->stride_bytes, &values[8].count))
		values[8].count = UINT64_MAX;
	values[9].count =
		index < state->n_class_slabs ? state->class_slabs[index] : 0;
	values[10].count = class->aligned_only != 0;
	values[11].count = index;
	return true;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct export_table tables[] = {
	{.name = "sizes",
	 .columns = size_columns,
	 .column_count = COUNT(size_columns),
	 .row = size_row},
	{.name = "classes",
	 .columns = class_columns,
	 .column_count = COUNT(class_columns),
	 .row = class_row},
};

bool export_table(const char *name, pid_t pid, const char *command,
		  const Hakmem__Hello *hello, const Hakmem__State *state,
		  struct export_table *out)
{
	static struct sizes_row rows[BINS_COUNT];

	for (size_t i = 0; i < COUNT(tables); i++) {
		if (strcmp(name, tables[i].name) != 0)
			continue;
		*out = tables[i];
		out->pid = pid;
		out->command = command;
		out->hello = hello;
		out->state = state;
		if (out->row == size_row) {
			out->prepared = rows;
			out->prepared_count = sizes_compute(hello, state, rows);
		}
		return true;
	}
	return false;
}
