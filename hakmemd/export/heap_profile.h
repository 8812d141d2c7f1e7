/*
 * A heap profile: the sites of a process made ready to be written as a file.
 * One kind of figure is chosen, a baseline subtracted, each address named, and
 * what several stacks share stored once.
 *
 *   rows       a site each: its figures and the locations of its stack
 *   locations  an address each, with a line for every function it is in:
 *              inlined ones first, the one they are inlined into last
 *   functions  a name and file each
 *
 * All of it lives in the pool it was built in and refers to the model: it is
 * written at once. Main thread only.
 */
#ifndef HAKMEMD_HEAP_PROFILE_H
#define HAKMEMD_HEAP_PROFILE_H

#include "hakmemd/core/pool.h"
#include "hakmemd/core/buf.h"
#include "hakmemd/model/estimate.h"
#include "hakmemd/export/site_row.h"

enum heap_profile_sample {
	HEAP_PROFILE_INUSE,
	HEAP_PROFILE_ALLOC,
	HEAP_PROFILE_PEAK
};

struct heap_profile_function {
	const char *name, *file; /* file "" if not known */
};

struct heap_profile_line {
	uint32_t function; /* index */
	uint32_t line;	   /* 0 if not known */
	bool inlined;	   /* into the next */
	const char *note;  /* why there is no name, or "" */
};

struct heap_profile_location {
	uint64_t pc; /* 0: no address, a name that stands for a stack */
	const struct sites_module *module; /* NULL = in none */
	const struct heap_profile_line *lines;
	uint32_t line_count; /* never 0 */
};

struct heap_profile_row {
	const struct site *site;
	struct sites_figures since; /* the baseline, or the beginning */
	const uint32_t *locations;  /* indices, leaf first */
	uint32_t depth;		    /* never 0 */
	/* As asked for; below 0 only in a difference of what lives. */
	double bytes, objects;
	double bytes_var;
};

/* What is wanted. */
struct heap_profile_options {
	const struct process *process;
	struct symbols *symbols;
	enum heap_profile_sample sample;
	const struct baseline *baseline; /* NULL = none */
	bool impatient; /* what has no name yet stays an address */
};

struct heap_profile {
	struct heap_profile_options options;
	const struct model *model;
	uint64_t time_ns; /* of the figures */
	struct estimate estimate;
	double bytes, objects, bytes_var; /* sums over the rows */
	struct heap_profile_row *rows;	  /* by bytes, largest first */
	uint32_t row_count;
	struct heap_profile_location *locations;
	uint32_t location_count;
	struct heap_profile_function *functions;
	uint32_t function_count;
	uint32_t pending; /* addresses whose names are being looked up */
};

enum heap_profile_result {
	HEAP_PROFILE_READY,
	HEAP_PROFILE_PENDING,
	HEAP_PROFILE_NO_MEMORY
};

/*
 * Builds it in `pool`. HEAP_PROFILE_PENDING: names are still being looked up;
 * come again, or be impatient.
 */
enum heap_profile_result
heap_profile_build(struct heap_profile *profile,
		   const struct heap_profile_options *options,
		   struct pool *pool);

/* "inuse", "alloc", "peak". */
const char *heap_profile_sample_name(enum heap_profile_sample sample);

/*
 * Whole numbers that add up: the `next` of a column of sums, whose remainders
 * are carried on, so that the column's total is the rounded total.
 */
struct heap_profile_round {
	double sum;
	int64_t told;
};
int64_t heap_profile_round(struct heap_profile_round *column, double next);

#endif
