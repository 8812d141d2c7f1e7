#include "libhakmem/profile/stackset.h"

#include "libhakmem/base/meta.h"

#include <string.h>

#define STEP	    64u /* stacks that memory is taken for at once */
#define POOL_STEP   (32 * KIB)
#define INDEX_FIRST 256u

struct entry {
	const uint64_t *pcs; /* the modules follow them */
	uint32_t hash;
	uint16_t count;
	bool truncated;
};

static struct entry *steps[STACKSET_MAX / STEP];
static uint32_t used;	/* stacks */
static uint32_t frames; /* of all of them */
static char *pool;
static size_t pool_left;

/* Numbers of stacks by hash, open addressing, 0 is empty; at most half full. */
static uint32_t *table;
static uint32_t table_size; /* a power of two */

static struct entry *entry_of(uint32_t number)
{
	uint32_t at = number - STACKSET_FIRST;

	return &steps[at / STEP][at % STEP];
}

static uint32_t hash_of(const struct frames *stack)
{
	uint64_t hash = stack->count + stack->truncated * 1024u;

	for (uint32_t i = 0; i < stack->count; i++) {
		hash ^= stack->pcs[i] + ((uint64_t)stack->modules[i] << 48);
		hash *= 0x9E3779B97F4A7C15u;
		hash ^= hash >> 32;
	}
	return (uint32_t)hash;
}

static bool equal(uint32_t number, const struct frames *stack, uint32_t hash)
{
	const struct entry *entry = entry_of(number);
	size_t bytes = stack->count * sizeof(*stack->pcs);

	return entry->hash == hash && entry->count == stack->count &&
	       entry->truncated == stack->truncated &&
	       memcmp(entry->pcs, stack->pcs, bytes) == 0 &&
	       memcmp(entry->pcs + stack->count, stack->modules, bytes / 2) ==
		       0;
}

static uint32_t *slot_of(uint32_t hash)
{
	return &table[hash & (table_size - 1)];
}

static uint32_t *next_slot(uint32_t *slot)
{
	return slot + 1 == table + table_size ? table : slot + 1;
}

static void put(uint32_t number)
{
	uint32_t *slot = slot_of(entry_of(number)->hash);

	while (*slot != 0)
		slot = next_slot(slot);
	*slot = number;
}

static bool enlarge_table(void)
{
	uint32_t size = table_size ? table_size * 2 : INDEX_FIRST;
	uint32_t *fresh = meta_alloc(size * sizeof(*fresh));

	if (!fresh)
		return false;
	table = fresh;
	table_size = size;
	for (uint32_t i = 0; i < used; i++)
		put(STACKSET_FIRST + i);
	return true;
}

/* Room for the frames of one stack; NULL when there is none. */
static uint64_t *take_frames(uint32_t count)
{
	size_t bytes = align_up(count * (sizeof(uint64_t) + sizeof(uint32_t)),
				sizeof(uint64_t));
	uint64_t *taken;

	if (count > STACKSET_FRAMES_MAX - frames || bytes > POOL_STEP)
		return NULL;
	if (bytes > pool_left) {
		char *fresh = meta_alloc(POOL_STEP);

		if (!fresh)
			return NULL;
		pool = fresh;
		pool_left = POOL_STEP;
	}
	taken = (uint64_t *)(void *)pool;
	pool += bytes;
	pool_left -= bytes;
	frames += count;
	return taken;
}

static bool make_room(void)
{
	if (used == STACKSET_MAX)
		return false;
	if (2 * (used + 1) > table_size && !enlarge_table())
		return false;
	if (!steps[used / STEP])
		steps[used / STEP] =
			meta_alloc(STEP * sizeof(*steps[used / STEP]));
	return steps[used / STEP] != NULL;
}

static uint32_t add(const struct frames *stack, uint32_t hash)
{
	uint64_t *pcs = make_room() ? take_frames(stack->count) : NULL;
	uint32_t number = STACKSET_FIRST + used;
	size_t bytes = stack->count * sizeof(*pcs);

	if (!pcs)
		return 0;
	memcpy(pcs, stack->pcs, bytes);
	memcpy(pcs + stack->count, stack->modules, bytes / 2);
	*entry_of(number) = (struct entry){.pcs = pcs,
					   .hash = hash,
					   .count = (uint16_t)stack->count,
					   .truncated = stack->truncated};
	put(number);
	/* release: pairs with stackset_end in a reader without the lock */
	__atomic_store_n(&used, used + 1, __ATOMIC_RELEASE);
	return number;
}

uint32_t stackset_intern(const struct frames *stack)
{
	uint32_t hash = hash_of(stack);
	uint32_t *slot;

	if (table_size == 0)
		return add(stack, hash);
	for (slot = slot_of(hash); *slot != 0; slot = next_slot(slot))
		if (equal(*slot, stack, hash))
			return *slot;
	return add(stack, hash);
}

struct frames stackset_get(uint32_t number)
{
	const struct entry *entry = entry_of(number);

	return (struct frames){
		.pcs = entry->pcs,
		.modules = (const uint32_t *)(entry->pcs + entry->count),
		.count = entry->count,
		.truncated = entry->truncated,
	};
}

uint32_t stackset_end(void)
{
	/* acquire: pairs with the release in add */
	return STACKSET_FIRST + __atomic_load_n(&used, __ATOMIC_ACQUIRE);
}
