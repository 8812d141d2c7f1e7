#include "hakmem-top/data/bounds.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "hakmem-top/base/fmt.h"

typedef char *(*unit)(char *out, uint64_t value);

static const char *bounds_sign(bool utf8)
{
	return utf8 ? "±" : "+-";
}

/* An error that no digit shows is none. */
static char *bounds_with_error(char *out, const char *value, double error,
			       unit format, bool utf8)
{
	char half[FMT_MAX];

	if (fmt_whole(error) == 0)
		snprintf(out, BOUNDS_MAX, "%s exact", value);
	else
		snprintf(out, BOUNDS_MAX, "%s %s%s", value, bounds_sign(utf8),
			 format(half, fmt_whole(error)));
	return out;
}

static char *bounds_show(char *out, const struct estimate *estimate,
			 double weight, unit format, bool utf8)
{
	char low[FMT_MAX], high[FMT_MAX];
	struct interval interval;

	if (!estimate_few(estimate))
		return bounds_with_error(
			out, format(low, fmt_whole(estimate->value)),
			ESTIMATE_95 * estimate->error, format, utf8);
	interval = estimate_interval(estimate, weight);
	format(high, fmt_whole(interval.high));
	if (estimate->samples == 0)
		snprintf(out, BOUNDS_MAX, "<%s n=0", high);
	else
		snprintf(out, BOUNDS_MAX, "%s-%s n=%u",
			 format(low, fmt_whole(interval.low)), high,
			 (unsigned)estimate->samples);
	return out;
}

char *bounds_bytes(char out[BOUNDS_MAX], const struct estimate *estimate,
		   double sample_bytes, bool utf8)
{
	if (estimate->samples == 0 && !(sample_bytes > 0))
		return strcpy(out, "-");
	return bounds_show(out, estimate, sample_bytes, fmt_bytes, utf8);
}

char *bounds_count(char out[BOUNDS_MAX], const struct estimate *estimate,
		   bool utf8)
{
	if (estimate->samples == 0)
		return strcpy(out, "-");
	return bounds_show(out, estimate,
			   estimate->value / (double)estimate->samples,
			   fmt_count, utf8);
}

static char *bounds_show_change(char *out, const struct estimate *change,
				double weight, unit format, bool utf8)
{
	char value[FMT_MAX] = "0", size[FMT_MAX];
	uint64_t moved = fmt_whole(fabs(change->value));
	bool few = estimate_few(change);
	/* One sample more or less, of the greatest weight, is always open. */
	double error = few ? hypot(change->error, weight) : change->error;
	size_t used;

	if (moved != 0)
		snprintf(value, sizeof(value), "%c%.20s",
			 change->value > 0 ? '+' : '-', format(size, moved));
	bounds_with_error(out, value, ESTIMATE_95 * error, format, utf8);
	used = strlen(out);
	if (few)
		snprintf(out + used, BOUNDS_MAX - used, " n=%u",
			 (unsigned)change->samples);
	return out;
}

char *bounds_bytes_change(char out[BOUNDS_MAX], const struct estimate *change,
			  double sample_bytes, bool utf8)
{
	if (change->samples == 0)
		return bounds_bytes(out, change, sample_bytes, utf8);
	return bounds_show_change(out, change, sample_bytes, fmt_bytes, utf8);
}

char *bounds_count_change(char out[BOUNDS_MAX], const struct estimate *change,
			  bool utf8)
{
	if (change->samples == 0)
		return strcpy(out, "-");
	return bounds_show_change(out, change,
				  fabs(change->value) / (double)change->samples,
				  fmt_count, utf8);
}

char *bounds_rate(char out[BOUNDS_MAX], double bytes_per_second,
		  double sample_bytes)
{
	struct estimate seen = {.value = bytes_per_second * BOUNDS_RATE_S};
	char text[FMT_MAX];

	if (!(sample_bytes > 0))
		return strcpy(out, "-");
	seen.error = sqrt(seen.value * sample_bytes);
	seen.samples = fmt_whole(seen.value / sample_bytes);
	if (!estimate_few(&seen)) {
		snprintf(out, BOUNDS_MAX, "%s",
			 fmt_bytes(text, fmt_whole(bytes_per_second)));
		return out;
	}
	if (seen.samples == 0 && seen.value > 0)
		seen.samples = 1;
	snprintf(out, BOUNDS_MAX, "<%s",
		 fmt_bytes(
			 text,
			 fmt_whole(estimate_interval(&seen, sample_bytes).high /
				   BOUNDS_RATE_S)));
	return out;
}

const char *bounds_rough(const struct estimate *estimate)
{
	return estimate_few(estimate) ? "~" : "";
}
