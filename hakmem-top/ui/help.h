/*
 * The help: from the key table and the columns of a screen, on the screen or
 * as the end of --help.
 */
#ifndef HAKMEM_TOP_HELP_H
#define HAKMEM_TOP_HELP_H

#include <stdio.h>

#include "hakmem-top/screens/screen.h"

/* Draws from line `first` on; returns how many lines there are in all. */
int help_draw(const struct table *table, int first, int y, int height,
	      int width);

/* Writes keys and the columns of the process list as text. */
void help_print(FILE *out);

#endif
