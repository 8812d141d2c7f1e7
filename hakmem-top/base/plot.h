/*
 * Bars and lines of characters, as strings for term_put. With `utf8` an eighth
 * of a cell is the smallest step, else a cell. Pure.
 */
#ifndef HAKMEM_TOP_PLOT_H
#define HAKMEM_TOP_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLOT_MAX 1024 /* bytes of a plotted line; 3 a cell */

/* A bar of `part` / `whole` of `cells`; something, if part is not 0. */
char *plot_bar(char out[PLOT_MAX], uint64_t part, uint64_t whole, size_t cells,
	       bool utf8);

/*
 * One row of a chart `rows` high (row 0 is the lowest) of `count` values, the
 * newest at the right end of `cells`; `top` is the value of a full column.
 */
char *plot_chart(char out[PLOT_MAX], const uint64_t *values, size_t count,
		 uint64_t top, size_t cells, size_t row, size_t rows,
		 bool utf8);

/*
 * Fits `count` values taken at `times` into `cells` columns that cover
 * `span_ns` up to `now_ns` (or to the newest value, if that is later): each
 * column holds the largest value of its slice, or the one before it. Returns
 * how many columns, at the right, have data.
 */
size_t plot_resample(const uint64_t *times, const uint64_t *values,
		     size_t count, uint64_t now_ns, uint64_t span_ns,
		     uint64_t *out, size_t cells);

#endif
