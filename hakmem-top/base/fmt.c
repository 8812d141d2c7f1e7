#include "hakmem-top/base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char fmt_byte_units[] = "BKMGTPE";
static const char fmt_count_units[] = " kMGTPE";

/* Three significant digits of a value >= 0 that has left the first unit. */
static void fmt_scale(char *out, double value, double base, const char *units)
{
	const char *unit = units;
	int decimals;

	while (value >= base - 0.5 && unit[1] != '\0') {
		value /= base;
		unit++;
	}
	decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	snprintf(out, FMT_MAX, "%.*f%c", decimals, value, *unit);
}

char *fmt_bytes(char out[FMT_MAX], uint64_t bytes)
{
	if (bytes < 1024)
		snprintf(out, FMT_MAX, "%uB", (unsigned)bytes);
	else
		fmt_scale(out, (double)bytes, 1024, fmt_byte_units);
	return out;
}

char *fmt_count(char out[FMT_MAX], uint64_t count)
{
	if (count < 1000)
		snprintf(out, FMT_MAX, "%u", (unsigned)count);
	else
		fmt_scale(out, (double)count, 1000, fmt_count_units);
	return out;
}

char *fmt_rate(char out[FMT_MAX], double rate)
{
	if (!(rate > 0) || !isfinite(rate))
		snprintf(out, FMT_MAX, "0");
	else if (rate < 0.005)
		snprintf(out, FMT_MAX, "<0.01");
	else if (rate < 0.995)
		snprintf(out, FMT_MAX, "%.2f", rate);
	else if (rate < 99.95)
		snprintf(out, FMT_MAX, "%.1f", rate);
	else if (rate < 999.5)
		snprintf(out, FMT_MAX, "%.0f", rate);
	else
		fmt_scale(out, rate, 1000, fmt_count_units);
	return out;
}

/* The size of the change behind its sign. */
static char *fmt_change(char out[FMT_MAX], uint64_t before, uint64_t after,
			char *(*format)(char *, uint64_t))
{
	char text[FMT_MAX];

	if (before == after)
		return strcpy(out, "0");
	format(text, after > before ? after - before : before - after);
	snprintf(out, FMT_MAX, "%c%.20s", after > before ? '+' : '-', text);
	return out;
}

char *fmt_bytes_change(char out[FMT_MAX], uint64_t before, uint64_t after)
{
	return fmt_change(out, before, after, fmt_bytes);
}

char *fmt_count_change(char out[FMT_MAX], uint64_t before, uint64_t after)
{
	return fmt_change(out, before, after, fmt_count);
}

char *fmt_percent(char out[FMT_MAX], uint64_t part, uint64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	if (whole == 0)
		snprintf(out, FMT_MAX, "-");
	else if (part == 0)
		snprintf(out, FMT_MAX, "0");
	else if (percent < 0.05)
		snprintf(out, FMT_MAX, "<0.1");
	else if (percent < 99.95)
		snprintf(out, FMT_MAX, "%.1f", percent);
	else if (percent < 999.5)
		snprintf(out, FMT_MAX, "%.0f", percent);
	else
		snprintf(out, FMT_MAX, ">999");
	return out;
}

char *fmt_age(char out[FMT_MAX], uint64_t ns)
{
	uint64_t tenths = ns / 100000000u, s = tenths / 10;

	if (s < 10)
		snprintf(out, FMT_MAX, "%u.%us", (unsigned)s,
			 (unsigned)(tenths % 10));
	else if (s < 60)
		snprintf(out, FMT_MAX, "%us", (unsigned)s);
	else if (s < 3600)
		snprintf(out, FMT_MAX, "%um%02us", (unsigned)(s / 60),
			 (unsigned)(s % 60));
	else if (s < 86400u)
		snprintf(out, FMT_MAX, "%uh%02um", (unsigned)(s / 3600),
			 (unsigned)(s / 60 % 60));
	else if (s < 8640000u)
		snprintf(out, FMT_MAX, "%ud%02uh", (unsigned)(s / 86400),
			 (unsigned)(s / 3600 % 24));
	else
		snprintf(out, FMT_MAX, "%ud", (unsigned)(s / 86400));
	return out;
}

char *fmt_grouped(char out[FMT_MAX], uint64_t count)
{
	char reversed[FMT_MAX];
	size_t used = 0, digits = 0;

	do {
		if (digits > 0 && digits % 3 == 0)
			reversed[used++] = ',';
		reversed[used++] = (char)('0' + count % 10);
		count /= 10;
		digits++;
	} while (count != 0);
	for (size_t i = 0; i < used; i++)
		out[i] = reversed[used - 1 - i];
	out[used] = '\0';
	return out;
}

/* An edge of a range: exact below 10,000, where neighbors must differ. */
static void fmt_edge(char *out, uint64_t bytes)
{
	if (bytes < 10000)
		snprintf(out, FMT_MAX, "%u", (unsigned)bytes);
	else if (bytes == UINT64_MAX)
		snprintf(out, FMT_MAX, "max");
	else
		fmt_bytes(out, bytes);
}

char *fmt_range(char out[FMT_MAX], uint64_t low, uint64_t high)
{
	char from[FMT_MAX], to[FMT_MAX];

	fmt_edge(from, low);
	fmt_edge(to, high);
	if (low == high)
		snprintf(out, FMT_MAX, "%.20s", from);
	else
		snprintf(out, FMT_MAX, "%.20s-%.20s", from, to);
	return out;
}

uint64_t fmt_whole(double value)
{
	if (!(value > 0))
		return 0;
	return value < 1.8e19 ? (uint64_t)(value + 0.5) : UINT64_MAX;
}

uint64_t fmt_ns(double seconds)
{
	return fmt_whole(seconds * 1e9);
}
