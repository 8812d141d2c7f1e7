/*
 * Named figures in groups, drawn as blocks that flow into as many columns as
 * the screen has, or saved as name and value.
 */
#ifndef HAKMEM_TOP_FIGURES_H
#define HAKMEM_TOP_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hakmem-top/base/opts.h"
#include "hakmem-top/term/term.h"

#define FIGURES_MAX 64

struct figure {
	const char *group; /* title of its block; the same pointer within one */
	const char *name;  /* for scripts, with its unit */
	const char *label; /* for people */
	uint64_t value;
	char text[48]; /* the value for people, with its unit */
	char note[48]; /* more about it, dim; may be "" */
	enum term_role role;
};

struct figures {
	size_t count;
	struct figure items[FIGURES_MAX];
};

enum figures_kind { FIGURES_BYTES, FIGURES_COUNT };

/* Adds a figure and returns it, to be noted or coloured; never NULL. */
struct figure *figures_add(struct figures *figures, const char *group,
			   const char *name, const char *label, uint64_t value,
			   enum figures_kind kind);

/* Sets the note behind a figure. */
void figures_note(struct figure *figure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Draws all that fits into `height` rows; returns the rows that were used. */
int figures_draw(const struct figures *figures, int y, int height, int width);

/* Writes name and value, CSV with a header line or one JSON object. */
void figures_save(const struct figures *figures, enum opts_format format,
		  FILE *out);

#endif
