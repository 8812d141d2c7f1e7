/*
 * Figures: the scalar figures of a process as an array, and what is known of
 * each. The rows are in figures.def; rejected pointers have one row a kind in
 * rejects.def.
 *
 * On the wire figures go by name: who sends an array says once in which order
 * (figures_names), who receives it maps the names that both know. So programs
 * of different versions understand each other's common figures.
 *
 * No malloc, no stdio; constant tables only. Pure, any thread.
 */
#ifndef PROTO_FIGURES_H
#define PROTO_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value that is not known: the sender has no such figure, or none came. On
 * the wire it is the sint64 -1. */
#define FIGURE_UNKNOWN UINT64_MAX

enum figure {
#define FIGURE(id, name, unit, kind, group, level, trend, label, help)         \
	FIGURE_##id,
#include "proto/figures.def"
#undef FIGURE
	FIGURES
};

enum reject_kind {
#define REJECT(id, name, text, label, help) REJECT_##id,
#include "proto/rejects.def"
#undef REJECT
	REJECT_KINDS
};

/* The counter of a kind of reject. */
#define FIGURE_REJECT(kind) (FIGURE_REJECTS_DOUBLE_FREE + (unsigned)(kind))

/* All names in the order of the table, a blank behind each. */
extern const char figures_names[];

enum figure_unit { FIGURE_COUNT, FIGURE_BYTES, FIGURE_NS };
enum figure_kind { FIGURE_COUNTER, FIGURE_GAUGE };
enum figure_level { FIGURE_QUIET, FIGURE_WARN, FIGURE_BAD };
enum figure_trend { FIGURE_NOW, FIGURE_KEPT };
enum figure_group {
	FIGURE_MEMORY,
	FIGURE_REQUESTS,
	FIGURE_POINTERS,
	FIGURE_REJECTED,
	FIGURE_MACHINERY,
	FIGURE_STACKS,
	FIGURE_SAMPLING,
	FIGURE_STREAM,
	FIGURE_GROUPS
};

struct figure_row {
	const char *name, *label, *help;
	enum figure_unit unit;
	enum figure_kind kind;
	enum figure_group group;
	enum figure_level level;
	enum figure_trend trend;
};
extern const struct figure_row figures_table[FIGURES];

/* The places of those that are KEPT among themselves. */
enum figure_place {
#define FIGURE_PLACE_NOW(id)
#define FIGURE_PLACE_KEPT(id) KEPT_##id,
#define FIGURE(id, name, unit, kind, group, level, trend, label, help)         \
	FIGURE_PLACE_##trend(id)
#include "proto/figures.def"
#undef FIGURE
	FIGURES_KEPT
};

/* The name of a reject, as reports say it: "double free". */
extern const char *const figures_reject_text[REJECT_KINDS];

/* An order of figures that somebody else's names give. */
#define FIGURES_NAMES_MAX 512u
struct figures_map {
	size_t count;			    /* names */
	uint16_t figure[FIGURES_NAMES_MAX]; /* by place; FIGURES: not known */
};

/*
 * Reads names as figures_names holds them. False when they make no sense:
 * another character than a-z, 0-9 and _, a name of ours twice, or more than
 * FIGURES_NAMES_MAX.
 */
bool figures_map(const char *names, struct figures_map *out);

/* Puts `count` values in the order of the map into ours; what the sender does
 * not have is FIGURE_UNKNOWN. */
void figures_take(const struct figures_map *map, const uint64_t *values,
		  size_t count, uint64_t out[FIGURES]);

/* A figure, or 0 where it is not known. */
static inline uint64_t figure_or_0(const uint64_t *figures, enum figure figure)
{
	return figures[figure] == FIGURE_UNKNOWN ? 0 : figures[figure];
}

#endif
