#include "hakmem-top/data/value.h"

#include <inttypes.h>
#include <string.h>

#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/plot.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/data/bounds.h"

_Static_assert(VALUE_TEXT_MAX >= PLOT_MAX && VALUE_TEXT_MAX > BOUNDS_MAX,
	       "room for what is shown");

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* How a value is drawn. */
struct style {
	int cells;
	bool utf8;
};

typedef void (*value_shower)(char *out, const struct value *value,
			     const struct style *style);
typedef int (*value_order)(const struct value *a, const struct value *b);
typedef void (*value_writer)(FILE *out, const struct value *value, bool json);

#define SHOW(name, ...)                                                        \
	static void value_show_##name(char *out, const struct value *value,    \
				      const struct style *style)               \
	{                                                                      \
		(void)value;                                                   \
		(void)style;                                                   \
		__VA_ARGS__;                                                   \
	}
SHOW(none, out[0] = '\0')
SHOW(number, snprintf(out, VALUE_TEXT_MAX, "%" PRIu64, value->count))
SHOW(integer, snprintf(out, VALUE_TEXT_MAX, "%.0f", value->real))
SHOW(count, value->since ? fmt_count_change(out, value->base, value->count)
			 : fmt_count(out, value->count))
SHOW(bytes, value->since ? fmt_bytes_change(out, value->base, value->count)
			 : fmt_bytes(out, value->count))
SHOW(address, snprintf(out, VALUE_TEXT_MAX, "0x%" PRIx64, value->count))
SHOW(range, fmt_range(out, value->count, value->base))
SHOW(share, fmt_percent(out, value->count, value->base))
SHOW(bar, out[0] = '\0';
     if (style->cells) plot_bar(out, value->count, value->base,
				(size_t)style->cells, style->utf8))
SHOW(rate, fmt_rate(out, value->real))
SHOW(age, fmt_age(out, fmt_ns(value->real)))
SHOW(real_bytes, fmt_bytes(out, fmt_whole(value->real)))
SHOW(real, snprintf(out, VALUE_TEXT_MAX, "%.3f", value->real))
SHOW(bytes_estimate,
     value->since
	     ? bounds_bytes_change(out, &value->estimate, value->weight,
				   style->utf8)
	     : bounds_bytes(out, &value->estimate, value->weight, style->utf8))
SHOW(count_estimate,
     value->since ? bounds_count_change(out, &value->estimate, style->utf8)
		  : bounds_count(out, &value->estimate, style->utf8))
SHOW(bytes_rate, bounds_rate(out, value->real, value->weight))
SHOW(text, snprintf(out, VALUE_TEXT_MAX, "%s", value->text))

/* The part of a path or command that is shown and sorted by. */
static const char *value_short(const struct value *value)
{
	const char *slash;

	if (value->kind == VALUE_COMMAND)
		return text_command(value->text);
	slash = value->kind == VALUE_PATH ? strrchr(value->text, '/') : NULL;
	return slash ? slash + 1 : value->text;
}

SHOW(short, snprintf(out, VALUE_TEXT_MAX, "%s", value_short(value)))

static int value_by_count(const struct value *a, const struct value *b)
{
	return ORDER(a->count, b->count);
}

/* With a baseline, what grew most since then. */
static int value_by_growth(const struct value *a, const struct value *b)
{
	int64_t left = (int64_t)(a->count - a->base);
	int64_t right = (int64_t)(b->count - b->base);

	return a->since ? ORDER(left, right) : value_by_count(a, b);
}

static int value_by_real(const struct value *a, const struct value *b)
{
	return ORDER(a->real, b->real);
}

static int value_by_share(const struct value *a, const struct value *b)
{
	double left = a->base ? (double)a->count / (double)a->base : -1;
	double right = b->base ? (double)b->count / (double)b->base : -1;

	return ORDER(left, right);
}

static int value_by_estimate(const struct value *a, const struct value *b)
{
	return ORDER(a->estimate.value, b->estimate.value);
}

static int value_by_text(const struct value *a, const struct value *b)
{
	int texts = strcasecmp(value_short(a), value_short(b));

	return texts ? texts : value_by_count(a, b);
}

static void value_write_none(FILE *out, const struct value *value, bool json)
{
	(void)value;
	if (json)
		fputs("null", out);
}

static void value_write_whole(FILE *out, const struct value *value, bool json)
{
	(void)json;
	fprintf(out, "%" PRIu64, value->count);
}

static void value_write_integer(FILE *out, const struct value *value, bool json)
{
	(void)json;
	fprintf(out, "%.0f", value->real);
}

static void value_write_real(FILE *out, const struct value *value, bool json)
{
	(void)json;
	fprintf(out, "%.3f", value->real);
}

static void value_write_flag(FILE *out, const struct value *value, bool json)
{
	static const char *const words[2][2] = {{"0", "1"}, {"false", "true"}};

	fputs(words[json][value->count != 0], out);
}

static void value_write_address(FILE *out, const struct value *value, bool json)
{
	fprintf(out, json ? "\"0x%" PRIx64 "\"" : "0x%" PRIx64, value->count);
}

static void value_write_text(FILE *out, const struct value *value, bool json)
{
	if (json)
		text_json(out, value->text);
	else
		text_csv(out, value->text);
}

static const struct kind {
	value_shower show;
	value_order compare;
	value_writer write;
} value_kinds[VALUE_KINDS] = {
#define KIND(id, shown, order, written)                                        \
	[VALUE_##id] = {value_show_##shown, value_by_##order,                  \
			value_write_##written}
	KIND(NONE, none, count, none),
	KIND(NUMBER, number, count, whole),
	KIND(INTEGER, integer, real, integer),
	KIND(COUNT, count, growth, whole),
	KIND(BYTES, bytes, growth, whole),
	KIND(FLAG, number, count, flag),
	KIND(ADDRESS, address, count, address),
	KIND(RANGE, range, count, none),
	KIND(SHARE, share, share, real),
	KIND(BAR, bar, share, none),
	KIND(RATE, rate, real, real),
	KIND(AGE, age, real, real),
	KIND(REAL_BYTES, real_bytes, real, real),
	KIND(REAL, real, real, real),
	KIND(BYTES_ESTIMATE, bytes_estimate, estimate, real),
	KIND(COUNT_ESTIMATE, count_estimate, estimate, real),
	KIND(BYTES_RATE, bytes_rate, real, real),
	KIND(TEXT, text, text, text),
	KIND(PATH, short, text, text),
	KIND(COMMAND, short, text, text),
	KIND(WORD, text, count, text),
};

char *value_show(char out[VALUE_TEXT_MAX], const struct value *value, int cells,
		 bool utf8)
{
	const struct style style = {cells, utf8};

	if (value->unknown)
		return strcpy(out, "-");
	out[0] = '~';
	value_kinds[value->kind].show(out + value->rough, value, &style);
	return out;
}

int value_compare(const struct value *a, const struct value *b)
{
	return value_kinds[a->kind].compare(a, b);
}

void value_write(FILE *out, const struct value *value, bool json)
{
	value_kinds[value->kind].write(out, value, json);
}

const char *value_whole_text(const struct value *value)
{
	return value->kind == VALUE_TEXT || value->kind == VALUE_PATH ||
			       value->kind == VALUE_COMMAND
		       ? value->text
		       : NULL;
}
