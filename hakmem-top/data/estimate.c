#include "hakmem-top/data/estimate.h"

#include <math.h>

/*
 * A quantile of the chi-squared distribution with `freedom` degrees, `normal`
 * the same quantile of the normal one: Wilson and Hilferty's cube. At 2 degrees
 * and 97.5 % it is 0.6 % low, with more degrees better.
 */
static double estimate_chi_squared(double freedom, double normal)
{
	double part = 2 / (9 * freedom);
	double root = 1 - part + normal * sqrt(part);

	return root > 0 ? freedom * root * root * root : 0;
}

static double estimate_bound(double y, double v, double normal)
{
	return v / (2 * y) * estimate_chi_squared(2 * y * y / v, normal);
}

/*
 * Fay and Feuer's interval for a weighted sum of Poisson counts: the sum y
 * with variance v behaves like y^2 / v samples of the weight v / y; one sample
 * more, of the greatest weight, bounds what was not seen.
 */
struct interval estimate_interval(const struct estimate *estimate,
				  double weight)
{
	double y = estimate->value, v = estimate->error * estimate->error;
	struct interval interval = {y, y};

	if (estimate->samples == 0 || !(y > 0))
		return (struct interval){0, 3 * weight};
	if (weight < v / y)
		weight = v / y;
	/* Rounding must not turn the ends round; fmin and fmax drop NaN. */
	if (v > 0)
		interval.low = fmin(estimate_bound(y, v, -ESTIMATE_95), y);
	if (weight > 0)
		interval.high =
			fmax(estimate_bound(y + weight, v + weight * weight,
					    ESTIMATE_95),
			     y);
	return interval;
}

bool estimate_few(const struct estimate *estimate)
{
	return estimate->samples < ESTIMATE_FEW;
}

struct estimate estimate_add(const struct estimate *a, const struct estimate *b)
{
	return (struct estimate){
		.value = a->value + b->value,
		.error = hypot(a->error, b->error),
		.samples = a->samples + b->samples,
	};
}
