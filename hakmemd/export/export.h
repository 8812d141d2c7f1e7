/*
 * A table to be written as a file: columns, each with a getter, and rows.
 *
 * The columns of proto/columns.def are members of their row under the same
 * name: of struct sizes_row, struct export_class, Hakmem__SiteRow. So a column
 * is added there and filled where its row is; CSV and JSON follow. Pure. Main
 * thread only.
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

union export_value {
	uint64_t count;
	int64_t signed_count;
	double real;
	bool flag;
	const char *text;
};
#define EXPORT_MEMBER_COUNT  count
#define EXPORT_MEMBER_SIGNED signed_count
#define EXPORT_MEMBER_REAL   real
#define EXPORT_MEMBER_FLAG   flag
#define EXPORT_MEMBER_TEXT   text

struct export_column {
	const char *name;
	enum export_kind kind;
	union export_value (*get)(const void *row);
	bool csv_only;
};

/* Makes the getter `prefix`_`name` of a member of `type`. */
#define EXPORT_GETTER(prefix, type, name, kind)                                \
	static union export_value prefix##_##name(const void *row)             \
	{                                                                      \
		return (union export_value){                                   \
			.EXPORT_MEMBER_##kind = ((const type *)row)->name};    \
	}

struct export_table {
	const char *name; /* what scripts ask for */
	const struct export_column *columns;
	size_t column_count;
	/* Row `index`, until the next call, or NULL past the end. */
	const void *(*row)(const struct export_table *table, size_t index);
	double time_s; /* Unix time of the figures: the caller's to set */
	pid_t pid;
	const char *command;
	const void *prepared; /* what the rows are made from */
	size_t prepared_count;
	/* What only JSON can hold: more members of the whole and of a row, each
	 * beginning with a comma. Or NULL. */
	bool (*json_head)(const struct export_table *table, struct buf *out);
	bool (*json_more)(const struct export_table *table, size_t index,
			  struct buf *out);
};

/* A row of "classes". */
struct export_class {
#define CLASSES_COLUMN(name, kind, help) uint64_t name;
#include "proto/columns.def"
};

/*
 * The table of that name, of a process with these messages; false when there is
 * no such table. It refers to its arguments and to memory of this module that
 * the next call reuses.
 */
bool export_table(const char *name, pid_t pid, const char *command,
		  const Hakmem__Hello *hello, const Hakmem__State *state,
		  struct export_table *out);

#endif
