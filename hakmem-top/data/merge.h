/*
 * The sites of several processes as one table: those of the same function,
 * location and module are added up, each after it was estimated by itself.
 */
#ifndef HAKMEM_TOP_MERGE_H
#define HAKMEM_TOP_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/data/sites.h"

#define MERGE_TABLES 32u

struct merge_row {
	const struct site *site; /* its names; belongs to a table */
	struct estimate live, allocated;
};

/* All zero is an empty one. */
struct merge {
	struct sites *tables[MERGE_TABLES];
	size_t table_count, count, room;
	double sample_bytes; /* the largest of all: bounds what is unseen */
	struct merge_row *rows;
};

/* Takes over `sites`; false, and frees them, when there is no room. */
bool merge_add(struct merge *merge, struct sites *sites);

/* Adds up and puts those first that allocated most; call it once. */
void merge_finish(struct merge *merge);

void merge_clear(struct merge *merge);

#endif
