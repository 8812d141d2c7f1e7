#include "hakmemd/model/sites.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRIM_BYTES                                                             \
	(4u << 20) /* so much that the system should have it back              \
		    */

bool sites_charge(struct sites *sites, size_t bytes)
{
	struct sites_pool *pool = sites->pool;

	if (sites->bytes + bytes > SITES_BYTES_MAX ||
	    (pool && pool->used + bytes > pool->max))
		return false;
	sites->bytes += bytes;
	if (pool)
		pool->used += bytes;
	return true;
}

void sites_discharge(struct sites *sites, size_t bytes)
{
	sites->bytes -= bytes;
	if (sites->pool)
		sites->pool->used -= bytes;
}

/* Zeroed memory within the bounds, or NULL. */
static void *sites_reserve(struct sites *sites, size_t count, size_t size)
{
	void *memory;

	if (!sites_charge(sites, count * size))
		return NULL;
	memory = calloc(count, size);
	if (!memory)
		sites_discharge(sites, count * size);
	return memory;
}

static void sites_release(struct sites *sites, void *memory, size_t bytes)
{
	if (memory)
		sites_discharge(sites, bytes);
	free(memory);
}

/* Makes room for index `index` in a zeroed array that grows by doubling. */
static bool sites_widen(struct sites *sites, void **array, uint32_t *room,
			size_t size, uint32_t index)
{
	uint32_t wanted = *room ? *room : 64;
	void *grown;

	if (index < *room)
		return true;
	while (wanted <= index)
		wanted *= 2;
	grown = sites_reserve(sites, wanted, size);
	if (!grown)
		return false;
	if (*room)
		memcpy(grown, *array, *room * size);
	sites_release(sites, *array, *room * size);
	*array = grown;
	*room = wanted;
	return true;
}

static size_t sites_module_bytes(const struct sites_module *module)
{
	return sizeof(*module) + strlen(module->path) + 1;
}

/* The path lies behind the struct. */
static struct sites_module *sites_new_module(struct sites *sites,
					     const char *path)
{
	size_t length = strlen(path) + 1;
	struct sites_module *module =
		sites_reserve(sites, 1, sizeof(*module) + length);

	if (!module)
		return NULL;
	module->path = (char *)(module + 1);
	memcpy(module->path, path, length);
	return module;
}

static bool sites_take_module(struct sites *sites, const Hakmem__Module *from)
{
	uint32_t id = from->module_id;
	struct sites_module *module, *old;

	if (!sites_widen(sites, (void **)&sites->modules, &sites->module_room,
			 sizeof(struct sites_module *), id))
		return false;
	module = sites_new_module(sites, from->path);
	if (!module)
		return false;
	module->id = id;
	module->unloaded = from->unloaded != 0;
	module->build_id_bytes = from->build_id.len;
	if (from->build_id.len)
		memcpy(module->build_id, from->build_id.data,
		       from->build_id.len);
	module->start = from->start;
	module->end = from->end;
	module->bias = from->bias;
	module->text_start = from->text_start;
	module->text_bytes = from->text_bytes;
	module->text_offset = from->text_offset;
	old = sites->modules[id];
	sites->module_count += !old;
	if (old)
		sites_release(sites, old, sites_module_bytes(old));
	sites->modules[id] = module;
	return true;
}

void sites_take_modules(struct sites *sites, const Hakmem__Modules *message)
{
	for (size_t i = 0; i < message->n_modules; i++)
		if (!sites_take_module(sites, message->modules[i]))
			sites->lost++;
}

struct site *sites_find(const struct sites *sites, uint32_t id)
{
	uint32_t index = id < sites->by_id_room ? sites->by_id[id] : 0;

	return index ? sites->list[index - 1] : NULL;
}

const struct sites_module *sites_module(const struct sites *sites, uint32_t id)
{
	return id < sites->module_room ? sites->modules[id] : NULL;
}

static struct site *sites_new(struct sites *sites, uint32_t id)
{
	struct site *site;

	if (sites->count == SITES_MAX ||
	    !sites_widen(sites, (void **)&sites->by_id, &sites->by_id_room,
			 sizeof(uint32_t), id) ||
	    !sites_widen(sites, (void **)&sites->list, &sites->room,
			 sizeof(struct site *), sites->count))
		return NULL;
	site = sites_reserve(sites, 1, sizeof(*site));
	if (!site)
		return NULL;
	site->id = id;
	sites->list[sites->count++] = site;
	sites->by_id[id] = sites->count;
	return site;
}

static size_t sites_stack_bytes(const struct site *site)
{
	return site->depth * (sizeof(*site->pcs) + sizeof(*site->modules));
}

/* One block for both columns, the wider one first. */
static bool sites_take_stack(struct sites *sites, struct site *site,
			     const Hakmem__Site *from)
{
	const size_t one = sizeof(*site->pcs) + sizeof(*site->modules);
	uint64_t *block;

	if (from->n_pcs == 0)
		return true;
	block = sites_reserve(sites, from->n_pcs, one);
	if (!block)
		return false;
	sites_release(sites, site->pcs, sites_stack_bytes(site));
	site->depth = (uint32_t)from->n_pcs;
	site->truncated = from->truncated != 0;
	site->pcs = block;
	site->modules = (uint32_t *)(void *)(block + from->n_pcs);
	memcpy(site->pcs, from->pcs, from->n_pcs * sizeof(*site->pcs));
	memcpy(site->modules, from->modules,
	       from->n_pcs * sizeof(*site->modules));
	return true;
}

static void sites_take_class(struct sites_class *to,
			     const Hakmem__SiteClass *from)
{
	memset(to, 0, sizeof(*to));
	to->index = from->class_index;
	to->figures = (struct sites_figures){
		.samples = (int64_t)from->samples,
		.live_samples = (int64_t)from->live_samples,
		.alloc_objects = from->alloc_objects,
		.alloc_objects_var = from->alloc_objects_var,
		.alloc_bytes = from->alloc_bytes,
		.alloc_bytes_var = from->alloc_bytes_var,
		.live_objects = from->live_objects,
		.live_objects_var = from->live_objects_var,
		.live_bytes = from->live_bytes,
		.live_bytes_var = from->live_bytes_var,
	};
	to->peak_bytes = from->peak_bytes;
	to->peak_objects = from->peak_objects;
	to->peak_bytes_var = from->peak_bytes_var;
	to->peak_objects_var = from->peak_objects_var;
	to->highest_bytes = from->highest_bytes;
	to->birth_seconds = from->live_birth_seconds;
	for (size_t i = 0; i < from->n_lifetimes; i++)
		to->lifetimes[i] = (float)fmin(from->lifetimes[i], 1e30);
}

void sites_add(struct sites_figures *to, const struct sites_figures *from)
{
	to->samples += from->samples;
	to->live_samples += from->live_samples;
	to->alloc_objects += from->alloc_objects;
	to->alloc_objects_var += from->alloc_objects_var;
	to->alloc_bytes += from->alloc_bytes;
	to->alloc_bytes_var += from->alloc_bytes_var;
	to->live_objects += from->live_objects;
	to->live_objects_var += from->live_objects_var;
	to->live_bytes += from->live_bytes;
	to->live_bytes_var += from->live_bytes_var;
}

static void sites_sum_up(struct site *site)
{
	memset(&site->sum, 0, sizeof(site->sum));
	site->peak_objects = site->peak_objects_var = 0;
	site->peak_bytes = site->peak_bytes_var = 0;
	site->highest_bytes = site->birth_seconds = 0;
	for (uint32_t i = 0; i < site->class_count; i++) {
		const struct sites_class *class = &site->classes[i];

		sites_add(&site->sum, &class->figures);
		site->peak_bytes += class->peak_bytes;
		site->peak_objects += class->peak_objects;
		site->peak_bytes_var += class->peak_bytes_var;
		site->peak_objects_var += class->peak_objects_var;
		site->highest_bytes += class->highest_bytes;
		site->birth_seconds += class->birth_seconds;
	}
}

static bool sites_take_classes(struct sites *sites, struct site *site,
			       const Hakmem__Site *from)
{
	uint32_t count = (uint32_t)from->n_classes;

	if (count != site->class_count) {
		struct sites_class *classes =
			count ? sites_reserve(sites, count, sizeof(*classes))
			      : NULL;

		if (count && !classes)
			return false;
		sites_release(sites, site->classes,
			      site->class_count * sizeof(*classes));
		site->classes = classes;
		site->class_count = count;
	}
	for (uint32_t i = 0; i < count; i++)
		sites_take_class(&site->classes[i], from->classes[i]);
	sites_sum_up(site);
	return true;
}

/*
 * Remembers what held until `time_ns`. A site that was quiet is not told of, so
 * its figures still held when the last message came.
 */
static void sites_remember(struct site *site, uint64_t time_ns,
			   double alloc_bytes)
{
	const uint64_t step_ns = SITES_RATE_NS / (SITES_THENS - 2);

	if (site->then[0].time_ns && time_ns < site->then[0].time_ns + step_ns)
		return;
	memmove(site->then + 1, site->then,
		sizeof(site->then) - sizeof(site->then[0]));
	site->then[0].time_ns = time_ns;
	site->then[0].alloc_bytes = alloc_bytes;
}

static bool sites_take_site(struct sites *sites, const Hakmem__Site *from)
{
	struct site *site = sites_find(sites, from->site_id);
	bool is_new = !site;
	double before;

	if (!site)
		site = sites_new(sites, from->site_id);
	if (!site)
		return false;
	before = site->sum.alloc_bytes;
	if (!sites_take_stack(sites, site, from) ||
	    !sites_take_classes(sites, site, from))
		return false;
	/* One that began since the last message had nothing then; of one that
	 * was there before us we know only what it has now. */
	if (!is_new)
		sites_remember(site, sites->before_ns, before);
	else if (sites->before_ns && from->first_ns > sites->before_ns)
		sites_remember(site, sites->before_ns, 0);
	else
		sites_remember(site, sites->heard_ns, site->sum.alloc_bytes);
	site->said_ns = sites->heard_ns;
	site->thread_id = from->thread_id;
	site->threads = from->threads < 255 ? from->threads : 255;
	site->first_ns = from->first_ns;
	site->last_ns = from->last_ns;
	strncpy(site->thread_name, from->thread_name,
		sizeof(site->thread_name) - 1);
	return true;
}

void sites_take(struct sites *sites, const Hakmem__Sites *message)
{
	for (size_t i = 0; i < message->n_sites; i++)
		if (!sites_take_site(sites, message->sites[i]))
			sites->lost++;
}

/* Follows a site that has become large, lets go of one that was empty for
 * long. */
static void sites_follow(struct sites *sites, struct site *site, double large)
{
	if (!site->growth && site->sum.live_bytes >= large &&
	    sites->followed < SITES_GROWTH_MAX) {
		site->growth = sites_reserve(sites, 1, sizeof(*site->growth));
		sites->followed += site->growth != NULL;
	} else if (site->growth && site->sum.live_bytes <= 0 &&
		   growth_is_flat(site->growth)) {
		sites_release(sites, site->growth, sizeof(*site->growth));
		site->growth = NULL;
		sites->followed--;
	}
}

void sites_look(struct sites *sites, uint64_t now_ns, uint64_t sample_bytes)
{
	sites->before_ns = sites->heard_ns;
	sites->heard_ns = now_ns;
	if (sites->looked_ns &&
	    now_ns < sites->looked_ns + GROWTH_FINE_NS - GROWTH_FINE_NS / 10)
		return;
	sites->looked_ns = now_ns;
	for (uint32_t i = 0; i < sites->count; i++) {
		struct site *site = sites->list[i];

		sites_follow(sites, site, (double)sample_bytes / 2);
		if (site->growth)
			growth_add(site->growth, now_ns, site->sum.live_bytes,
				   (struct variance_sums){
					   site->sum.alloc_bytes_var,
					   site->sum.live_bytes_var});
	}
}

double sites_rate(const struct site *site, uint64_t now_ns)
{
	const struct sites_then *base = &site->then[0];
	double bytes;

	if (site->said_ns + SITES_RATE_NS <= now_ns)
		return 0; /* no change since */
	for (uint32_t i = 1; i < SITES_THENS && site->then[i].time_ns &&
			     base->time_ns + SITES_RATE_NS > now_ns;
	     i++)
		base = &site->then[i];
	bytes = site->sum.alloc_bytes - base->alloc_bytes;
	if (now_ns <= base->time_ns || base->time_ns == 0 || bytes <= 0)
		return 0;
	return bytes / ((double)(now_ns - base->time_ns) / 1e9);
}

void sites_lifetimes(const struct site *site, double out[AGES_COUNT])
{
	for (uint32_t age = 0; age < AGES_COUNT; age++) {
		out[age] = 0;
		for (uint32_t i = 0; i < site->class_count; i++)
			out[age] += (double)site->classes[i].lifetimes[age];
	}
}

/* The bin that holds a second begins just above it: 4^10 us. */
double sites_short_lived(const struct site *site)
{
	double ages[AGES_COUNT], all = 0, brief = 0;

	sites_lifetimes(site, ages);
	for (uint32_t age = 0; age < AGES_COUNT; age++) {
		all += ages[age];
		if (age < ages_index(UINT64_C(1100000000)))
			brief += ages[age];
	}
	return all > 0 ? brief / all : 0;
}

double sites_mean_age(const struct site *site, uint64_t now_ns)
{
	double age;

	if (site->sum.live_bytes <= 0)
		return 0;
	age = (double)now_ns / 1e9 - site->birth_seconds / site->sum.live_bytes;
	return age > 0 ? age : 0;
}

static void sites_drop(struct sites *sites, struct site *site)
{
	sites_release(sites, site->growth, sizeof(*site->growth));
	sites_release(sites, site->pcs, sites_stack_bytes(site));
	sites_release(sites, site->classes,
		      site->class_count * sizeof(*site->classes));
	sites_release(sites, site, sizeof(*site));
}

void sites_clear(struct sites *sites)
{
	struct sites_pool *pool = sites->pool;
	bool much = sites->bytes > TRIM_BYTES;

	for (uint32_t i = 0; i < sites->count; i++)
		sites_drop(sites, sites->list[i]);
	for (uint32_t i = 0; i < sites->module_room; i++)
		if (sites->modules[i])
			sites_release(sites, sites->modules[i],
				      sites_module_bytes(sites->modules[i]));
	sites_release(sites, sites->list, sites->room * sizeof(*sites->list));
	sites_release(sites, sites->by_id,
		      sites->by_id_room * sizeof(*sites->by_id));
	sites_release(sites, sites->modules,
		      sites->module_room * sizeof(*sites->modules));
	memset(sites, 0, sizeof(*sites));
	sites->pool = pool;
	if (much)
		malloc_trim(0);
}
