#include "libhakmem/unwind/stackcache.h"

#include "libhakmem/unwind/quiesce.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/base/vm.h"

#include <string.h>

#define ENTRIES	  12u
#define POOL	  512u
#define STEPS	  9u /* a set, doubled 8 times: 2 MiB */
#define SITE_BITS 40u

struct entry {
	struct stackcache_key key;
	uint32_t serial, used;
	uint32_t site;
	uint16_t first, words; /* in the set's pool */
	uint8_t modules, leaf;
	bool truncated, fp_matters;
	uint32_t module[STACKCACHE_MODULES];
	uintptr_t inside[STACKCACHE_MODULES];
};

/* The words of the entries follow each other in the order of the entries. */
struct set {
	uintptr_t owner; /* see quiesce.h */
	uint32_t clock;
	uint32_t entries, words;
	uint32_t tag[ENTRIES]; /* some of each entry's key */
	struct entry entry[ENTRIES];
	uint32_t at[POOL];
	uint64_t value[POOL];
} __attribute__((aligned(4096)));
_Static_assert(sizeof(struct set) == 2 * VM_PAGE, "a set is two pages");

static struct set *stackcache_steps[STEPS];
static uint32_t stackcache_set_count;
static uint32_t stackcache_growing;
static uint32_t stackcache_pushed_out;

uint32_t stackcache_sets(void)
{
	/* acquire: pairs with the release in grow */
	return __atomic_load_n(&stackcache_set_count, __ATOMIC_ACQUIRE);
}

/* Step 0 is set 0, step n the 1 << (n-1) that follow. */
static struct set *stackcache_set_at(uint32_t index)
{
	uint32_t step;

	if (index == 0)
		return stackcache_steps[0];
	step = 31u - (uint32_t)__builtin_clz(index);
	return &stackcache_steps[step + 1][index - (1u << step)];
}

static bool stackcache_grow(void)
{
	uint32_t more = stackcache_set_count == 0 ? 1 : stackcache_set_count;
	uint32_t step =
		stackcache_set_count == 0
			? 0
			: 1 + (uint32_t)__builtin_ctz(stackcache_set_count);

	if (step == STEPS)
		return false;
	stackcache_steps[step] = vm_map(more * sizeof(struct set));
	if (!stackcache_steps[step])
		return false;
	/* release: pairs with the acquire in stackcache_sets */
	__atomic_store_n(&stackcache_set_count, stackcache_set_count + more,
			 __ATOMIC_RELEASE);
	return true;
}

/* What is in the old sets stays there; half of it is found no more and will be
 * pushed out. */
static void stackcache_grow_if_crowded(void)
{
	if (likely(peek32(&stackcache_pushed_out) <
		   2 * ENTRIES * stackcache_sets()) ||
	    __atomic_exchange_n(&stackcache_growing, 1, __ATOMIC_ACQUIRE) != 0)
		return;
	__atomic_store_n(&stackcache_pushed_out, 0, __ATOMIC_RELAXED);
	if (stackcache_grow())
		/* release: the next one sees the new sets; when there can be
		 * no more it stays as it is */
		__atomic_store_n(&stackcache_growing, 0, __ATOMIC_RELEASE);
}

bool stackcache_start(void)
{
	return stackcache_set_count != 0 || stackcache_grow();
}

static uint64_t stackcache_mix(const struct stackcache_key *key)
{
	return (key->pc ^ (key->sp << 20 | key->sp >> 44)) *
	       0x9E3779B97F4A7C15u;
}

static uint32_t stackcache_index_of(uint64_t mixed)
{
	return (uint32_t)(mixed >> 32) & (stackcache_sets() - 1);
}

static uint32_t stackcache_tag_of(uint64_t mixed)
{
	return (uint32_t)(mixed >> 20);
}

static bool stackcache_has_key(const struct entry *entry,
			       const struct stackcache_key *key)
{
	return entry->key.pc == key->pc && entry->key.sp == key->sp &&
	       entry->key.high == key->high &&
	       (entry->key.fp == key->fp || !entry->fp_matters);
}

/* The stack is the program's: no sanitizer is to look at it. */
static __attribute__((no_sanitize("address", "thread"))) bool
stackcache_words_hold(const struct set *set, const struct entry *entry)
{
	const uint64_t *value = &set->value[entry->first];
	const uint32_t *at = &set->at[entry->first];
	uintptr_t sp = entry->key.sp;
	uint64_t different = 0;

	for (unsigned i = 0; i < entry->words; i++)
		different |=
			*(const uint64_t *)(sp + (at[i] >> 5) * 8) ^ value[i];
	return different == 0;
}

static bool stackcache_modules_hold(const struct entry *entry)
{
	bool unloading = quiesce_is_unloading();

	for (unsigned i = 0; i < entry->modules; i++)
		if (entry->inside[i] != 0 &&
		    (unloading ||
		     module_of(entry->inside[i]) != entry->module[i]))
			return false;
	return true;
}

static void stackcache_tell(const struct set *set, const struct entry *entry,
			    struct unwind_stack *out)
{
	const uint64_t *value = &set->value[entry->first];
	const uint32_t *at = &set->at[entry->first];
	uint32_t depth = 1;

	out->pc[0] = entry->key.pc;
	out->module[0] = entry->module[entry->leaf];
	for (unsigned i = 0; i < entry->words && depth < UNWIND_DEPTH; i++) {
		if (!(at[i] & STACKCACHE_PC))
			continue;
		out->pc[depth] = value[i] + (at[i] & STACKCACHE_EXACT ? 1 : 0);
		out->module[depth++] = entry->module[at[i] >> 2 & 7];
	}
	out->depth = depth;
}

static uint64_t stackcache_reference(uint32_t index, const struct entry *entry)
{
	return (uint64_t)(index + 1) << SITE_BITS | entry->serial;
}

static void stackcache_remove_entry(struct set *set, struct entry *entry)
{
	struct entry *end = &set->entry[set->entries];
	uint32_t words = entry->words;
	uint32_t behind = entry->first + words;

	memmove(&set->at[entry->first], &set->at[behind],
		(set->words - behind) * sizeof(set->at[0]));
	memmove(&set->value[entry->first], &set->value[behind],
		(set->words - behind) * sizeof(set->value[0]));
	for (struct entry *next = entry + 1; next < end; next++)
		next->first = (uint16_t)(next->first - words);
	memmove(&set->tag[entry - set->entry],
		&set->tag[entry - set->entry + 1],
		(size_t)(end - entry - 1) * sizeof(set->tag[0]));
	memmove(entry, entry + 1, (size_t)((char *)end - (char *)(entry + 1)));
	set->entries--;
	set->words -= words;
}

/* Callers of callers differ where caller and stack pointer are the same, so a
 * set may hold several entries of a key. */
static struct entry *stackcache_look_up(struct set *set,
					const struct stackcache_key *key,
					uint32_t tag)
{
	for (uint32_t i = 0; i < set->entries; i++) {
		struct entry *entry = &set->entry[i];

		if (set->tag[i] != tag || !stackcache_has_key(entry, key) ||
		    !stackcache_words_hold(set, entry))
			continue;
		if (stackcache_modules_hold(entry))
			return entry;
		stackcache_remove_entry(set, entry);
		break;
	}
	return NULL;
}

bool stackcache_find(const struct stackcache_key *key, struct unwind_stack *out)
{
	uint64_t mixed = stackcache_mix(key);
	uint32_t index = stackcache_index_of(mixed);
	struct set *set = stackcache_set_at(index);
	struct entry *entry;

	if (!quiesce_enter(&set->owner))
		return false;
	entry = stackcache_look_up(set, key, stackcache_tag_of(mixed));
	if (entry) {
		entry->used = ++set->clock;
		out->truncated = entry->truncated;
		out->site = entry->site;
		out->depth = 0;
		out->cached = stackcache_reference(index, entry);
		/* Debug builds want to see that it is right. */
		if (out->site == 0 || DEBUG_BUILD)
			stackcache_tell(set, entry, out);
	}
	quiesce_leave(&set->owner);
	return entry != NULL;
}

static struct entry *stackcache_oldest(struct set *set)
{
	struct entry *found = &set->entry[0];

	for (uint32_t i = 1; i < set->entries; i++)
		if (set->clock - set->entry[i].used > set->clock - found->used)
			found = &set->entry[i];
	return found;
}

static void stackcache_append(struct set *set,
			      const struct stackcache_trace *trace)
{
	struct entry *entry = &set->entry[set->entries];

	set->tag[set->entries++] =
		stackcache_tag_of(stackcache_mix(&trace->key));
	memset(entry, 0, sizeof(*entry));
	entry->key = trace->key;
	entry->serial = entry->used = ++set->clock;
	entry->first = (uint16_t)set->words;
	entry->words = (uint16_t)trace->words;
	entry->modules = (uint8_t)trace->modules;
	entry->leaf = (uint8_t)trace->leaf;
	entry->truncated = trace->truncated;
	entry->fp_matters = trace->fp_matters;
	memcpy(entry->module, trace->module, sizeof(entry->module));
	memcpy(entry->inside, trace->inside, sizeof(entry->inside));
	memcpy(&set->at[set->words], trace->at,
	       trace->words * sizeof(trace->at[0]));
	memcpy(&set->value[set->words], trace->value,
	       trace->words * sizeof(trace->value[0]));
	set->words += trace->words;
}

void stackcache_store(const struct stackcache_trace *trace,
		      struct unwind_stack *out)
{
	struct set *set;
	uint32_t index;

	out->cached = 0;
	stackcache_grow_if_crowded();
	index = stackcache_index_of(stackcache_mix(&trace->key));
	set = stackcache_set_at(index);
	if (trace->words > STACKCACHE_WORDS ||
	    trace->modules > STACKCACHE_MODULES || !quiesce_enter(&set->owner))
		return;
	while (set->entries == ENTRIES || set->words + trace->words > POOL) {
		stackcache_remove_entry(set, stackcache_oldest(set));
		__atomic_fetch_add(&stackcache_pushed_out, 1, __ATOMIC_RELAXED);
	}
	stackcache_append(set, trace);
	out->cached =
		stackcache_reference(index, &set->entry[set->entries - 1]);
	quiesce_leave(&set->owner);
}

void stackcache_name(uint64_t cached, uint32_t site)
{
	uint64_t index = cached >> SITE_BITS;
	struct set *set;

	if (index == 0 || index > stackcache_sets())
		return;
	set = stackcache_set_at((uint32_t)index - 1);
	if (!quiesce_enter(&set->owner))
		return;
	for (uint32_t i = 0; i < set->entries; i++)
		if (set->entry[i].serial == (uint32_t)cached)
			set->entry[i].site = site;
	quiesce_leave(&set->owner);
}

/* The jump may have left its entries half moved. */
void stackcache_abandon(void)
{
	for (uint32_t i = 0; i < stackcache_sets(); i++) {
		struct set *set = stackcache_set_at(i);

		if (!quiesce_is_mine(&set->owner))
			continue;
		set->entries = set->words = 0;
		quiesce_leave(&set->owner);
	}
}

bool stackcache_is_idle(void)
{
	bool idle = true;

	for (uint32_t i = 0; i < stackcache_sets(); i++)
		idle = idle && quiesce_is_clear(&stackcache_set_at(i)->owner);
	return idle;
}

void stackcache_forget(void)
{
	for (uint32_t i = 0; i < stackcache_set_count; i++) {
		stackcache_set_at(i)->entries = stackcache_set_at(i)->words = 0;
		stackcache_set_at(i)->owner = 0;
	}
	stackcache_growing = 0;
}
