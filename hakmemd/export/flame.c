#include "hakmemd/export/flame.h"

#include <math.h>
#include <stdlib.h>

struct builder {
	const struct heap_profile *profile;
	struct flame *flame;
	uint32_t *slots; /* (parent, function) -> node, 0 = free */
	uint32_t mask;
	uint64_t seed;
};

static size_t flame_lines_of(const struct heap_profile *profile,
			     const struct heap_profile_row *row)
{
	size_t lines = 0;

	for (uint32_t i = 0; i < row->depth; i++)
		lines += profile->locations[row->locations[i]].line_count;
	return lines;
}

static uint32_t flame_child_of(struct builder *builder, uint32_t parent,
			       uint32_t function)
{
	struct flame *flame = builder->flame;
	uint64_t slot = (builder->seed ^ ((uint64_t)parent << 32 | function)) *
			UINT64_C(0x9e3779b97f4a7c15);
	struct flame_node *node;

	for (slot ^= slot >> 29;; slot++) {
		uint32_t index = builder->slots[slot & builder->mask];

		if (index == 0)
			break;
		node = &flame->nodes[index];
		/* Until the end `sibling` is the parent. */
		if (node->sibling == parent && node->function == function)
			return index;
	}
	node = &flame->nodes[flame->count];
	node->function = function;
	node->name = builder->profile->functions[function].name;
	node->sibling = parent;
	node->depth = flame->nodes[parent].depth + 1;
	if (node->depth > flame->depth)
		flame->depth = node->depth;
	builder->slots[slot & builder->mask] = flame->count;
	return flame->count++;
}

static void flame_add(struct flame_node *node,
		      const struct heap_profile_row *row)
{
	node->bytes += row->bytes;
	node->bytes_var += row->bytes_var;
	node->objects += row->objects;
	node->live_bytes += row->site->sum.live_bytes;
	node->birth_seconds += row->site->birth_seconds;
}

static void flame_add_row(struct builder *builder,
			  const struct heap_profile_row *row)
{
	const struct heap_profile *profile = builder->profile;
	struct flame *flame = builder->flame;
	uint32_t at = 0;

	flame_add(&flame->nodes[0], row);
	for (uint32_t i = row->depth; i-- > 0;) {
		const struct heap_profile_location *location =
			&profile->locations[row->locations[i]];

		for (uint32_t l = location->line_count; l-- > 0;) {
			at = flame_child_of(builder, at,
					    location->lines[l].function);
			flame_add(&flame->nodes[at], row);
		}
	}
}

struct order {
	double bytes;
	uint32_t index;
};

static int flame_smallest_first(const void *left, const void *right)
{
	const struct order *a = left, *b = right;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? 1 : -1;
	return (a->index < b->index) - (a->index > b->index);
}

/* Turns parents into lists of children: who comes last stands first. */
static bool flame_link_up(struct flame *flame, struct pool *pool)
{
	struct order *order = pool_array(pool, flame->count, sizeof(*order));

	if (!order)
		return false;
	for (uint32_t i = 0; i < flame->count; i++)
		order[i] = (struct order){flame->nodes[i].bytes, i};
	qsort(order, flame->count, sizeof(*order), flame_smallest_first);
	for (uint32_t i = 0; i < flame->count; i++) {
		uint32_t index = order[i].index;
		struct flame_node *node = &flame->nodes[index];
		struct flame_node *parent = &flame->nodes[node->sibling];

		if (index == 0)
			continue;
		node->sibling = parent->child;
		parent->child = index;
	}
	return true;
}

bool flame_build(struct flame *flame, const struct heap_profile *profile,
		 struct pool *pool)
{
	struct builder builder = {.profile = profile, .flame = flame};
	size_t room = 1, slots = 64;

	*flame = (struct flame){.count = 1};
	for (uint32_t i = 0; i < profile->row_count; i++)
		if (profile->rows[i].bytes > 0)
			room += flame_lines_of(profile, &profile->rows[i]);
	while (slots < room * 2)
		slots *= 2;
	flame->nodes = pool_array(pool, room, sizeof(*flame->nodes));
	builder.slots = pool_array(pool, slots, sizeof(*builder.slots));
	if (!flame->nodes || !builder.slots || room > UINT32_MAX / 4)
		return false;
	builder.mask = (uint32_t)slots - 1;
	builder.seed = (uintptr_t)flame->nodes;
	flame->nodes[0].name = "all";
	for (uint32_t i = 0; i < profile->row_count; i++) {
		const struct heap_profile_row *row = &profile->rows[i];

		if (row->bytes > 0)
			flame_add_row(&builder, row);
		else
			flame->shrunk += row->bytes;
	}
	return flame_link_up(flame, pool);
}

double flame_age(const struct flame_node *node, uint64_t now_ns)
{
	if (node->live_bytes <= 0)
		return -1;
	return fmax((double)now_ns / 1e9 -
			    node->birth_seconds / node->live_bytes,
		    0);
}
