/*
 * A heap profile as folded stacks, "root;...;leaf BYTES" a line: for
 * flamegraph.pl, speedscope, inferno. A ';' in a name becomes ':', a control
 * character '?'. Stacks of no bytes are left out, so are those that shrank
 * since a baseline: no reader of this format takes a number below 0.
 */
#ifndef HAKMEMD_HEAP_FOLDED_H
#define HAKMEMD_HEAP_FOLDED_H

#include "hakmemd/export/heap_profile.h"

/* False when memory is short. */
bool heap_folded(const struct heap_profile *profile, struct buf *out);

#endif
