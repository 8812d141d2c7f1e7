#include "hakmemd/export/heap_profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 8u /* names that stand for stacks: stack_missing and ours */

/* Indices by content, in the pool: open addressing, never full. */
struct lookup {
	uint32_t *slots; /* index + 1, 0 = free */
	uint32_t mask;
	uint64_t seed;
};

struct builder {
	struct heap_profile *profile;
	struct pool *pool;
	struct stack_source source;
	struct lookup locations, functions;
	/* Of each location, what it was made from. */
	struct key {
		uint64_t pc;
		uint32_t module;
		bool leaf;
	} * keys;
	uint32_t function_room;
	struct named {
		const char *name; /* a constant */
		uint32_t location;
	} named[NAMED_MAX];
	uint32_t named_count;
};

static uint64_t heap_profile_mix(uint64_t seed, uint64_t value)
{
	uint64_t hash = (seed ^ value) * UINT64_C(0x9e3779b97f4a7c15);

	return hash ^ hash >> 29;
}

static uint64_t heap_profile_hash_text(uint64_t seed, const char *text)
{
	uint64_t hash = seed;

	while (*text)
		hash = heap_profile_mix(hash, (unsigned char)*text++);
	return hash;
}

static bool heap_profile_make_lookup(struct builder *builder,
				     struct lookup *lookup, uint32_t room)
{
	uint32_t slots = 64;

	while (slots < room * 2)
		slots *= 2;
	lookup->slots =
		pool_array(builder->pool, slots, sizeof(*lookup->slots));
	lookup->mask = slots - 1;
	/* No peer can know it, so none can make all its names collide. */
	lookup->seed =
		heap_profile_mix((uintptr_t)lookup->slots, (uintptr_t)builder);
	return lookup->slots != NULL;
}

/* Doubles an array in the pool; what it leaves behind goes with the pool. */
static bool heap_profile_widen(struct pool *pool, void **array, uint32_t *room,
			       size_t size)
{
	void *wider = pool_array(pool, *room * (size_t)2, size);

	if (!wider)
		return false;
	memcpy(wider, *array, *room * size);
	*array = wider;
	*room *= 2;
	return true;
}

static const char *heap_profile_intern(struct pool *pool, const char *text)
{
	size_t length = strlen(text) + 1;
	char *copy = length > 1 ? pool_alloc(pool, length) : NULL;

	if (length <= 1)
		return "";
	if (copy)
		memcpy(copy, text, length);
	return copy;
}

static void heap_profile_rehash_functions(struct builder *builder)
{
	const struct heap_profile *profile = builder->profile;
	struct lookup *lookup = &builder->functions;

	for (uint32_t i = 0; i < profile->function_count; i++) {
		const struct heap_profile_function *at = &profile->functions[i];
		uint64_t slot = heap_profile_hash_text(
			heap_profile_hash_text(lookup->seed, at->name),
			at->file);

		while (lookup->slots[slot & lookup->mask])
			slot++;
		lookup->slots[slot & lookup->mask] = i + 1;
	}
}

static bool heap_profile_widen_functions(struct builder *builder)
{
	struct heap_profile *profile = builder->profile;

	if (profile->function_count < builder->function_room)
		return true;
	if (!heap_profile_widen(builder->pool, (void **)&profile->functions,
				&builder->function_room,
				sizeof(*profile->functions)) ||
	    !heap_profile_make_lookup(builder, &builder->functions,
				      builder->function_room))
		return false;
	heap_profile_rehash_functions(builder);
	return true;
}

/* The index of a function; UINT32_MAX without memory. */
static uint32_t heap_profile_function_of(struct builder *builder,
					 const char *name, const char *file)
{
	struct heap_profile *profile = builder->profile;
	struct lookup *lookup = &builder->functions;
	struct heap_profile_function *at;
	uint64_t slot;
	uint32_t index;

	if (!heap_profile_widen_functions(builder))
		return UINT32_MAX;
	slot = heap_profile_hash_text(
		heap_profile_hash_text(lookup->seed, name), file);
	for (; (index = lookup->slots[slot & lookup->mask]) != 0; slot++) {
		at = &profile->functions[index - 1];
		if (strcmp(at->name, name) == 0 && strcmp(at->file, file) == 0)
			return index - 1;
	}
	at = &profile->functions[profile->function_count];
	at->name = heap_profile_intern(builder->pool, name);
	at->file = heap_profile_intern(builder->pool, file);
	if (!at->name || !at->file)
		return UINT32_MAX;
	lookup->slots[slot & lookup->mask] = ++profile->function_count;
	return profile->function_count - 1;
}

static bool heap_profile_fill_lines(struct builder *builder,
				    struct heap_profile_location *location,
				    const struct symbol_frame *frames,
				    size_t count)
{
	struct heap_profile_line *lines =
		pool_array(builder->pool, count, sizeof(*lines));

	if (!lines)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *name = frames[i].function;

		lines[i].function = heap_profile_function_of(
			builder, *name ? name : "[no name]", frames[i].file);
		lines[i].line = frames[i].line;
		lines[i].inlined = i + 1 < count;
		lines[i].note =
			heap_profile_intern(builder->pool, frames[i].note);
		if (lines[i].function == UINT32_MAX || !lines[i].note)
			return false;
	}
	location->lines = lines;
	location->line_count = (uint32_t)count;
	return true;
}

static bool heap_profile_is_key(const struct key *key, const struct key *wanted)
{
	return key->pc == wanted->pc && key->module == wanted->module &&
	       key->leaf == wanted->leaf;
}

/* Room is made for all addresses there are at the start: none moves. */
static uint32_t *heap_profile_slot_of(struct builder *builder,
				      const struct key *key)
{
	struct lookup *lookup = &builder->locations;
	uint64_t slot =
		heap_profile_mix(heap_profile_mix(lookup->seed, key->pc),
				 key->module * (uint64_t)2 + key->leaf);

	for (;; slot++) {
		uint32_t *at = &lookup->slots[slot & lookup->mask];

		if (*at == 0 ||
		    heap_profile_is_key(&builder->keys[*at - 1], key))
			return at;
	}
}

/* An address of a site; UINT32_MAX without memory. */
static uint32_t heap_profile_location_of(struct builder *builder,
					 const struct site *site,
					 uint32_t index)
{
	struct key key = {site->pcs[index], site->modules[index], index == 0};
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct heap_profile *profile = builder->profile;
	uint32_t *slot = heap_profile_slot_of(builder, &key);
	struct heap_profile_location *location;
	size_t count;

	if (*slot)
		return *slot - 1;
	location = &profile->locations[profile->location_count];
	location->pc = key.pc;
	location->module = stack_module(&builder->source, site, index);
	count = stack_frames(&builder->source, site, index, frames);
	if (count == 0)
		profile->pending++;
	else if (!heap_profile_fill_lines(builder, location, frames, count))
		return UINT32_MAX;
	builder->keys[profile->location_count] = key;
	*slot = ++profile->location_count;
	return *slot - 1;
}

/* A name that stands for a stack, or for the part of it that is not known. */
static uint32_t heap_profile_location_named(struct builder *builder,
					    const char *name)
{
	struct heap_profile *profile = builder->profile;
	struct symbol_frame frame = {.function = name, .file = "", .note = ""};
	uint32_t at = 0;

	while (at < builder->named_count &&
	       strcmp(builder->named[at].name, name) != 0)
		at++;
	if (at < builder->named_count)
		return builder->named[at].location;
	if (at == NAMED_MAX ||
	    !heap_profile_fill_lines(
		    builder, &profile->locations[profile->location_count],
		    &frame, 1))
		return UINT32_MAX;
	builder->named[at].name = name;
	builder->named[at].location = profile->location_count++;
	builder->named_count++;
	return builder->named[at].location;
}

static bool heap_profile_fill_stack(struct builder *builder,
				    struct heap_profile_row *row)
{
	const struct site *site = row->site;
	uint32_t *locations =
		pool_array(builder->pool, site->depth + 1u, sizeof(*locations));

	if (!locations)
		return false;
	row->locations = locations;
	for (uint32_t i = 0; i < site->depth; i++)
		locations[row->depth++] =
			heap_profile_location_of(builder, site, i);
	if (site->depth == 0)
		locations[row->depth++] = heap_profile_location_named(
			builder, stack_missing(site));
	else if (site->truncated)
		locations[row->depth++] =
			heap_profile_location_named(builder, "[truncated]");
	for (uint32_t i = 0; i < row->depth; i++)
		if (locations[i] == UINT32_MAX)
			return false;
	return true;
}

static void heap_profile_choose(const struct heap_profile *profile,
				struct heap_profile_row *row)
{
	switch (profile->options.sample) {
	case HEAP_PROFILE_INUSE:
		row->bytes = row->since.live_bytes;
		row->objects = row->since.live_objects;
		row->bytes_var = row->since.live_bytes_var;
		break;
	case HEAP_PROFILE_ALLOC:
		row->bytes = row->since.alloc_bytes;
		row->objects = row->since.alloc_objects;
		row->bytes_var = row->since.alloc_bytes_var;
		break;
	case HEAP_PROFILE_PEAK:
		row->bytes = row->site->peak_bytes;
		row->objects = row->site->peak_objects;
		row->bytes_var = row->site->peak_bytes_var;
		break;
	}
}

static int heap_profile_largest_first(const void *left, const void *right)
{
	const struct heap_profile_row *a = left, *b = right;

	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return (a->site->id > b->site->id) - (a->site->id < b->site->id);
}

static bool heap_profile_fill_rows(struct builder *builder)
{
	struct heap_profile *profile = builder->profile;
	const struct sites *sites = &profile->model->sites;

	profile->rows =
		pool_array(builder->pool, sites->count, sizeof(*profile->rows));
	if (!profile->rows)
		return false;
	for (uint32_t i = 0; i < sites->count; i++) {
		struct heap_profile_row *row =
			&profile->rows[profile->row_count];

		row->site = sites->list[i];
		if (row->site->sum.samples <= 0)
			continue;
		row->since =
			baseline_since(profile->options.baseline, row->site);
		heap_profile_choose(profile, row);
		profile->bytes += row->bytes;
		profile->objects += row->objects;
		profile->bytes_var += row->bytes_var;
		profile->row_count++;
	}
	qsort(profile->rows, profile->row_count, sizeof(*profile->rows),
	      heap_profile_largest_first);
	return true;
}

static bool heap_profile_make_room(struct builder *builder)
{
	const struct sites *sites = &builder->profile->model->sites;
	struct heap_profile *profile = builder->profile;
	uint32_t room = NAMED_MAX;

	for (uint32_t i = 0; i < sites->count; i++)
		room += sites->list[i]->depth;
	builder->function_room = 64;
	profile->locations =
		pool_array(builder->pool, room, sizeof(*profile->locations));
	builder->keys = pool_array(builder->pool, room, sizeof(*builder->keys));
	profile->functions = pool_array(builder->pool, builder->function_room,
					sizeof(*profile->functions));
	return profile->locations && builder->keys && profile->functions &&
	       heap_profile_make_lookup(builder, &builder->locations, room) &&
	       heap_profile_make_lookup(builder, &builder->functions,
					builder->function_room);
}

static void heap_profile_take_estimate(struct heap_profile *profile,
				       struct pool *pool)
{
	profile->estimate =
		estimate_of(&profile->model->sites,
			    model_hello_message(profile->model, pool),
			    model_state_message(profile->model, pool));
}

enum heap_profile_result
heap_profile_build(struct heap_profile *profile,
		   const struct heap_profile_options *options,
		   struct pool *pool)
{
	struct builder builder = {.profile = profile, .pool = pool};

	memset(profile, 0, sizeof(*profile));
	profile->options = *options;
	profile->model = &options->process->model;
	profile->time_ns = profile->model->state_ns;
	builder.source = (struct stack_source){
		options->symbols, options->process, options->impatient};
	if (!heap_profile_make_room(&builder) ||
	    !heap_profile_fill_rows(&builder))
		return HEAP_PROFILE_NO_MEMORY;
	for (uint32_t i = 0; i < profile->row_count; i++)
		if (!heap_profile_fill_stack(&builder, &profile->rows[i]))
			return HEAP_PROFILE_NO_MEMORY;
	if (profile->pending > 0)
		return HEAP_PROFILE_PENDING;
	heap_profile_take_estimate(profile, pool);
	return HEAP_PROFILE_READY;
}

const char *heap_profile_sample_name(enum heap_profile_sample sample)
{
	static const char *const names[] = {"inuse", "alloc", "peak"};

	return names[sample];
}

int64_t heap_profile_round(struct heap_profile_round *column, double next)
{
	int64_t before = column->told;

	column->sum += next;
	if (column->sum >= 0x1p62)
		column->told = INT64_C(1) << 62;
	else if (column->sum <= -0x1p62)
		column->told = -(INT64_C(1) << 62);
	else
		column->told = llround(column->sum);
	return column->told - before;
}
