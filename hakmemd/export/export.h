/*
 * A table to be written as a file: columns, rows, and the formats that can
 * write it. Pure. Main thread only.
 */
#ifndef HAKMEMD_EXPORT_H
#define HAKMEMD_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hakmemd/core/buf.h"
#include "proto/hakmem.pb-c.h"

/* The kinds of proto/columns.def. */
enum export_kind {
	EXPORT_COUNT,
	EXPORT_SIGNED,
	EXPORT_REAL,
	EXPORT_FLAG,
	EXPORT_TEXT
};

struct export_column {
	const char *name;
	enum export_kind kind;
};

union export_value {
	uint64_t count; /* a flag: 0 or 1 */
	int64_t change;
	double real;
	const char *text;
};

struct export_table {
	const char *name; /* what scripts ask for */
	const struct export_column *columns;
	size_t column_count;
	/* Row `index`, or false past the end. */
	bool (*row)(const struct export_table *table, size_t index,
		    union export_value *values);
	double time_s; /* Unix time of the figures: the caller's to set */
	pid_t pid;
	const char *command;
	const Hakmem__Hello *hello;
	const Hakmem__State *state;
	const void *prepared; /* what the table computed once */
	size_t prepared_count;
	/* What only JSON can hold: more members of the whole and of a row, each
	 * beginning with a comma. Or NULL. */
	bool (*json_head)(const struct export_table *table, struct buf *out);
	bool (*json_more)(const struct export_table *table, size_t index,
			  struct buf *out);
};

#define EXPORT_COLUMNS_MAX 32u

/* One way to write a table. False when memory is short. */
struct export_format {
	const char *name;
	bool (*write)(const struct export_table *table, struct buf *out);
};

/*
 * The table of that name, of a process with these messages; false when there is
 * no such table. It refers to its arguments and to memory of this room that the
 * next call reuses.
 */
bool export_table(const char *name, pid_t pid, const char *command,
		  const Hakmem__Hello *hello, const Hakmem__State *state,
		  struct export_table *out);

#endif
