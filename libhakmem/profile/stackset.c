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

static struct entry *stackset_steps[STACKSET_MAX / STEP];
static uint32_t stackset_used;	 /* stacks */
static uint32_t stackset_frames; /* of all of them */
static char *stackset_pool;
static size_t stackset_pool_left;

/* Numbers of stacks by hash, open addressing, 0 is empty; at most half full. */
static uint32_t *stackset_table;
static uint32_t stackset_table_size; /* a power of two */

static struct entry *stackset_entry_of(uint32_t number)
{
	uint32_t at = number - STACKSET_FIRST;

	return &stackset_steps[at / STEP][at % STEP];
}

static uint32_t stackset_hash_of(const struct frames *stack)
{
	uint64_t hash = stack->count + stack->truncated * 1024u;

	for (uint32_t i = 0; i < stack->count; i++) {
		hash ^= stack->pcs[i] + ((uint64_t)stack->modules[i] << 48);
		hash *= 0x9E3779B97F4A7C15u;
		hash ^= hash >> 32;
	}
	return (uint32_t)hash;
}

static bool stackset_equal(uint32_t number, const struct frames *stack,
			   uint32_t hash)
{
	const struct entry *entry = stackset_entry_of(number);
	size_t bytes = stack->count * sizeof(*stack->pcs);

	return entry->hash == hash && entry->count == stack->count &&
	       entry->truncated == stack->truncated &&
	       memcmp(entry->pcs, stack->pcs, bytes) == 0 &&
	       memcmp(entry->pcs + stack->count, stack->modules, bytes / 2) ==
		       0;
}

static uint32_t *stackset_slot_of(uint32_t hash)
{
	return &stackset_table[hash & (stackset_table_size - 1)];
}

static uint32_t *stackset_next_slot(uint32_t *slot)
{
	return slot + 1 == stackset_table + stackset_table_size ? stackset_table
								: slot + 1;
}

static void stackset_put(uint32_t number)
{
	uint32_t *slot = stackset_slot_of(stackset_entry_of(number)->hash);

	while (*slot != 0)
		slot = stackset_next_slot(slot);
	*slot = number;
}

static bool stackset_enlarge_table(void)
{
	uint32_t size =
		stackset_table_size ? stackset_table_size * 2 : INDEX_FIRST;
	uint32_t *fresh = meta_alloc(size * sizeof(*fresh));

	if (!fresh)
		return false;
	stackset_table = fresh;
	stackset_table_size = size;
	for (uint32_t i = 0; i < stackset_used; i++)
		stackset_put(STACKSET_FIRST + i);
	return true;
}

/* Room for the frames of one stack; NULL when there is none. */
static uint64_t *stackset_take_frames(uint32_t count)
{
	size_t bytes = align_up(count * (sizeof(uint64_t) + sizeof(uint32_t)),
				sizeof(uint64_t));
	uint64_t *taken;

	if (count > STACKSET_FRAMES_MAX - stackset_frames || bytes > POOL_STEP)
		return NULL;
	if (bytes > stackset_pool_left) {
		char *fresh = meta_alloc(POOL_STEP);

		if (!fresh)
			return NULL;
		stackset_pool = fresh;
		stackset_pool_left = POOL_STEP;
	}
	taken = (uint64_t *)(void *)stackset_pool;
	stackset_pool += bytes;
	stackset_pool_left -= bytes;
	stackset_frames += count;
	return taken;
}

static bool stackset_make_room(void)
{
	if (stackset_used == STACKSET_MAX)
		return false;
	if (2 * (stackset_used + 1) > stackset_table_size &&
	    !stackset_enlarge_table())
		return false;
	if (!stackset_steps[stackset_used / STEP])
		stackset_steps[stackset_used / STEP] = meta_alloc(
			STEP * sizeof(*stackset_steps[stackset_used / STEP]));
	return stackset_steps[stackset_used / STEP] != NULL;
}

static uint32_t stackset_add(const struct frames *stack, uint32_t hash)
{
	uint64_t *pcs = stackset_make_room()
				? stackset_take_frames(stack->count)
				: NULL;
	uint32_t number = STACKSET_FIRST + stackset_used;
	size_t bytes = stack->count * sizeof(*pcs);

	if (!pcs)
		return 0;
	memcpy(pcs, stack->pcs, bytes);
	memcpy(pcs + stack->count, stack->modules, bytes / 2);
	*stackset_entry_of(number) =
		(struct entry){.pcs = pcs,
			       .hash = hash,
			       .count = (uint16_t)stack->count,
			       .truncated = stack->truncated};
	stackset_put(number);
	/* release: pairs with stackset_end in a reader without the lock */
	__atomic_store_n(&stackset_used, stackset_used + 1, __ATOMIC_RELEASE);
	return number;
}

uint32_t stackset_intern(const struct frames *stack)
{
	uint32_t hash = stackset_hash_of(stack);
	uint32_t *slot;

	if (stackset_table_size == 0)
		return stackset_add(stack, hash);
	for (slot = stackset_slot_of(hash); *slot != 0;
	     slot = stackset_next_slot(slot))
		if (stackset_equal(*slot, stack, hash))
			return *slot;
	return stackset_add(stack, hash);
}

struct frames stackset_get(uint32_t number)
{
	const struct entry *entry = stackset_entry_of(number);

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
	return STACKSET_FIRST +
	       __atomic_load_n(&stackset_used, __ATOMIC_ACQUIRE);
}
