/*
 * A table as one JSON object:
 *
 *   {"time_s":..,"pid":..,"command":"..","what":"..","rows":[..]}
 *
 * with the columns' names as keys of the rows. Strings are escaped; what is no
 * UTF-8 has been replaced when it came in. Pure.
 */
#ifndef HAKMEMD_EXPORT_JSON_H
#define HAKMEMD_EXPORT_JSON_H

#include "hakmemd/export.h"

extern const struct export_format export_json;

#endif
