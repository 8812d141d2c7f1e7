/*
 * Marks: the figures of a process's sites at a named moment, and what changed
 * since.
 *
 * Allocations since are exact differences of sums, their errors too. Of what
 * lives, samples that were there then and are now cancel; how many those are is
 * bounded from both sides, so the variance of the difference is the smaller of
 *   Var(live now) + Var(live then)
 *   Var(allocated since) + Var(freed since)
 *
 * At most MARKS_MAX; the oldest goes first. Their memory counts to the sites'
 * bounds. Pure. Main thread only.
 */
#ifndef HAKMEMD_MARKS_H
#define HAKMEMD_MARKS_H

#include "hakmemd/model/sites.h"

#define MARKS_MAX     16u
#define MARK_NAME_MAX 64u /* bytes */

struct mark_row {
	uint32_t site_id;
	struct sites_figures figures;
};

struct mark {
	char name[MARK_NAME_MAX + 1]; /* "" = no mark */
	uint64_t time_ns;
	struct mark_row *rows; /* by site_id, those with any sample */
	size_t count;
};

struct marks {
	struct mark mark[MARKS_MAX]; /* oldest first */
	size_t count;
};

/*
 * Remembers the sites' figures under a name, instead of what it stood for
 * before. `dropped` gets the name of a mark that went for it, or "". NULL, or
 * why it failed (a constant).
 */
const char *marks_set(struct marks *marks, struct sites *sites,
		      const char *name, uint64_t now_ns,
		      char dropped[MARK_NAME_MAX + 1]);

/* NULL when there is none of that name. */
const struct mark *marks_find(const struct marks *marks, const char *name);

/* The figures of a site since the mark; NULL: since the beginning. */
struct sites_figures marks_since(const struct mark *mark,
				 const struct site *site);

void marks_clear(struct marks *marks, struct sites *sites);

#endif
