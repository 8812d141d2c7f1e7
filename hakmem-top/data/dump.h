/*
 * The figures as files: the JSON and CSV of reports and exports, with the
 * names that scripts rely on. Numbers are whole and exact, strings escaped.
 */
#ifndef HAKMEM_TOP_DUMP_H
#define HAKMEM_TOP_DUMP_H

#include <stdio.h>

#include "hakmem-top/data/model.h"
#include "hakmem-top/data/view.h"

/* One report: an object on one line, newline included. */
void dump_report_json(FILE *out, double time_s, const struct view *view);

/* The CSV of the same figures: the header line, then a line a process. */
void dump_report_csv_header(FILE *out);
void dump_report_csv(FILE *out, double time_s, const struct view *view);

/* `count` bins or classes, as CSV with a header line or as a JSON object. */
void dump_sizes_csv(FILE *out, const struct size_bin *const *bins,
		    size_t count);
void dump_sizes_json(FILE *out, const struct detail *detail,
		     const struct size_bin *const *bins, size_t count);
void dump_classes_csv(FILE *out, const struct class_row *const *classes,
		      size_t count);
void dump_classes_json(FILE *out, const struct detail *detail,
		       const struct class_row *const *classes, size_t count);

#endif
