/*
 * What is known of a site, as the getters of columns: for the table of sites,
 * its files, and the stack of one site.
 */
#ifndef HAKMEM_TOP_SITE_COLUMNS_H
#define HAKMEM_TOP_SITE_COLUMNS_H

#include "hakmem-top/data/sites.h"
#include "hakmem-top/screens/table.h"

/* A site with what it is compared to. */
struct site_row {
	const struct site *site;
	struct site_change since; /* the baseline */
	bool has_baseline;
	double sample_bytes;
};

/* The columns on the screen; with a baseline those with a change_title show
 * what changed since then. */
extern const struct column site_columns[];
extern const size_t site_column_count;

/* The columns of files, those of proto/columns.def. */
extern const struct field site_fields[];
extern const size_t site_field_count;

#endif
