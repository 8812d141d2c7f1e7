/* A table with one column of each kind, for the formats that write tables. */
#ifndef TESTS_UNIT_HAKMEMD_TABLE_H
#define TESTS_UNIT_HAKMEMD_TABLE_H

#include "hakmemd/export/export.h"
#include "tests/unit/hakmemd/unit.h"

struct table_line {
	uint64_t number;
	int64_t change;
	double share;
	bool flag;
	const char *note;
};

EXPORT_GETTER(table, struct table_line, number, COUNT)
EXPORT_GETTER(table, struct table_line, change, SIGNED)
EXPORT_GETTER(table, struct table_line, share, REAL)
EXPORT_GETTER(table, struct table_line, flag, FLAG)
EXPORT_GETTER(table, struct table_line, note, TEXT)

static const struct export_column table_columns[] = {
	{"number", EXPORT_COUNT, table_number, false},
	{"change", EXPORT_SIGNED, table_change, false},
	{"share", EXPORT_REAL, table_share, false},
	{"flag", EXPORT_FLAG, table_flag, false},
	{"note", EXPORT_TEXT, table_note, true},
};

static const struct table_line table_lines[] = {
	{0, 0, 0, false, ""},
	{42, -7, 1.0005, true, "a\"b\n\xc2\x9b"},
	{UINT64_MAX, INT64_MIN, 1e15 + 0.25, true, "c,d"},
};

static inline const void *table_row(const struct export_table *table,
				    size_t index)
{
	return index < table->prepared_count ? &table_lines[index] : NULL;
}

/* The first `rows` rows as `write` writes them. */
static inline const char *
table_written(bool (*write)(const struct export_table *table, struct buf *out),
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
	assert_true(write(&table, &out));
	assert_true(buf_append(&out, "", 1));
	return (const char *)buf_bytes(&out);
}

#endif
