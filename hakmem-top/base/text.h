/*
 * Strings that others chose: command lines, error texts. Nothing in them may
 * move a cursor, break a line of a report or make a JSON line invalid.
 *
 * Pure, but for text_clean's use of the locale's character widths.
 */
#ifndef HAKMEM_TOP_TEXT_H
#define HAKMEM_TOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT_MAX 4096 /* bytes of any string taken from the daemon */

/*
 * Copies `text` to `out` (`size` bytes, at least 8) as at most `columns`
 * printable columns: control characters as ^X, bad UTF-8 and characters that
 * hide or reorder others as a replacement mark, all beyond ASCII as '?' unless
 * `utf8`. What does not fit ends in a mark. Returns the columns used.
 */
size_t text_clean(char *out, size_t size, const char *text, size_t columns,
		  bool utf8);

/* Writes `text` as a JSON string, quotes included; always valid UTF-8. */
void text_json(FILE *out, const char *text);

/* Writes `text` as a CSV field, quoted if need be; control characters as ^X. */
void text_csv(FILE *out, const char *text);

/* True when `text` holds `needle`, letters of either case; "" is in all. */
bool text_has(const char *text, const char *needle);

/* The command with the directory of its first word left out; into `text`. */
const char *text_command(const char *text);

#endif
