/*
 * A heap profile as a flame graph to be opened in a browser: one SVG file that
 * needs no other. Width is bytes, color the mean age of what lives. Hover,
 * zoom by click and search are done by flame.js, which is part of the file.
 * What shrank since a baseline has no width; its sum is told.
 */
#ifndef HAKMEMD_HEAP_SVG_H
#define HAKMEMD_HEAP_SVG_H

#include "hakmemd/export/heap_profile.h"

/* False when memory is short. */
bool heap_svg(const struct heap_profile *profile, struct buf *out);

#endif
