/*
 * Who writes each format of proto/formats.def. Main thread only.
 */
#ifndef HAKMEMD_WRITERS_H
#define HAKMEMD_WRITERS_H

#include "hakmemd/export/export.h"
#include "hakmemd/export/heap_profile.h"
#include "proto/formats.h"

/* Both return false when memory is short. */
struct writer {
	/* NULL when the format writes no tables. */
	bool (*table)(const struct export_table *table, struct buf *out);
	bool (*heap)(const struct heap_profile *profile, struct buf *out);
};

const struct writer *writer_of(enum format format);

#endif
