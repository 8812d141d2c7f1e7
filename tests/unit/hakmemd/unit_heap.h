/* A process with two modules and a few sites, for the tests of exports. */
#ifndef TESTS_UNIT_HAKMEMD_UNIT_HEAP_H
#define TESTS_UNIT_HAKMEMD_UNIT_HEAP_H

#include "tests/unit/hakmemd/unit_sites.h"

#include "hakmemd/export/heap_profile.h"

#define UNIT_BIAS UINT64_C(0x500000000000)

struct unit_heap {
	struct process process;
	struct unit_sites said;
	struct pool pool;
	struct heap_profile profile;
	struct buf text;
};

static inline void unit_heap_module(struct unit_heap *unit, uint32_t id,
				    char *path, uint64_t bias)
{
	static uint8_t build_id[] = {0xab, 0xcd, 0x01};
	Hakmem__Modules message;
	Hakmem__Module module, *modules[] = {&module};

	hakmem__modules__init(&message);
	hakmem__module__init(&module);
	message.modules = modules;
	message.n_modules = 1;
	module.module_id = id;
	module.path = path;
	module.start = module.bias = bias;
	module.end = bias + 0x10000;
	module.text_start = bias + 0x1000;
	module.text_bytes = 0x2000;
	module.text_offset = 0x1000;
	module.build_id.data = build_id;
	module.build_id.len = sizeof(build_id);
	sites_take_modules(&unit->process.model.sites, &message);
}

/* Takes what was said with unit_site, at a second. */
static inline void unit_heap_say(struct unit_heap *unit, uint64_t second)
{
	struct model *model = &unit->process.model;

	model->state_ns = second * UNIT_SECOND;
	sites_look(&model->sites, second * UNIT_SECOND, 1000);
	sites_take(&model->sites, &unit->said.message);
	unit_sites_begin(&unit->said);
}

/*
 * Site 10: leaf 0x1100 <- 0x1110 <- 0x1120, 6000.5 bytes live.
 * Site 11: 0x1200 <- 0x1120, 3000.25 live. Site 1: no stack, 500.
 */
static inline void unit_heap_begin(struct unit_heap *unit)
{
	static char path[] = "/bin/a;b<c>", other[] = "/lib/other.so";
	struct unit_site *site;

	memset(unit, 0, sizeof(*unit));
	unit->process.id = 1;
	unit->process.pid = 4711;
	unit->process.start_ns = 1;
	unit->process.model.command = strdup("pro&gram \"x\"\x1b");
	unit->process.model.executable = strdup(path);
	unit->process.model.figures[FIGURE_SAMPLE_BYTES] = 1000;
	unit_sites_begin(&unit->said);
	unit_heap_module(unit, 2, other, UNIT_BIAS + 0x100000);
	unit_heap_module(unit, 1, path, UNIT_BIAS);
	site = unit_site(&unit->said, 10, 6000.5, 20000, UNIT_BIAS + 0x1100, 3);
	site->class[0].live_birth_seconds = 6000.5 * 50;
	site = unit_site(&unit->said, 11, 3000.25, 7000, UNIT_BIAS + 0x1200, 2);
	site->pcs[1] = UNIT_BIAS + 0x1120;
	site->class[0].live_birth_seconds = 3000.25 * 99.5;
	unit_site(&unit->said, 1, 500, 1000, 0, 0);
	unit_heap_say(unit, 100);
}

static inline enum heap_profile_result
unit_heap_build(struct unit_heap *unit, enum heap_profile_sample sample,
		const char *baseline)
{
	const struct baselines *baselines = &unit->process.model.baselines;
	struct heap_profile_options options = {
		.process = &unit->process,
		.sample = sample,
		.baseline = baseline_find(baselines, baseline)};

	pool_free(&unit->pool);
	pool_init(&unit->pool, 4u << 20);
	return heap_profile_build(&unit->profile, &options, &unit->pool);
}

/* The file as text; good until the next call. */
static inline const char *unit_heap_write(
	struct unit_heap *unit,
	bool (*write)(const struct heap_profile *profile, struct buf *out))
{
	buf_free(&unit->text);
	assert_true(write(&unit->profile, &unit->text));
	assert_true(buf_append(&unit->text, "", 1));
	return (const char *)unit->text.data;
}

static inline void unit_heap_end(struct unit_heap *unit)
{
	pool_free(&unit->pool);
	buf_free(&unit->text);
	model_free(&unit->process.model);
}

#endif
