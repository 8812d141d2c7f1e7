/*
 * One row of the site table: a site's figures as a viewer sees them. Main
 * thread only.
 */
#ifndef HAKMEMD_SITE_ROW_H
#define HAKMEMD_SITE_ROW_H

#include "hakmemd/core/pool.h"
#include "hakmemd/export/stack.h"

/* All but the names; `baseline` NULL: since the beginning. */
void site_row_fill(Hakmem__SiteRow *row, const struct model *model,
		   const struct site *site, const struct baseline *baseline);

/* What changed since the baseline. */
void site_row_since(Hakmem__SiteChange *change, const struct site *site,
		    const struct baseline *baseline);

/*
 * Function, location and module, copied into `pool`. False when names are
 * still being looked up.
 */
bool site_row_name(Hakmem__SiteRow *row, const struct stack_source *source,
		   const struct site *site, struct pool *pool);

#endif
