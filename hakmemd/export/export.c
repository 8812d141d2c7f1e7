#include "hakmemd/export/export.h"

#include <string.h>

#include "hakmemd/model/check.h"
#include "hakmemd/model/sizes.h"

#define SIZES_COLUMN(name, kind, help)                                         \
	EXPORT_GETTER(size, struct sizes_row, name, kind)
#include "proto/columns.def"

#define CLASSES_COLUMN(name, kind, help)                                       \
	EXPORT_GETTER(class, struct export_class, name, kind)
#include "proto/columns.def"

static const struct export_column export_size_columns[] = {
#define SIZES_COLUMN(name, kind, help)                                         \
	{#name, EXPORT_##kind, size_##name, false},
#include "proto/columns.def"
};

static const struct export_column export_class_columns[] = {
#define CLASSES_COLUMN(name, kind, help)                                       \
	{#name, EXPORT_##kind, class_##name, false},
#include "proto/columns.def"
};

static const void *export_size_row(const struct export_table *table,
				   size_t index)
{
	const struct sizes_row *rows = table->prepared;

	return index < table->prepared_count ? &rows[index] : NULL;
}

static const void *export_class_row(const struct export_table *table,
				    size_t index)
{
	const struct export_class *rows = table->prepared;

	return index < table->prepared_count ? &rows[index] : NULL;
}

static struct export_class export_class_of(const Hakmem__Hello *hello,
					   const Hakmem__State *state,
					   size_t index)
{
	const Hakmem__SizeClass *class = hello->classes[index];
	struct export_class row = {
		.stride_bytes = class->stride_bytes,
		.low_bytes = class->low_bytes,
		.high_bytes = class->high_bytes,
		.usable_bytes = class->usable_bytes,
		.headerless = class->headerless,
		.allocs = sizes_class_allocs(state, index),
		.live_objects = sizes_class_live(state, index),
		.aligned_only = class->aligned_only,
		.class = index,
	};

	if (index < state->n_class_frees)
		row.frees = state->class_frees[index];
	if (index < state->n_class_slabs)
		row.slabs = state->class_slabs[index];
	if (__builtin_mul_overflow(row.live_objects, class->stride_bytes,
				   &row.live_bytes))
		row.live_bytes = UINT64_MAX;
	return row;
}

static size_t export_prepare_sizes(const Hakmem__Hello *hello,
				   const Hakmem__State *state,
				   const void **rows)
{
	static struct sizes_row prepared[BINS_COUNT];

	*rows = prepared;
	return sizes_compute(hello, state, prepared);
}

static size_t export_prepare_classes(const Hakmem__Hello *hello,
				     const Hakmem__State *state,
				     const void **rows)
{
	static struct export_class prepared[CHECK_CLASSES_MAX];

	*rows = prepared;
	for (size_t i = 0; i < hello->n_classes; i++)
		prepared[i] = export_class_of(hello, state, i);
	return hello->n_classes;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct kind {
	struct export_table table;
	size_t (*prepare)(const Hakmem__Hello *hello,
			  const Hakmem__State *state, const void **rows);
} export_kinds[] = {
	{{.name = "sizes",
	  .columns = export_size_columns,
	  .column_count = COUNT(export_size_columns),
	  .row = export_size_row},
	 export_prepare_sizes},
	{{.name = "classes",
	  .columns = export_class_columns,
	  .column_count = COUNT(export_class_columns),
	  .row = export_class_row},
	 export_prepare_classes},
};

bool export_table(const char *name, pid_t pid, const char *command,
		  const Hakmem__Hello *hello, const Hakmem__State *state,
		  struct export_table *out)
{
	for (size_t i = 0; i < COUNT(export_kinds); i++) {
		if (strcmp(name, export_kinds[i].table.name) != 0)
			continue;
		*out = export_kinds[i].table;
		out->pid = pid;
		out->command = command;
		out->prepared_count =
			export_kinds[i].prepare(hello, state, &out->prepared);
		return true;
	}
	return false;
}
