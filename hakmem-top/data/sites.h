/*
 * Who holds the memory: sites and the stack of one, as plain structs. Made by
 * decode_sites, freed here. Strings are as the daemon sent them,
 * never NULL: only text and term may show them. Numbers are finite and, but
 * for z and slopes, not negative.
 */
#ifndef HAKMEM_TOP_SITES_H
#define HAKMEM_TOP_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hakmem-top/data/estimate.h"
#include "proto/ages.h"

#define SITES_MAX	 16384u /* rows kept of one answer */
#define SITES_FRAMES_MAX 1024u
#define SITES_TEXT_MAX	 1024u /* bytes of a name */

/* Ids that stand for no stack. */
#define SITES_NO_STACK 1u
#define SITES_OVERFLOW 2u

/* What changed since the baseline: value below 0 is less, samples are those of
 * allocations and frees since then. */
struct site_change {
	struct estimate live, live_objects, allocated;
};

struct site {
	uint32_t id;
	uint32_t threads; /* 255 = or more */
	uint64_t thread_id;
	char *function, *location, *module, *thread;
	struct estimate live, live_objects, allocated, alloc_objects;
	struct estimate peak,
		peak_objects;	       /* when the heap was at its highest */
	struct site_change since;      /* all 0 without a baseline */
	double rate;		       /* bytes allocated per second */
	double highest_bytes;	       /* of this site alone */
	double mean_age_s;	       /* of a live byte */
	double short_lived;	       /* 0 .. 1 */
	bool growing;		       /* suspected leak */
	double growth, growth_minutes; /* bytes per second, for so long */
	bool truncated;		       /* its stack goes on */
};

struct sites {
	uint64_t process_id, now_ns;
	uint64_t sample_bytes; /* in force; 0 = off */
	struct estimate live;  /* all sites */
	double z;
	bool pending; /* names are still being looked up */
	bool marked;  /* the rows say what changed since the baseline */
	size_t count, room;
	size_t omitted; /* rows beyond SITES_MAX */
	struct site *rows;
};

struct stack_frame {
	uint64_t pc, module_offset;
	char *function, *file, *module, *note;
	uint32_t line;
	bool inlined;
};

/* What a site did in one size class. */
struct site_class {
	uint32_t index; /* of detail.classes; their number = large */
	struct estimate live, allocated, alloc_objects;
};

struct stack {
	struct site site;
	bool pending;
	size_t frame_count, class_count;
	struct stack_frame *frames; /* leaf first */
	struct site_class *classes;
	double lifetimes[AGES_COUNT];
};

void sites_free(struct sites *sites);
void sites_stack_free(struct stack *stack);

/* Frees the strings of one row. */
void sites_clear(struct site *site);

/* What to call a site: its function, or what stands for it; never empty. */
const char *sites_name(const struct site *site);

/* Where a site is, short: file without its directories, and line. */
const char *sites_location(const struct site *site);

/* "worker-3", "4107", "4107 +3": the newest sample's thread, and how many more.
 */
void sites_thread_text(const struct site *site, char *out, size_t size);

#endif
