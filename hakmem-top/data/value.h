/*
 * One figure of a row, as the getter of its column gives it. Its kind says how
 * it is shown, which of two comes first, and how files have it: this is decided
 * once a kind, here, and for all tables.
 *
 * Pure. Texts belong to the row and are not cleaned: only text and term may
 * show them.
 */
#ifndef HAKMEM_TOP_VALUE_H
#define HAKMEM_TOP_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hakmem-top/data/estimate.h"

#define VALUE_TEXT_MAX 1024 /* bytes of a shown value */

enum value_kind {
	VALUE_NONE,	      /* there is no such figure: "" */
	VALUE_NUMBER,	      /* all its digits: a pid */
	VALUE_INTEGER,	      /* `real`, all its digits, also below 0 */
	VALUE_COUNT,	      /* things: 1.23k */
	VALUE_BYTES,	      /* 1.50K */
	VALUE_FLAG,	      /* `count` is 0 or 1 */
	VALUE_ADDRESS,	      /* 0x1f40 */
	VALUE_RANGE,	      /* of sizes, `count` to `base` */
	VALUE_SHARE,	      /* `count` of `base`, in per cent */
	VALUE_BAR,	      /* the same as a bar; on the screen only */
	VALUE_RATE,	      /* `real` a second */
	VALUE_AGE,	      /* `real` seconds */
	VALUE_REAL_BYTES,     /* `real` bytes, estimated without an error */
	VALUE_REAL,	      /* any other number: in files */
	VALUE_BYTES_ESTIMATE, /* `estimate`, one sample in `weight` bytes */
	VALUE_COUNT_ESTIMATE, /* `estimate` of things */
	VALUE_BYTES_RATE,     /* `real` bytes a second, of samples likewise */
	VALUE_TEXT,	      /* equal ones go by `count` */
	VALUE_PATH,	      /* shown without its directories */
	VALUE_COMMAND,	      /* shown without the program's directory */
	VALUE_WORD,	      /* one of a few, in the order of `count` */
	VALUE_KINDS
};

/* All that a kind does not use is 0. */
struct value {
	enum value_kind kind;
	bool since;   /* shows the change from `base`; files have all of it */
	bool unknown; /* shown as "-" */
	bool rough;   /* of few samples, without its error: "~" before it */
	uint64_t count, base;
	double real; /* of an estimate: what files have */
	double weight;
	const char *text;
	struct estimate estimate; /* when `since`: of the change */
};

static inline struct value value_whole(enum value_kind kind, uint64_t count)
{
	return (struct value){.kind = kind, .count = count};
}

/* `count` of `base`, or from `count` to `base`. */
static inline struct value value_pair(enum value_kind kind, uint64_t count,
				      uint64_t base)
{
	return (struct value){.kind = kind, .count = count, .base = base};
}

/* What there is, with `since` shown as its change from `base`. */
static inline struct value value_since(enum value_kind kind, bool since,
				       uint64_t base, uint64_t count)
{
	return (struct value){
		.kind = kind, .since = since, .base = base, .count = count};
}

static inline struct value value_real(enum value_kind kind, double real)
{
	return (struct value){.kind = kind, .real = real};
}

static inline struct value value_text(enum value_kind kind, const char *text)
{
	return (struct value){.kind = kind, .text = text};
}

/* As people read it, a bar in `cells` columns; returns `out`. */
char *value_show(char out[VALUE_TEXT_MAX], const struct value *value, int cells,
		 bool utf8);

/* Below 0, 0, above 0: the order of two values of one column. */
int value_compare(const struct value *a, const struct value *b);

/* As CSV has it, or with `json` as JSON has it. */
void value_write(FILE *out, const struct value *value, bool json);

/* The whole of a text of which less may be shown; NULL for other kinds. */
const char *value_whole_text(const struct value *value);

#endif
