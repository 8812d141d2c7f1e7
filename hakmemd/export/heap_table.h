/*
 * A heap profile as a table: a row a site, all its figures and their errors, as
 * CSV (its stack as one folded column) or JSON (its frames as objects).
 */
#ifndef HAKMEMD_HEAP_TABLE_H
#define HAKMEMD_HEAP_TABLE_H

#include "hakmemd/export/heap_profile.h"

/* False when memory is short. */
bool heap_csv(const struct heap_profile *profile, struct buf *out);
bool heap_json(const struct heap_profile *profile, struct buf *out);

#endif
