/*
 * Estimates as people read them, always with their error: "12.3M ±1.02M" is
 * the value and its 95 % interval, "24.0K-2.90M n=3" the interval and the
 * number of samples where these are few, "<1.50M n=0" where there is none.
 *
 * Every function writes to `out`, of BOUNDS_MAX bytes, and returns it; at most
 * 15 columns, a change 17. Without `utf8` ± is +-, a column more. Pure.
 */
#ifndef HAKMEM_TOP_BOUNDS_H
#define HAKMEM_TOP_BOUNDS_H

#include <stdbool.h>

#include "hakmem-top/data/estimate.h"

#define BOUNDS_MAX 96

/* Bytes, sampled every `sample_bytes` bytes on average (0 = not known). */
char *bounds_bytes(char out[BOUNDS_MAX], const struct estimate *estimate,
		   double sample_bytes, bool utf8);

/* Things; "-" without a sample, for then their size is not known either. */
char *bounds_count(char out[BOUNDS_MAX], const struct estimate *estimate,
		   bool utf8);

/*
 * A change with its sign: "+1.20M ±300K", with few samples also their number;
 * "<1.50M n=0", in either direction, when nothing of it was sampled.
 */
char *bounds_bytes_change(char out[BOUNDS_MAX], const struct estimate *change,
			  double sample_bytes, bool utf8);
char *bounds_count_change(char out[BOUNDS_MAX], const struct estimate *change,
			  bool utf8);

/*
 * Bytes per second, measured over BOUNDS_RATE_S seconds: "1.20M"; "<800K", the
 * upper bound, when few samples fell into that time.
 */
#define BOUNDS_RATE_S 10.0
char *bounds_rate(char out[BOUNDS_MAX], double bytes_per_second,
		  double sample_bytes);

/* "~" before a figure of few samples that has no room for its error, or "". */
const char *bounds_rough(const struct estimate *estimate);

#endif
