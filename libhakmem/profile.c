#include "libhakmem/profile.h"

#include "libhakmem/lock.h"
#include "libhakmem/meta.h"
#include "libhakmem/rng.h"
#include "libhakmem/sampler.h"

#define TABLE_FIRST 1024u
#define TABLE_MAX   65536u

/* A live sample; address 0 is an empty slot. */
struct entry {
	uintptr_t address;
	uint64_t mean;
	uint32_t bytes;
	uint32_t cell;
};

static struct lock lock;
static struct profile_cell cells[PROFILE_CELLS];
static uint16_t first_cell[SIZECLASS_MAX];
static unsigned cell_count;
static struct entry *table;
static uint32_t table_size; /* a power of two */
static uint64_t live;
static uint64_t untracked;
static uint64_t random_state;

void profile_init(uint64_t random)
{
	random_state = random | 1;
	cell_count = 0;
	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *class = &sizeclass_table[i];
		uint32_t last = bins_index(class->high);

		first_cell[i] = (uint16_t)cell_count;
		for (uint32_t bin = bins_index(class->low); bin <= last; bin++)
			cells[cell_count++] = (struct profile_cell){
				.class = (uint16_t)i, .bin = (uint16_t)bin};
	}
}

static unsigned cell_of(size_t bytes, unsigned class)
{
	const struct sizeclass *info = &sizeclass_table[class];

	/* An aligned request may be smaller than its class's range. */
	if (bytes < info->low)
		bytes = info->low;
	return first_cell[class] + bins_index(bytes) - bins_index(info->low);
}

static void add_live(struct profile_cell *cell, const struct entry *entry,
		     double sign)
{
	double p = sampler_chance(entry->bytes, entry->mean);

	cell->live_objects += sign / p;
	cell->live_objects_var += sign * (1.0 - p) / (p * p);
	cell->live_bytes += sign * entry->bytes / p;
}

static void add_request(struct profile_cell *cell, size_t bytes, uint64_t mean)
{
	double p = sampler_chance(bytes, mean);

	cell->samples++;
	cell->objects += 1.0 / p;
	cell->objects_var += (1.0 - p) / (p * p);
	cell->bytes += (double)bytes / p;
}

static uint32_t slot_of(uintptr_t address)
{
	return (uint32_t)((address >> 4) * 0x9E3779B97F4A7C15u >> 40) &
	       (table_size - 1);
}

static void insert(const struct entry *entry)
{
	uint32_t at = slot_of(entry->address);

	while (table[at].address != 0)
		at = (at + 1) & (table_size - 1);
	table[at] = *entry;
	live++;
}

/* Empties a slot and moves later entries of its run up (no tombstones). */
static void erase(uint32_t at)
{
	uint32_t hole = at, look = at;

	live--;
	for (;;) {
		uint32_t home;

		look = (look + 1) & (table_size - 1);
		if (table[look].address == 0)
			break;
		home = slot_of(table[look].address);
		if (((look - home) & (table_size - 1)) <
		    ((look - hole) & (table_size - 1)))
			continue;
		table[hole] = table[look];
		hole = look;
	}
	table[hole].address = 0;
}

static bool find(uintptr_t address, uint32_t *at)
{
	if (table_size == 0)
		return false;
	*at = slot_of(address);
	while (table[*at].address != 0) {
		if (table[*at].address == address)
			return true;
		*at = (*at + 1) & (table_size - 1);
	}
	return false;
}

static bool enlarge(void)
{
	uint32_t old_size = table_size;
	struct entry *old = table;
	uint32_t size = old_size ? old_size * 2 : TABLE_FIRST;
	struct entry *fresh = meta_alloc(size * sizeof(*fresh));

	if (!fresh)
		return false;
	table = fresh;
	table_size = size;
	live = 0;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].address != 0)
			insert(&old[i]);
	return true;
}

/* Keeps each entry with the chance that twice its mean would have given it. */
static void thin(void)
{
	uint32_t at = 0;

	while (at < table_size) {
		struct entry *entry = &table[at];
		struct profile_cell *cell = &cells[entry->cell];
		double before, after;

		if (entry->address == 0) {
			at++;
			continue;
		}
		before = sampler_chance(entry->bytes, entry->mean);
		after = sampler_chance(entry->bytes, entry->mean * 2);
		add_live(cell, entry, -1.0);
		if (rng_unit(&random_state) * before > after) {
			/* Another entry may have moved into the slot. A slot
			 * that wrapped around is thinned twice at worst. */
			erase(at);
			continue;
		}
		entry->mean *= 2;
		add_live(cell, entry, 1.0);
		at++;
	}
}

static bool make_room(void)
{
	if (live * 4 < (uint64_t)table_size * 3)
		return true;
	if (table_size < TABLE_MAX && enlarge())
		return true;
	if (table_size == 0)
		return false;
	thin();
	return live * 8 < (uint64_t)table_size * 7;
}

bool profile_add(const void *block, size_t bytes, unsigned class, uint64_t mean)
{
	struct entry entry = {
		.address = (uintptr_t)block,
		.mean = mean,
		.bytes = (uint32_t)bytes,
		.cell = cell_of(bytes, class),
	};
	bool kept;

	lock_acquire(&lock, LOCK_PROFILE);
	add_request(&cells[entry.cell], bytes, mean);
	kept = make_room();
	if (kept) {
		insert(&entry);
		add_live(&cells[entry.cell], &entry, 1.0);
	} else {
		untracked++;
	}
	lock_release(&lock, LOCK_PROFILE);
	return kept;
}

void profile_count(size_t bytes, unsigned class, uint64_t mean)
{
	lock_acquire(&lock, LOCK_PROFILE);
	add_request(&cells[cell_of(bytes, class)], bytes, mean);
	untracked++;
	lock_release(&lock, LOCK_PROFILE);
}

bool profile_remove(const void *block)
{
	uint32_t at;
	bool found;

	lock_acquire(&lock, LOCK_PROFILE);
	found = find((uintptr_t)block, &at);
	if (found) {
		add_live(&cells[table[at].cell], &table[at], -1.0);
		erase(at);
	}
	lock_release(&lock, LOCK_PROFILE);
	return found;
}

bool profile_cell(unsigned index, struct profile_cell *out)
{
	if (index >= cell_count)
		return false;
	lock_acquire(&lock, LOCK_PROFILE);
	*out = cells[index];
	lock_release(&lock, LOCK_PROFILE);
	return true;
}

unsigned profile_cells(void)
{
	return cell_count;
}

uint64_t profile_live_samples(void)
{
	return peek64(&live);
}

uint64_t profile_untracked(void)
{
	return peek64(&untracked);
}

void profile_lock(void)
{
	lock_fork_acquire(&lock, LOCK_PROFILE);
}

void profile_unlock(void)
{
	lock_fork_release(&lock, LOCK_PROFILE);
}

void profile_reset(void)
{
	lock_reset(&lock);
}
