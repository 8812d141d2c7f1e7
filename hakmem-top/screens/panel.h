/*
 * Panels: the figures of a process by groups, drawn as blocks that flow into as
 * many columns as the screen has, or saved as name and value. What is shown and
 * how follows from proto/figures.def; only notes that compare one figure with
 * another are made here.
 */
#ifndef HAKMEM_TOP_PANEL_H
#define HAKMEM_TOP_PANEL_H

#include <stdio.h>

#include "hakmem-top/screens/screen.h"

/* A run of groups, the last one included. */
struct panel {
	enum figure_group first, last;
};

/*
 * Draws all that fits into `height` rows; returns the rows that were used.
 * context->detail is not NULL.
 */
int panel_draw(const struct panel *panel, const struct context *context, int y,
	       int height, int width);

/*
 * Writes name and value: CSV with a header line, or one JSON object. A figure
 * that is not known is left out of JSON and empty in CSV.
 */
void panel_save(const struct panel *panel, const struct context *context,
		enum opts_format format, FILE *out);

#endif
