/*
 * A table as CSV: a header of the columns' names, a line a row, flags as 0
 * and 1. No value ever needs quotes. Pure.
 */
#ifndef HAKMEMD_EXPORT_CSV_H
#define HAKMEMD_EXPORT_CSV_H

#include "hakmemd/export.h"

extern const struct export_format export_csv;

#endif
