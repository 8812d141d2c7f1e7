/*
 * A table as one JSON object on one line:
 *
 *   {"schema":1,"time_s":..,"pid":..,"command":"..","what":"..","rows":[..]}
 *
 * with the columns' names as keys of the rows, and what the table adds. Strings
 * are escaped; what is no UTF-8 has been replaced when it came in. Pure.
 */
#ifndef HAKMEMD_EXPORT_JSON_H
#define HAKMEMD_EXPORT_JSON_H

#include "hakmemd/export/export.h"

/* Both return false when memory is short; a string has its quotes. */
bool export_json(const struct export_table *table, struct buf *out);
bool export_json_string(struct buf *out, const char *text);

#endif
