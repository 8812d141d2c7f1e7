/*
 * The command line: a row an option, a verb and a format, with the function
 * that takes it; parsing and --help come from the rows.
 */
#ifndef HAKMEM_TOP_OPTS_H
#define HAKMEM_TOP_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTS_INTERVAL_MIN 0.1 /* seconds */
#define OPTS_INTERVAL_MAX 3600.0

enum opts_mode {
	OPTS_WATCH,
	OPTS_BATCH,
	OPTS_EXPORT,
	OPTS_SITES,
	OPTS_MARK,
	OPTS_SET,
	OPTS_HELP,
	OPTS_VERSION,
	OPTS_FIGURES,
};

enum opts_format {
	OPTS_NO_FORMAT,
	OPTS_TEXT,
#define FORMAT(id, name, subjects, ending, help) OPTS_##id,
#include "proto/formats.def"
	OPTS_FORMATS
};

#define OPTS_MARK_MAX 64 /* bytes of the name of a baseline */

/* Strings point into argv. */
struct opts {
	enum opts_mode mode;
	const char *socket; /* NULL: the rule of proto/path.h */
	double interval_s;
	uint64_t count; /* reports of --batch, rows of sites; 0 = endless */
	enum opts_format format;
	bool no_color, no_mouse, ascii, readonly, stay;
	uint32_t pid; /* 0: not given */
	const char *what;
	const char
		*sample;  /* export: inuse, alloc, peak; set: as it was given */
	const char *diff; /* export: since this baseline */
	const char *baseline; /* its name */
	const char *output;
	uint64_t sample_bytes; /* set: 0 = as it is */
	bool sampling_off;     /* set */
	uint32_t interval_ms;  /* set: 0 = as it is */
	char **command;	       /* NULL, or what stands behind "--" */
};

/*
 * Fills `*opts` with defaults and the arguments. False with one line in `why`
 * that says what is wrong and what to do.
 */
bool opts_parse(struct opts *opts, int argc, char **argv, char *why,
		size_t size);

/* Writes the part of --help about usage and options. */
void opts_help(FILE *out);

/* "json" … of a format. */
const char *opts_format_name(enum opts_format format);

/* True for a format that can write the heap alone, no table. */
bool opts_format_of_heap(enum opts_format format);

/* The format that a file's name ends in; OPTS_NO_FORMAT: none. */
enum opts_format opts_format_of_file(const char *path);

#endif
