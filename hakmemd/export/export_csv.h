/*
 * A table as CSV (RFC 4180, but lines end in a newline only): a header of the
 * columns' names, a line a row, flags as 0 and 1. Text stands in quotes, its
 * control characters are '?'. Pure.
 */
#ifndef HAKMEMD_EXPORT_CSV_H
#define HAKMEMD_EXPORT_CSV_H

#include "hakmemd/export/export.h"

/* False when memory is short. */
bool export_csv(const struct export_table *table, struct buf *out);

#endif
