/*
 * The modules and sites of one process, as its messages told of them.
 *
 * Figures are cumulative and replace those before; a stack and a module stay
 * for ever, so whatever a baseline or a dead process refers to is still there.
 * A site is told apart by its id, 1 .. SITE_ID_MAX. Memory is bounded per
 * process and by a pool that many share; what finds no room is counted in
 * `lost`, and the figures are a lower bound then.
 *
 * Messages have passed site_check.h. Pure: no I/O, no clock. Main thread only.
 */
#ifndef HAKMEMD_SITES_H
#define HAKMEMD_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hakmemd/model/growth.h"
#include "hakmemd/model/site_check.h"
#include "proto/ages.h"
#include "proto/hakmem.pb-c.h"

#define SITES_MAX	 65536u
#define SITES_BYTES_MAX	 (64u << 20) /* of one process */
#define SITES_GROWTH_MAX 1024u	     /* sites whose growth is followed */
#define SITES_RATE_NS	 UINT64_C(10000000000)

/* Memory that the sites of many processes share. */
struct sites_pool {
	size_t used, max;
};

struct sites_module {
	uint32_t id;
	bool unloaded;
	char *path; /* never NULL */
	uint8_t build_id[MODULE_BUILD_MAX];
	size_t build_id_bytes;
	uint64_t start, end, bias, text_start, text_bytes, text_offset;
};

/* What can be summed over classes and sites, and compared with a baseline. */
struct sites_figures {
	int64_t samples, live_samples; /* below 0 only in a difference */
	double alloc_objects, alloc_objects_var, alloc_bytes, alloc_bytes_var;
	double live_objects, live_objects_var, live_bytes, live_bytes_var;
};

/* A site in one size class. */
struct sites_class {
	uint32_t index;
	struct sites_figures figures;
	double peak_objects, peak_objects_var, peak_bytes, peak_bytes_var;
	double highest_bytes, birth_seconds;
	float lifetimes[AGES_COUNT];
};

/* Cumulative bytes at a moment, for the rate. */
struct sites_then {
	uint64_t time_ns;
	double alloc_bytes;
};

#define SITES_THENS 4u

struct site {
	uint32_t id, depth, class_count;
	uint32_t threads;
	bool truncated;
	uint64_t *pcs;	   /* leaf first; NULL until its stack has come */
	uint32_t *modules; /* of each pc; 0 = in none */
	struct sites_class *classes;
	struct growth *growth; /* NULL: not among those that are followed */
	struct sites_figures sum;
	double peak_objects, peak_objects_var, peak_bytes, peak_bytes_var;
	double highest_bytes, birth_seconds;
	uint64_t thread_id, first_ns, last_ns;
	uint64_t said_ns; /* the state that told of it last */
	char thread_name[SITE_THREAD_MAX + 1];
	struct sites_then then[SITES_THENS]; /* newest first */
};

struct sites {
	struct sites_pool *pool; /* NULL: only its own bound */
	size_t bytes;		 /* taken, all of it */
	struct site **list;	 /* in the order they came */
	uint32_t count, room;
	uint32_t *by_id; /* id -> index + 1, 0 = none */
	uint32_t by_id_room;
	struct sites_module **modules; /* by id; NULL = not told */
	uint32_t module_room, module_count;
	uint32_t followed;	      /* sites with growth */
	uint64_t lost;		      /* sites and modules without room */
	uint64_t looked_ns;	      /* when growth was looked at */
	uint64_t heard_ns, before_ns; /* the newest state, the one before */
};

/* Takes what a message says; it belongs to the newest state. */
void sites_take_modules(struct sites *sites, const Hakmem__Modules *message);
void sites_take(struct sites *sites, const Hakmem__Sites *message);

/* A state has come: follows the growth of the largest sites. `sample_bytes` is
 * its sampling interval. */
void sites_look(struct sites *sites, uint64_t now_ns, uint64_t sample_bytes);

/* NULL when there is none of that id. */
struct site *sites_find(const struct sites *sites, uint32_t id);
const struct sites_module *sites_module(const struct sites *sites, uint32_t id);

/* Bytes allocated per second over the last SITES_RATE_NS or so. */
double sites_rate(const struct site *site, uint64_t now_ns);

/* Share of the freed objects that lived for less than a second, 0 .. 1. */
double sites_short_lived(const struct site *site);

/* Mean age of a live byte, in seconds; 0 when nothing lives. */
double sites_mean_age(const struct site *site, uint64_t now_ns);

/* Objects freed, by age, over all classes. */
void sites_lifetimes(const struct site *site, double out[AGES_COUNT]);

void sites_add(struct sites_figures *to, const struct sites_figures *from);

/*
 * Takes `bytes` of the bounds, gives them back: for what belongs to a process's
 * sites but is kept elsewhere. False when there is no room.
 */
bool sites_charge(struct sites *sites, size_t bytes);
void sites_discharge(struct sites *sites, size_t bytes);

/* Forgets everything, but stays in its pool. */
void sites_clear(struct sites *sites);

#endif
