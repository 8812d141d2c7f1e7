/* Sites as a program would tell of them, for the unit tests. */
#ifndef TESTS_UNIT_HAKMEMD_UNIT_SITES_H
#define TESTS_UNIT_HAKMEMD_UNIT_SITES_H

#include "tests/unit/hakmemd/unit.h"

#include "hakmemd/model/model.h"
#include "hakmemd/model/sites.h"
#include "proto/frame.h"

#define UNIT_SITES   64
#define UNIT_DEPTH   8
#define UNIT_SECOND  UINT64_C(1000000000)
#define UNIT_MODULES 4

struct unit_site {
	Hakmem__Site site;
	Hakmem__SiteClass class[2], *classes[2];
	uint64_t pcs[UNIT_DEPTH];
	uint32_t modules[UNIT_DEPTH];
};

struct unit_sites {
	Hakmem__Sites message;
	struct unit_site site[UNIT_SITES];
	Hakmem__Site *sites[UNIT_SITES];
};

static inline void unit_sites_begin(struct unit_sites *into)
{
	memset(into, 0, sizeof(*into));
	hakmem__sites__init(&into->message);
	into->message.sites = into->sites;
}

/*
 * Adds a site of one class with so many live and allocated bytes, in objects of
 * 100 bytes, each sample 1000 bytes; its stack is `depth` frames from pc on.
 */
static inline struct unit_site *unit_site(struct unit_sites *into, uint32_t id,
					  double live, double allocated,
					  uint64_t pc, size_t depth)
{
	struct unit_site *at = &into->site[into->message.n_sites];
	Hakmem__SiteClass *class = &at->class[0];

	into->sites[into->message.n_sites++] = &at->site;
	hakmem__site__init(&at->site);
	hakmem__site_class__init(class);
	hakmem__site_class__init(&at->class[1]);
	at->site.site_id = id;
	at->site.pcs = at->pcs;
	at->site.modules = at->modules;
	at->site.n_pcs = at->site.n_modules = depth;
	for (size_t i = 0; i < depth; i++) {
		at->pcs[i] = pc + 16 * i;
		at->modules[i] = 1;
	}
	at->classes[0] = class;
	at->classes[1] = &at->class[1];
	at->site.classes = at->classes;
	at->site.n_classes = 1;
	class->samples = (uint64_t)(allocated / 1000);
	class->live_samples = (uint64_t)(live / 1000);
	class->alloc_bytes = allocated;
	class->alloc_bytes_var = allocated * 1000;
	class->alloc_objects = allocated / 100;
	class->alloc_objects_var = allocated / 10;
	class->live_bytes = live;
	class->live_bytes_var = live * 1000;
	class->live_objects = live / 100;
	class->live_objects_var = live / 10;
	class->peak_bytes = live * 2;
	class->peak_objects = live / 50;
	class->peak_bytes_var = live * 2000;
	class->peak_objects_var = live / 5;
	class->highest_bytes = live * 3;
	return at;
}

/* Lets a model hear what was said, packed as a program would, and begins anew.
 */
static inline void unit_sites_say(struct unit_sites *from, struct model *model)
{
	static uint8_t bytes[FRAME_PAYLOAD_MAX];
	struct pool pool;

	pool_init(&pool, POOL_BUDGET_BYTES);
	assert_null(model_sites(model, &pool, bytes,
				hakmem__sites__pack(&from->message, bytes)));
	pool_free(&pool);
	unit_sites_begin(from);
}

#endif
