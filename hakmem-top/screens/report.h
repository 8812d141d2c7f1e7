/*
 * What a screen's table holds as CSV, JSON or aligned text: for the files that
 * a screen writes, for reports and for verbs. docs/FORMATS.md describes them.
 */
#ifndef HAKMEM_TOP_REPORT_H
#define HAKMEM_TOP_REPORT_H

#include <stdio.h>

#include "hakmem-top/screens/screen.h"

#define REPORT_SCHEMA 1 /* the first member of each JSON object */

/*
 * Writes the rows that a screen shows, at most `most` of them: CSV with its
 * header, JSON as one object on one line, or text. False when the context
 * lacks what the screen needs.
 */
bool report_write(FILE *out, const struct screen *screen,
		  struct context *context, enum opts_format format,
		  size_t most);

/* The CSV of the list of processes in two steps, for one report after another.
 */
void report_csv_header(FILE *out, const struct screen *screen);
void report_csv_rows(FILE *out, const struct screen *screen,
		     const struct context *context, size_t most);

/* Unix time, for context.time_s when its figures came. */
double report_time(void);

/* One row as a JSON object of these fields. */
void report_object(FILE *out, const struct field *fields, size_t count,
		   const void *row);

#endif
