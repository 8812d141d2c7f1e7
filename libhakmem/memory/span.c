#include "libhakmem/memory/span.h"

#include "libhakmem/base/lock.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/base/vm.h"

/* Runs of 1..EXACT units have a bin each, longer ones one per doubling. */
#define EXACT 32u
#define BINS  (EXACT + 32u)

/* Above this much dirty memory, and a quarter of what is committed, a free
 * purges at once instead of waiting for a tick. The next one before that tick
 * waits for twice as much: large blocks that come and go are mostly untouched,
 * and purging them again and again costs more than they hold. */
#define DIRTY_MAX  (64 * MIB)
#define DIRTY_MOST ((size_t)512 * MIB)

#define PURGE_BATCH 64u

struct bins {
	struct unit *first[BINS];
	uint64_t used; /* bit per bin that is not empty */
};
_Static_assert(BINS <= 64, "one bit each");

struct lock span_lock;
static struct bins span_bins[ARENA_ZONES][2]; /* clean, dirty */
static uint64_t span_dirty_units;
static uint32_t span_now_tick;
static size_t span_dirty_max = DIRTY_MAX;

static unsigned span_bin_of(size_t units)
{
	if (units <= EXACT)
		return (unsigned)units - 1;
	return EXACT - 1 + (unsigned)(63 - __builtin_clzl(units)) - 4;
}

static void span_list_insert(struct unit *run)
{
	struct bins *in = &span_bins[arena_zone_of(run)][run->dirty];
	unsigned bin = span_bin_of(run->units);

	run->prev = NULL;
	run->next = in->first[bin];
	if (run->next)
		run->next->prev = run;
	in->first[bin] = run;
	in->used |= (uint64_t)1 << bin;
	if (run->dirty)
		span_dirty_units += run->units;
}

static void span_list_remove(struct unit *run)
{
	struct bins *in = &span_bins[arena_zone_of(run)][run->dirty];
	unsigned bin = span_bin_of(run->units);

	if (run->next)
		run->next->prev = run->prev;
	if (run->prev)
		run->prev->next = run->next;
	else if (!(in->first[bin] = run->next))
		in->used &= ~((uint64_t)1 << bin);
	if (run->dirty)
		span_dirty_units -= run->units;
}

/* Makes units [run, run+units) one free run and lists it. */
static void span_make_free(struct unit *run, size_t units, bool dirty,
			   uint32_t tick)
{
	struct unit *last = run + units - 1;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is not */
	last->state = UNIT_FREE;
	last->units = (uint32_t)units;
	run->state = UNIT_FREE;
	run->units = (uint32_t)units;
	run->dirty = dirty;
	run->tick = tick;
	span_list_insert(run);
}

/* Takes a free run off its list and clears its ends. */
static void span_take_free(struct unit *run)
{
	span_list_remove(run);
	run[run->units - 1].state = UNIT_NONE;
	run->state = UNIT_NONE;
}

static struct unit *span_zone_end(enum arena_zone zone)
{
	return arena_zone_units(zone) +
	       (arena.committed[zone] >> ARENA_UNIT_SHIFT);
}

/* The free run of the same kind that ends just before `unit`, or NULL. */
static struct unit *span_run_before(struct unit *unit, bool dirty)
{
	struct unit *run;

	if (unit == arena_zone_units(arena_zone_of(unit)) ||
	    peek8(&unit[-1].state) != UNIT_FREE)
		return NULL;
	run = unit - unit[-1].units;
	return run->dirty == dirty ? run : NULL;
}

/* The clean run at the end of the zone, or NULL. */
static struct unit *span_last_run(enum arena_zone zone)
{
	return arena.committed[zone]
		       ? span_run_before(span_zone_end(zone), false)
		       : NULL;
}

static struct unit *span_run_after(struct unit *unit, size_t units)
{
	struct unit *run = unit + units;

	if (run == span_zone_end(arena_zone_of(unit)) ||
	    peek8(&run->state) != UNIT_FREE)
		return NULL;
	return run;
}

/* Like span_make_free, but merged with neighbors of the same kind. */
static void span_merge_free(struct unit *run, size_t units, bool dirty,
			    uint32_t tick)
{
	struct unit *before = span_run_before(run, dirty);
	struct unit *after = span_run_after(run, units);

	if (after && after->dirty == dirty) {
		units += after->units;
		span_take_free(after);
	}
	if (before) {
		units += before->units;
		span_take_free(before);
		run = before;
	}
	span_make_free(run, units, dirty, tick);
}

static struct unit *span_find(enum arena_zone zone, bool dirty, size_t units)
{
	struct bins *in = &span_bins[zone][dirty];
	unsigned bin = span_bin_of(units);
	uint64_t larger;

	for (struct unit *run = in->first[bin]; run; run = run->next)
		if (run->units >= units)
			return run;
	larger = bin + 1 < BINS ? in->used >> (bin + 1) << (bin + 1) : 0;
	return larger ? in->first[__builtin_ctzll(larger)] : NULL;
}

/* Cuts `units` from a free run, `skip` units from its start. */
static struct unit *span_cut_from(struct unit *run, size_t skip, size_t units)
{
	struct unit *span = run + skip;
	size_t rest = run->units - skip - units;
	bool dirty = run->dirty;
	uint32_t tick = run->tick;

	span_take_free(run);
	if (rest)
		span_make_free(span + units, rest, dirty, tick);
	if (skip)
		span_make_free(run, skip, dirty, tick);
	span->units = (uint32_t)units;
	return span;
}

static struct unit *span_cut(struct unit *run, size_t units)
{
	return span_cut_from(run, 0, units);
}

static bool span_grow(enum arena_zone zone, size_t units)
{
	struct unit *end = span_zone_end(zone);
	struct unit *before =
		arena.committed[zone] ? span_run_before(end, false) : NULL;
	size_t short_by = units - (before ? before->units : 0);
	size_t got = arena_grow(zone, short_by);

	if (got == 0)
		return false;
	span_merge_free(end, got, false, 0);
	return true;
}

/* Unlinks up to PURGE_BATCH dirty runs older than `tick` to `out`. */
static unsigned span_take_old(uint32_t tick, struct unit *out[PURGE_BATCH])
{
	unsigned count = 0;

	for (int zone = 0; zone < ARENA_ZONES; zone++) {
		uint64_t used = span_bins[zone][1].used;

		for (; used; used &= used - 1) {
			struct unit *run, *next;

			run = span_bins[zone][1].first[__builtin_ctzll(used)];
			for (; run && count < PURGE_BATCH; run = next) {
				next = run->next;
				if ((int32_t)(tick - run->tick) <= 0)
					continue;
				span_take_free(run);
				out[count++] = run;
			}
		}
	}
	return count;
}

size_t span_purge(uint32_t tick)
{
	struct unit *taken[PURGE_BATCH];
	bool clean[PURGE_BATCH];
	size_t purged = 0;
	unsigned count;

	do {
		lock_acquire(&span_lock, LOCK_SPAN);
		count = span_take_old(tick, taken);
		lock_release(&span_lock, LOCK_SPAN);
		for (unsigned i = 0; i < count; i++) {
			size_t bytes = (size_t)taken[i]->units
				       << ARENA_UNIT_SHIFT;

			clean[i] = vm_purge(arena_address(taken[i]), bytes);
			purged += clean[i] ? bytes : 0;
		}
		lock_acquire(&span_lock, LOCK_SPAN);
		for (unsigned i = 0; i < count; i++)
			span_merge_free(taken[i], taken[i]->units, !clean[i],
					peek32(&span_now_tick));
		lock_release(&span_lock, LOCK_SPAN);
	} while (count == PURGE_BATCH && purged != 0);
	stats_add(FIGURE_RETURNED_BYTES, purged);
	return purged;
}

size_t span_purge_all(void)
{
	return span_purge(peek32(&span_now_tick) + 1);
}

void span_release_ends(void)
{
	span_purge_all();
	lock_acquire(&span_lock, LOCK_SPAN);
	for (int zone = 0; zone < ARENA_ZONES; zone++) {
		struct unit *last = span_last_run((enum arena_zone)zone);
		size_t units = last ? last->units : 0;

		if (!last)
			continue;
		span_take_free(last);
		if (!arena_shrink(zone, units))
			span_make_free(last, units, false, 0);
	}
	lock_release(&span_lock, LOCK_SPAN);
}

void span_set_tick(uint32_t tick)
{
	lock_acquire(&span_lock, LOCK_SPAN);
	__atomic_store_n(&span_now_tick, tick, __ATOMIC_RELAXED);
	span_dirty_max = DIRTY_MAX;
	lock_release(&span_lock, LOCK_SPAN);
}

static struct unit *span_take_fit(enum arena_zone zone, size_t units)
{
	struct unit *run = span_find(zone, true, units);

	return run ? run : span_find(zone, false, units);
}

struct unit *span_alloc(enum arena_zone zone, size_t units, bool *zeroed)
{
	struct unit *run;

	lock_acquire(&span_lock, LOCK_SPAN);
	run = span_take_fit(zone, units);
	if (!run && span_dirty_units >= units) {
		/* Purged runs merge with clean neighbors. */
		lock_release(&span_lock, LOCK_SPAN);
		span_purge_all();
		lock_acquire(&span_lock, LOCK_SPAN);
		run = span_take_fit(zone, units);
	}
	if (!run && span_grow(zone, units))
		run = span_take_fit(zone, units);
	if (run) {
		if (zeroed)
			*zeroed = !run->dirty;
		run = span_cut(run, units);
	}
	lock_release(&span_lock, LOCK_SPAN);
	return run;
}

static bool span_too_dirty(void)
{
	size_t committed = arena.committed[0] + arena.committed[1];

	if (span_dirty_units << ARENA_UNIT_SHIFT <=
	    max_size(span_dirty_max, committed / 4))
		return false;
	span_dirty_max = min_size(span_dirty_max * 2, DIRTY_MOST);
	return true;
}

void span_free(struct unit *span)
{
	bool purge;

	lock_acquire(&span_lock, LOCK_SPAN);
	span->state = UNIT_NONE;
	span_merge_free(span, span->units, true, peek32(&span_now_tick));
	purge = span_too_dirty();
	lock_release(&span_lock, LOCK_SPAN);
	if (unlikely(purge))
		span_purge_all();
}

/* Units that are free between a span and the next one, at most `want`; the zone
 * grows if it ends there. */
static size_t span_free_behind(struct unit *span, size_t want)
{
	enum arena_zone zone = arena_zone_of(span);
	struct unit *at = span + span->units;
	size_t have = 0;

	struct unit *run;

	while (have < want && (run = span_run_after(at, have)))
		have += run->units;
	if (have < want && at + have == span_zone_end(zone)) {
		run = span_last_run(zone);
		if (span_grow(zone, want - have + (run ? run->units : 0)))
			have = want;
	}
	return min_size(have, want);
}

static bool span_extend_into(struct unit *span, size_t units)
{
	size_t more = units - span->units;
	bool done = span_free_behind(span, more) == more;
	struct unit *run;

	while (done && more > 0 && (run = span_run_after(span, span->units))) {
		size_t some = min_size(run->units, more);

		span_cut(run, some);
		span->units += (uint32_t)some;
		more -= some;
	}
	return done;
}

bool span_extend(struct unit *span, size_t units)
{
	bool done;

	lock_acquire(&span_lock, LOCK_SPAN);
	done = span_extend_into(span, units);
	lock_release(&span_lock, LOCK_SPAN);
	return done;
}

/* Where all is free from there to the end of the zone, or NULL. */
static struct unit *span_last_free(enum arena_zone zone)
{
	struct unit *end = span_zone_end(zone), *run = NULL, *before;

	if (arena.committed[zone] == 0)
		return NULL;
	while ((before = span_run_before(end, true)) ||
	       (before = span_run_before(end, false)))
		end = run = before;
	return run;
}

/* Units left free before a span that is to grow: what else is wanted meanwhile
 * comes from there and not from behind it. */
#define GAP 16u

struct unit *span_alloc_last(enum arena_zone zone, size_t units)
{
	struct unit *run, *span = NULL;

	lock_acquire(&span_lock, LOCK_SPAN);
	run = span_last_free(zone);
	if (!run && span_grow(zone, units + GAP))
		run = span_last_free(zone);
	if (run) {
		size_t skip = run->units > GAP ? GAP : 0;

		span = span_cut_from(run, skip,
				     min_size(units, run->units - skip));
		if (!span_extend_into(span, units)) {
			span_merge_free(span, span->units, true,
					peek32(&span_now_tick));
			span = NULL;
		}
	}
	lock_release(&span_lock, LOCK_SPAN);
	return span;
}

void span_shrink(struct unit *span, size_t units)
{
	size_t rest = span->units - units;

	lock_acquire(&span_lock, LOCK_SPAN);
	span->units = (uint32_t)units;
	span_merge_free(span + units, rest, true, peek32(&span_now_tick));
	lock_release(&span_lock, LOCK_SPAN);
}

size_t span_dirty_bytes(void)
{
	return peek64(&span_dirty_units) << ARENA_UNIT_SHIFT;
}
