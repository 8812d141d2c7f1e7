/*
 * Baselines: what a process had counted at a moment that somebody named, to
 * tell what changed since.
 *
 * A baseline holds the state and the figures of all sites. What changed in a
 * site since is told here: allocations are exact differences of sums, their
 * errors too; the error of what lives is that of variance.h.
 *
 * At most BASELINES_MAX a process; the oldest goes first. Their memory counts
 * to the sites' bounds. One may belong to a connection, and goes with it. Pure.
 * Main thread only.
 */
#ifndef HAKMEMD_BASELINE_H
#define HAKMEMD_BASELINE_H

#include "hakmemd/model/sites.h"
#include "proto/figures.h"

#define BASELINES_MAX	  16u
#define BASELINE_NAME_MAX 64u /* bytes */

struct baseline_row {
	uint32_t site_id;
	struct sites_figures figures;
};

struct baseline {
	char name[BASELINE_NAME_MAX + 1];
	uint64_t time_ns;  /* of the state */
	const void *owner; /* with whom it goes; NULL = nobody */
	uint64_t *figures; /* FIGURES of them */
	uint8_t *state;	   /* packed; NULL = there was none */
	size_t state_bytes;
	struct baseline_row *rows; /* by site_id, those with any sample */
	size_t count;
};

struct baselines {
	struct baseline list[BASELINES_MAX]; /* oldest first */
	size_t count;
};

/* What a baseline is made of, besides the sites. */
struct baseline_content {
	const char *name;
	const void *owner;
	uint64_t time_ns;
	const uint64_t *figures;
	const uint8_t *state; /* packed; NULL = none yet */
	size_t state_bytes;
};

/*
 * Remembers the figures under a name, instead of what it stood for before.
 * `dropped` gets the name of a baseline that went for it, or "". NULL, or why
 * it failed (a constant).
 */
const char *baseline_set(struct baselines *baselines, struct sites *sites,
			 const struct baseline_content *options,
			 char dropped[BASELINE_NAME_MAX + 1]);

/* NULL when there is none of that name. */
const struct baseline *baseline_find(const struct baselines *baselines,
				     const char *name);

/* The figures of a site since the baseline; NULL: since the beginning. */
struct sites_figures baseline_since(const struct baseline *baseline,
				    const struct site *site);

/* Forgets one; false when there is none of that name. */
bool baseline_drop(struct baselines *baselines, struct sites *sites,
		   const char *name);

/* Forgets those of an owner. */
void baseline_drop_owned(struct baselines *baselines, struct sites *sites,
			 const void *owner);

void baseline_clear(struct baselines *baselines, struct sites *sites);

#endif
