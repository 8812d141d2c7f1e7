#include "libhakmem/profile/profile.h"

#include "libhakmem/base/lock.h"
#include "libhakmem/base/rng.h"
#include "libhakmem/base/vm.h"

#define TABLE_FIRST 1024u
#define TABLE_MAX   65536u

/* A live sample; address 0 is an empty slot, interval 0 a sampler it is not of.
 */
struct entry {
	uintptr_t address;
	uint64_t bytes;
	struct sampler_split intervals;
	double chance;	     /* of the histogram's interval */
	double stack_chance; /* of the stacks' */
	uint64_t birth_ns;   /* stacks only */
	uint32_t site_cell;  /* ditto */
	uint32_t cell;	     /* histogram only */
};
_Static_assert(sizeof(struct entry) == CACHE_LINE, "one line a free");

struct lock profile_lock;
static struct profile_cell profile_cell_table[PROFILE_CELLS];
static struct profile_place profile_places[PROFILE_CELLS];
static uint16_t profile_first_cell[SIZECLASS_MAX];
static unsigned profile_cell_count, profile_cells_used;
static struct entry *profile_table;
static uint32_t profile_table_size; /* a power of two */
static uint64_t profile_live;
static uint64_t
	profile_live_stacks; /* of these, samples of the stack sampler */
static uint64_t profile_untracked_total;
static uint64_t profile_random_state;

void profile_init(uint64_t random)
{
	profile_random_state = random | 1;
	profile_cell_count = 0;
	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *class = &sizeclass_table[i];
		uint32_t last = bins_index(class->high);

		profile_first_cell[i] = (uint16_t)profile_cell_count;
		for (uint32_t bin = bins_index(class->low); bin <= last; bin++)
			profile_places[profile_cell_count++] =
				(struct profile_place){(uint16_t)i,
						       (uint16_t)bin};
	}
}

static unsigned profile_cell_of(size_t bytes, unsigned class)
{
	const struct sizeclass *info = &sizeclass_table[class];

	/* An aligned request may be smaller than its class's range. */
	if (bytes < info->low)
		bytes = info->low;
	return profile_first_cell[class] + bins_index(bytes) -
	       bins_index(info->low);
}

static void profile_add_live(struct profile_cell *cell,
			     const struct sampler_weight *weight)
{
	cell->live_samples++;
	cell->live_objects += weight->objects;
	cell->live_objects_var += weight->objects_var;
	cell->live_bytes += weight->bytes;
}

/* Rounding errors of hours end where nothing lives. */
static void profile_drop_live(struct profile_cell *cell,
			      const struct sampler_weight *weight)
{
	if (--cell->live_samples == 0) {
		cell->live_objects = cell->live_objects_var = 0;
		cell->live_bytes = 0;
		return;
	}
	cell->live_objects -= weight->objects;
	cell->live_objects_var -= weight->objects_var;
	cell->live_bytes -= weight->bytes;
}

static void profile_add_request(struct profile_cell *cell,
				const struct sampler_weight *weight)
{
	cell->samples++;
	cell->objects += weight->objects;
	cell->objects_var += weight->objects_var;
	cell->bytes += weight->bytes;
}

static uint32_t profile_slot_of(uintptr_t address)
{
	return (uint32_t)((address >> 4) * 0x9E3779B97F4A7C15u >> 40) &
	       (profile_table_size - 1);
}

static void profile_insert(const struct entry *entry)
{
	uint32_t at = profile_slot_of(entry->address);

	while (profile_table[at].address != 0)
		at = (at + 1) & (profile_table_size - 1);
	profile_table[at] = *entry;
	profile_live++;
	profile_live_stacks += entry->intervals.stack != 0;
}

/* Empties a slot and moves later entries of its run up (no tombstones). */
static void profile_erase(uint32_t at)
{
	uint32_t hole = at, look = at;

	profile_live--;
	profile_live_stacks -= profile_table[at].intervals.stack != 0;
	for (;;) {
		uint32_t home;

		look = (look + 1) & (profile_table_size - 1);
		if (profile_table[look].address == 0)
			break;
		home = profile_slot_of(profile_table[look].address);
		if (((look - home) & (profile_table_size - 1)) <
		    ((look - hole) & (profile_table_size - 1)))
			continue;
		profile_table[hole] = profile_table[look];
		hole = look;
	}
	profile_table[hole].address = 0;
}

static bool profile_find(uintptr_t address, uint32_t *at)
{
	if (profile_table_size == 0)
		return false;
	*at = profile_slot_of(address);
	while (profile_table[*at].address != 0) {
		if (profile_table[*at].address == address)
			return true;
		*at = (*at + 1) & (profile_table_size - 1);
	}
	return false;
}

/* Moves all entries to a table of another size; false without memory. */
static bool profile_resize(uint32_t size)
{
	uint32_t old_size = profile_table_size;
	struct entry *old = profile_table;
	struct entry *fresh = vm_map(size * sizeof(*fresh));

	if (!fresh)
		return false;
	profile_table = fresh;
	profile_table_size = size;
	profile_live = profile_live_stacks = 0;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].address != 0)
			profile_insert(&old[i]);
	if (old)
		vm_unmap(old, old_size * sizeof(*old));
	return true;
}

static bool profile_enlarge(void)
{
	return profile_table_size < TABLE_MAX &&
	       profile_resize(profile_table_size ? profile_table_size * 2
						 : TABLE_FIRST);
}

/* Far from what would enlarge it again. */
static void profile_shrink(void)
{
	if (profile_table_size > TABLE_FIRST &&
	    profile_live * 16 < profile_table_size)
		profile_resize(profile_table_size / 2);
}

/* Is a sample of chance `before` also one of chance `after`? */
static bool profile_thins_out(double before, double after)
{
	return rng_unit(&profile_random_state) * before > after;
}

static void profile_thin_histogram(struct entry *entry)
{
	struct profile_cell *cell = &profile_cell_table[entry->cell];
	uint64_t interval = entry->intervals.histogram;
	struct sampler_weight weight;
	double after;

	if (interval == 0)
		return;
	weight = sampler_weigh(entry->bytes, entry->chance);
	profile_drop_live(cell, &weight);
	after = sampler_chance(entry->bytes, interval * 2);
	entry->intervals.histogram = 0;
	if (profile_thins_out(entry->chance, after))
		return;
	entry->intervals.histogram = interval * 2;
	entry->chance = after;
	weight = sampler_weigh(entry->bytes, after);
	profile_add_live(cell, &weight);
}

static void profile_thin_stack(struct entry *entry)
{
	uint64_t interval = entry->intervals.stack;
	struct sampler_weight before, after;
	double chance;
	bool out;

	if (interval == 0)
		return;
	chance = sampler_chance(entry->bytes, interval * 2);
	before = sampler_weigh(entry->bytes, entry->stack_chance);
	after = sampler_weigh(entry->bytes, chance);
	out = profile_thins_out(entry->stack_chance, chance);
	entry->intervals.stack = out ? 0 : interval * 2;
	entry->stack_chance = chance;
	profile_live_stacks -= out;
	site_reweigh(entry->site_cell, &before, out ? NULL : &after,
		     entry->birth_ns);
}

/* Keeps each entry with the chance that twice its interval would have given it.
 */
static void profile_thin(bool stacks)
{
	uint32_t at = 0;

	while (at < profile_table_size) {
		struct entry *entry = &profile_table[at];

		if (entry->address == 0) {
			at++;
			continue;
		}
		profile_thin_histogram(entry);
		if (stacks)
			profile_thin_stack(entry);
		/* When it goes another entry may move into the slot. A slot
		 * that wrapped around is thinned twice at worst. */
		if (entry->intervals.histogram == 0 &&
		    entry->intervals.stack == 0)
			profile_erase(at);
		else
			at++;
	}
}

static bool profile_make_room(void)
{
	if (profile_live * 4 < (uint64_t)profile_table_size * 3)
		return true;
	if (profile_enlarge())
		return true;
	if (profile_table_size == 0)
		return false;
	profile_thin(profile_live_stacks * 2 > profile_table_size);
	return profile_live * 8 < (uint64_t)profile_table_size * 7;
}

static void profile_end(const struct entry *entry, uint64_t now_ns)
{
	struct sampler_weight weight;

	if (entry->intervals.histogram != 0) {
		weight = sampler_weigh(entry->bytes, entry->chance);
		profile_drop_live(&profile_cell_table[entry->cell], &weight);
	}
	if (entry->intervals.stack != 0) {
		weight = sampler_weigh(entry->bytes, entry->stack_chance);
		site_free(entry->site_cell, &weight, entry->birth_ns, now_ns);
	}
}

/* A block that was freed behind our back (its header was overwritten) makes
 * room for the one that now lives at its place. */
static void profile_replace(const struct entry *entry)
{
	uint32_t at;

	if (profile_find(entry->address, &at)) {
		profile_end(&profile_table[at], entry->birth_ns);
		profile_erase(at);
	}
	profile_insert(entry);
}

/* The sample's part in the sums of its cell, and of its site. */
static void profile_add_histogram(struct entry *entry, unsigned class,
				  bool kept)
{
	struct profile_cell *cell;
	struct sampler_weight weight;

	entry->cell = profile_cell_of(entry->bytes, class);
	entry->chance =
		sampler_chance(entry->bytes, entry->intervals.histogram);
	cell = &profile_cell_table[entry->cell];
	if (entry->cell >= profile_cells_used)
		profile_cells_used = entry->cell + 1;
	weight = sampler_weigh(entry->bytes, entry->chance);
	profile_add_request(cell, &weight);
	if (kept)
		profile_add_live(cell, &weight);
}

static void profile_add_stack(struct entry *entry,
			      struct profile_sample *sample, bool kept)
{
	entry->stack_chance =
		sampler_chance(entry->bytes, entry->intervals.stack);
	sample->who.class = sample->class;
	sample->who.weight = sampler_weigh(entry->bytes, entry->stack_chance);
	entry->birth_ns = sample->who.now_ns;
	entry->site_cell = site_add(&sample->who, kept);
}

static bool profile_add_locked(const void *block, struct profile_sample *sample)
{
	struct entry entry = {
		.address = (uintptr_t)block,
		.bytes = sample->bytes,
		.intervals = sample->intervals,
	};
	bool kept = block && profile_make_room();

	if (sample->intervals.histogram != 0)
		profile_add_histogram(&entry, sample->class, kept);
	if (sample->intervals.stack != 0)
		profile_add_stack(&entry, sample, kept);
	if (kept)
		profile_replace(&entry);
	else
		profile_untracked_total++;
	return kept;
}

bool profile_add(const void *block, struct profile_sample *sample)
{
	bool kept;

	lock_acquire(&profile_lock, LOCK_PROFILE);
	kept = profile_add_locked(block, sample);
	lock_release(&profile_lock, LOCK_PROFILE);
	return kept;
}

void profile_count(struct profile_sample *sample)
{
	lock_acquire(&profile_lock, LOCK_PROFILE);
	profile_add_locked(NULL, sample);
	lock_release(&profile_lock, LOCK_PROFILE);
}

bool profile_remove(const void *block, uint64_t (*clock_ns)(void))
{
	struct entry entry;
	uint32_t at;
	bool found;

	lock_acquire(&profile_lock, LOCK_PROFILE);
	found = profile_find((uintptr_t)block, &at);
	if (found) {
		entry = profile_table[at];
		profile_erase(at);
		profile_shrink();
		profile_end(&entry,
			    entry.intervals.stack != 0 ? clock_ns() : 0);
	}
	lock_release(&profile_lock, LOCK_PROFILE);
	return found;
}

bool profile_cell(unsigned index, struct profile_cell *out)
{
	bool used;

	lock_acquire(&profile_lock, LOCK_PROFILE);
	used = index < profile_cells_used;
	if (used)
		*out = profile_cell_table[index];
	lock_release(&profile_lock, LOCK_PROFILE);
	return used;
}

struct profile_place profile_place(unsigned index)
{
	return profile_places[index];
}

unsigned profile_cells(void)
{
	return profile_cell_count;
}

uint64_t profile_live_samples(void)
{
	return peek64(&profile_live);
}

uint64_t profile_untracked(void)
{
	return peek64(&profile_untracked_total);
}

size_t profile_bytes(void)
{
	return peek32(&profile_table_size) * sizeof(struct entry);
}
