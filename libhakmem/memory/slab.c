#include "libhakmem/memory/slab.h"

#include "libhakmem/base/meta.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"

#include <string.h>

static enum arena_zone slab_zone_of(const struct sizeclass *class)
{
	return class->headerless ? ARENA_HEADERLESS : ARENA_HEADER;
}

static void slab_set_map(const struct unit *slab, unsigned units, uint8_t code)
{
	uint16_t *entry = arena_map_entry(slab);

	for (unsigned i = 0; i < units; i++)
		entry[i] = (uint16_t)(code << SIZECLASS_ROW_SHIFT);
}

/* Bitmaps longer than a word, by class, of slabs that are gone: linked through
 * their first word. Under the lock of the class. */
static uint64_t *slab_spare_maps[SIZECLASS_MAX];

static size_t slab_map_words(const struct sizeclass *info)
{
	return (info->blocks + 63) / 64;
}

static uint64_t *slab_map_of(struct unit *slab, const struct sizeclass *info)
{
	return info->blocks <= 64 ? &slab->free.one : slab->free.many;
}

static bool slab_make_map(struct unit *slab, unsigned class)
{
	const struct sizeclass *info = &sizeclass_table[class];
	size_t bytes = slab_map_words(info) * sizeof(uint64_t);
	uint64_t *map = slab_spare_maps[class];

	slab->free.one = 0;
	slab->first_free = 0;
	if (info->blocks <= 64)
		return true;
	if (map)
		slab_spare_maps[class] = (uint64_t *)(uintptr_t)map[0];
	else
		map = meta_alloc(bytes);
	if (!map)
		return false;
	memset(map, 0, bytes);
	slab->free.many = map;
	return true;
}

static void slab_drop_map(struct unit *slab, unsigned class)
{
	uint64_t *map = slab->free.many;

	if (sizeclass_table[class].blocks <= 64)
		return;
	map[0] = (uintptr_t)slab_spare_maps[class];
	slab_spare_maps[class] = map;
}

/* Blocks of equal offsets in their slabs meet in few sets of a cache: so the
 * first block of a slab starts a line or more behind where it could, by the
 * slab's place. */
static uint32_t slab_color(const struct unit *slab,
			   const struct sizeclass *info)
{
	return (uint32_t)((size_t)(slab - arena.units) % info->colors *
			  CACHE_LINE);
}

struct unit *slab_create(unsigned class)
{
	const struct sizeclass *info = &sizeclass_table[class];
	struct unit *slab =
		span_alloc(slab_zone_of(info), info->slab_units, NULL);

	if (!slab)
		return NULL;
	if (!slab_make_map(slab, class)) {
		span_free(slab);
		return NULL;
	}
	slab->code = header_class_code(class);
	slab->next = slab->prev = NULL;
	slab->listed = 0;
	slab->carved = slab->used = 0;
	slab->first = info->first + slab_color(slab, info);
	for (unsigned i = 0; i < info->slab_units; i++) {
		slab[i].code = slab->code;
		slab[i].lead = i;
		slab[i].state = i == 0 ? UNIT_SLAB : UNIT_SLAB_REST;
	}
	slab_set_map(slab, info->slab_units, slab->code);
	stats_add(FIGURE_SLABS_LIVE, 1);
	return slab;
}

void slab_destroy(struct unit *slab)
{
	unsigned class = header_class(slab->code);
	const struct sizeclass *info = &sizeclass_table[class];

	slab_set_map(slab, info->slab_units, HEADER_NONE);
	slab_drop_map(slab, class);
	for (unsigned i = 0; i < info->slab_units; i++) {
		slab[i].state = UNIT_NONE;
		slab[i].code = HEADER_NONE; /* what slab_give goes by */
	}
	stats_sub(FIGURE_SLABS_LIVE, 1);
	span_free(slab);
}

static struct block *slab_block_at(const struct unit *slab,
				   const struct sizeclass *info, uint32_t index)
{
	return (struct block *)(void *)(arena_address(slab) + slab->first +
					(size_t)index * info->stride);
}

/* Appends up to `want` blocks that were given back, lowest first. */
static struct block **slab_take_marked(struct unit *slab,
				       const struct sizeclass *info,
				       uint32_t want, struct block **link)
{
	char *start = arena_address(slab) + slab->first;
	uint64_t *map = slab_map_of(slab, info);
	uint32_t left = (uint32_t)min_size(want, slab->carved - slab->used);
	uint32_t word = slab->first_free;

	slab->used += left;
	for (; left > 0; word++) {
		uint64_t bits = map[word];
		char *base = start + (size_t)word * 64 * info->stride;

		slab->first_free = word;
		for (; bits && left > 0; bits &= bits - 1, left--) {
			size_t bit = (size_t)__builtin_ctzll(bits);

			*link = (struct block *)(void *)(base +
							 bit * info->stride);
			link = &(*link)->next;
		}
		map[word] = bits;
	}
	return link;
}

/* Appends `count` new blocks, each with its header byte if its class has one.
 */
static struct block **slab_carve(struct unit *slab,
				 const struct sizeclass *info, uint32_t count,
				 struct block **link)
{
	uint32_t end = slab->carved + count;

	for (uint32_t i = slab->carved; i < end; i++) {
		struct block *block = slab_block_at(slab, info, i);

		if (!info->headerless)
			header_set_ordinary(block, slab->code);
		block->key = block_key(block);
		*link = block;
		link = &block->next;
	}
	slab->carved = end;
	slab->used += count;
	return link;
}

void slab_take(struct unit *slab, uint32_t want, struct chain *chain)
{
	const struct sizeclass *info =
		&sizeclass_table[header_class(slab->code)];
	uint32_t before = slab->used;
	struct block *first, **link;

	link = slab_take_marked(slab, info, want, &first);
	want -= slab->used - before;
	link = slab_carve(slab, info,
			  (uint32_t)min_size(want, info->blocks - slab->carved),
			  link);
	*link = chain->head;
	chain->head = first;
	chain->count += slab->used - before;
}

/* Marks one block of a slab that `unit` is part of; false when it is not out.
 */
ALWAYS_INLINE bool slab_mark(struct unit *unit, const struct sizeclass *info,
			     const struct block *block, bool small)
{
	size_t lead = small ? 0 : unit->lead;
	struct unit *slab = unit - lead;
	size_t offset =
		(uintptr_t)block % ARENA_UNIT + (lead << ARENA_UNIT_SHIFT);
	uint32_t index = sizeclass_block(info, offset - slab->first);
	uint64_t *map = small ? slab->free.many : slab_map_of(slab, info);
	uint64_t bit = (uint64_t)1 << index % 64;

	if (unlikely(index >= slab->carved) || unlikely(map[index / 64] & bit))
		return false;
	map[index / 64] |= bit;
	if (index / 64 < slab->first_free)
		slab->first_free = index / 64;
	slab->used--;
	return true;
}

/* `small`: a slab of this class is one unit, its bitmap longer than a word. */
ALWAYS_INLINE struct unit *slab_give_block(unsigned class, struct chain *chain,
					   uint32_t keep, bool small)
{
	const struct sizeclass info = sizeclass_table[class];
	struct block *block = chain->head;
	struct unit *odd = NULL;
	uint32_t count = chain->count;

	while (block && count > keep && !odd) {
		struct unit *unit = arena_unit(block);

		if (unlikely(unit->code != (HEADER_CLASS | class) ||
			     !slab_mark(unit, &info, block, small)))
			break;
		unit -= small ? 0 : unit->lead;
		block = block->next;
		count--;
		if (unlikely(unit->used == 0 || !unit->listed))
			odd = unit;
	}
	chain->head = block;
	chain->count = count;
	return odd;
}

struct unit *slab_give(unsigned class, struct chain *chain, uint32_t keep)
{
	const struct sizeclass *info = &sizeclass_table[class];

	return info->slab_units == 1 && info->blocks > 64
		       ? slab_give_block(class, chain, keep, true)
		       : slab_give_block(class, chain, keep, false);
}

bool slab_full(const struct unit *slab)
{
	return slab->used == slab->carved &&
	       slab->carved == sizeclass_table[header_class(slab->code)].blocks;
}

uint8_t slab_code_at(const struct unit *slab, const void *ptr)
{
	return sizeclass_table[header_class(slab->code)].headerless
		       ? slab->code
		       : header_ordinary(ptr, slab->code);
}

bool slab_is_block(const struct unit *slab, const void *ptr)
{
	const struct sizeclass *info =
		&sizeclass_table[header_class(slab->code)];
	size_t offset = (size_t)((const char *)ptr - arena_address(slab));

	return offset >= slab->first &&
	       offset - slab->first < SIZECLASS_SLAB_MAX * SIZECLASS_UNIT &&
	       sizeclass_block(info, offset - slab->first) < info->blocks;
}
