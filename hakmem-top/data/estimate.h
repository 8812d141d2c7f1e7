/*
 * The mathematics of sampled figures: how far the truth may be from what the
 * samples say. Pure.
 */
#ifndef HAKMEM_TOP_ESTIMATE_H
#define HAKMEM_TOP_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

/* With fewer samples a figure is shown as an interval, never as a number. */
#define ESTIMATE_FEW 10u

/* Standard errors on either side of a 95 % interval. */
#define ESTIMATE_95 1.96

struct estimate {
	double value, error; /* error: one standard error */
	uint64_t samples;
};

struct interval {
	double low, high;
};

/*
 * The 95 % interval. `weight` is what one sample more would add: the sampling
 * interval for bytes; 0 when it is not known, then the mean weight of those
 * seen stands in. Without a sample it is 0 to 3 weights.
 */
struct interval estimate_interval(const struct estimate *estimate,
				  double weight);

/* True when there are too few samples to show a number. */
bool estimate_few(const struct estimate *estimate);

/* The sum of two estimates of different things. */
struct estimate estimate_add(const struct estimate *a,
			     const struct estimate *b);

#endif
