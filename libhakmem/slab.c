#include "libhakmem/slab.h"

#include "libhakmem/span.h"
#include "libhakmem/stats.h"

static enum arena_zone zone_of(const struct sizeclass *class)
{
	return class->headerless ? ARENA_HEADERLESS : ARENA_HEADER;
}

static void set_map(const struct unit *slab, unsigned units, uint8_t code)
{
	size_t first = (size_t)(slab - arena.units);

	for (unsigned i = 0; i < units; i++)
		arena.map[first + i] = code;
}

struct unit *slab_create(unsigned class)
{
	const struct sizeclass *info = &sizeclass_table[class];
	struct unit *slab = span_alloc(zone_of(info), info->slab_units, NULL);

	if (!slab)
		return NULL;
	slab->code = (uint8_t)(HEADER_CLASS | class);
	slab->next = slab->prev = NULL;
	slab->listed = 0;
	slab->free = NULL;
	slab->free_blocks = slab->carved = slab->used = 0;
	for (unsigned i = 1; i < info->slab_units; i++) {
		slab[i].state = UNIT_SLAB_REST;
		slab[i].lead = i;
	}
	slab->state = UNIT_SLAB;
	if (info->headerless)
		set_map(slab, info->slab_units, slab->code);
	count64(&stats.slabs, 1);
	return slab;
}

void slab_destroy(struct unit *slab)
{
	const struct sizeclass *info =
		&sizeclass_table[header_class(slab->code)];

	if (info->headerless)
		set_map(slab, info->slab_units, HEADER_NONE);
	for (unsigned i = 0; i < info->slab_units; i++)
		slab[i].state = UNIT_NONE;
	uncount64(&stats.slabs, 1);
	span_free(slab);
}

static void push(struct chain *chain, struct block *block)
{
	block->next = chain->head;
	chain->head = block;
	chain->count++;
}

/* Makes `count` new blocks, the lowest first in the chain: the only place that
 * writes a small block's header byte. */
static void carve(struct unit *slab, const struct sizeclass *info,
		  uint32_t count, struct chain *chain)
{
	char *start = arena_address(slab) + info->first;

	for (uint32_t i = slab->carved + count; i-- > slab->carved;) {
		char *at = start + (size_t)i * info->stride;
		struct block *block = (struct block *)(void *)at;

		if (!info->headerless)
			*header_byte(at) = slab->code;
		block->key = block_key(block);
		push(chain, block);
	}
	slab->carved += count;
}

void slab_take(struct unit *slab, uint32_t want, struct chain *chain)
{
	const struct sizeclass *info =
		&sizeclass_table[header_class(slab->code)];
	uint32_t before = chain->count;

	while (want > 0 && slab->free) {
		struct block *block = slab->free;

		slab->free = block->next;
		slab->free_blocks--;
		push(chain, block);
		want--;
	}
	carve(slab, info, (uint32_t)min_size(want, info->blocks - slab->carved),
	      chain);
	slab->used += chain->count - before;
}

void slab_give(struct unit *slab, struct block *block)
{
	block->next = slab->free;
	slab->free = block;
	slab->free_blocks++;
	slab->used--;
}

bool slab_full(const struct unit *slab)
{
	return !slab->free &&
	       slab->carved == sizeclass_table[header_class(slab->code)].blocks;
}

struct unit *slab_of(const void *ptr)
{
	struct unit *unit = arena_unit(ptr);

	if (unit->state == UNIT_SLAB_REST)
		unit -= unit->lead;
	return unit->state == UNIT_SLAB ? unit : NULL;
}

bool slab_is_block(const struct unit *slab, const void *ptr)
{
	const struct sizeclass *info =
		&sizeclass_table[header_class(slab->code)];
	size_t offset = (size_t)((const char *)ptr - arena_address(slab));

	return offset >= info->first &&
	       (offset - info->first) % info->stride == 0 &&
	       (offset - info->first) / info->stride < info->blocks;
}
