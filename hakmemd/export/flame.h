/*
 * The tree behind a flame graph: what the stacks of a profile have in common,
 * root first. A node holds the sums of all stacks that go through it. Main
 * thread only.
 */
#ifndef HAKMEMD_FLAME_H
#define HAKMEMD_FLAME_H

#include "hakmemd/export/heap_profile.h"

struct flame_node {
	const char *name;
	uint32_t function; /* index in the profile */
	uint32_t child,
		sibling; /* indices, 0 = none; by bytes, largest first */
	uint32_t depth;	 /* of the root: 0 */
	double bytes, bytes_var, objects; /* of the chosen sample */
	double live_bytes, birth_seconds; /* for the mean age of what lives */
};

struct flame {
	struct flame_node *nodes; /* the root is the first */
	uint32_t count, depth;	  /* depth: of the deepest */
	double shrunk;		  /* bytes below 0, left out */
};

/* Builds it in `pool`; false when that is spent. */
bool flame_build(struct flame *flame, const struct heap_profile *profile,
		 struct pool *pool);

/* Mean age of a node's live bytes in seconds; below 0 when nothing lives. */
double flame_age(const struct flame_node *node, uint64_t now_ns);

#endif
