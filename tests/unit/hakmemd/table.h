/* A table with one column of each kind, for the formats that write tables. */
#ifndef TESTS_UNIT_HAKMEMD_TABLE_H
#define TESTS_UNIT_HAKMEMD_TABLE_H

#include "hakmemd/export/export.h"
#include "tests/unit/hakmemd/unit.h"

static const struct export_column table_columns[] = {
	{"number", EXPORT_COUNT},
	{"share", EXPORT_REAL},
	{"flag", EXPORT_FLAG},
};

static const union export_value table_rows[][3] = {
	{{.count = 0}, {.real = 0}, {.count = 0}},
	{{.count = 42}, {.real = 1.0005}, {.count = 1}},
	{{.count = UINT64_MAX}, {.real = 1e15 + 0.25}, {.count = 1}},
};

static inline bool table_row(const struct export_table *table, size_t index,
			     union export_value *values)
{
	if (index >= table->prepared_count)
		return false;
	memcpy(values, table_rows[index], sizeof(table_rows[index]));
	return true;
}

/* The first `rows` rows as `format` writes them. */
static inline const char *table_written(const struct export_format *format,
					size_t rows, const char *command)
{
	static struct buf out;
	struct export_table table = {
		.name = "things",
		.columns = table_columns,
		.column_count = COUNT_OF(table_columns),
		.row = table_row,
		.time_s = 1700000000.0625,
		.pid = 42,
		.command = command,
		.prepared_count = rows,
	};

	buf_free(&out);
	assert_true(format->write(&table, &out));
	assert_true(buf_append(&out, "", 1));
	return (const char *)buf_bytes(&out);
}

#endif
