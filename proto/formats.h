/*
 * The formats of exports, as daemon and viewer name them: the rows of
 * formats.def. No malloc, no stdio. Any thread.
 */
#ifndef PROTO_FORMATS_H
#define PROTO_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

enum {
#define SUBJECT(id, name, help) FORMAT_BIT_##id,
#include "proto/formats.def"
};

/* What an export is about: one bit each. */
enum format_subject {
#define SUBJECT(id, name, help) FORMAT_##id = 1 << FORMAT_BIT_##id,
#include "proto/formats.def"
};

enum format {
#define FORMAT(id, name, subjects, ending, help) FORMAT_##id,
#include "proto/formats.def"
	FORMAT_COUNT
};

#define FORMAT_NAMES_MAX 64 /* of format_names, with the NUL */

/* The row of a format. */
const char *format_name(enum format format);
const char *format_ending(enum format format);
const char *format_help(enum format format);

/* True when it can write the subject. */
bool format_writes(enum format format, unsigned subject);

/* The format of that name that can write `subject`; FORMAT_COUNT = none. */
enum format format_named(const char *name, unsigned subject);

/* The format that a file's name ends in; FORMAT_COUNT = none. */
enum format format_of_file(const char *path);

/* The subject of that name; 0 = none. */
unsigned format_subject_named(const char *name);

/* "csv, json": the formats that can write `subject`, in the table's order. */
void format_names(unsigned subject, char out[FORMAT_NAMES_MAX]);

/* "sizes, classes, heap". */
void format_subject_names(char out[FORMAT_NAMES_MAX]);

#endif
