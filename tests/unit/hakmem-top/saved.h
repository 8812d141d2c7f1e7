/* What a screen writes to a file. */
#ifndef TESTS_SAVED_H
#define TESTS_SAVED_H

#include <stdio.h>
#include <stdlib.h>

#include "hakmem-top/screens/report.h"

/* The whole text, to be freed; the screen must have something to write. Not
 * inline: gcc 12 would take the text for `text` itself, which is gone then. */
static __attribute__((noinline, unused)) char *
saved(const struct screen *screen, struct context *context,
      enum opts_format format)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_true(report_write(out, screen, context, format, SIZE_MAX));
	fclose(out);
	return text;
}

static inline void expect_saved(const struct screen *screen,
				struct context *context,
				enum opts_format format, const char *wanted)
{
	char *text = saved(screen, context, format);

	assert_string_equal(text, wanted);
	free(text);
}

/* There is nothing to write. */
static inline void expect_nothing_saved(const struct screen *screen,
					struct context *context)
{
	FILE *null = fopen("/dev/null", "we");

	assert_false(report_write(null, screen, context, OPTS_CSV, SIZE_MAX));
	assert_false(report_write(null, screen, context, OPTS_JSON, SIZE_MAX));
	fclose(null);
}

#endif
