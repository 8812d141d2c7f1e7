#include "libhakmem/profile/site.h"

#include "libhakmem/base/lock.h"
#include "libhakmem/base/meta.h"

#include <string.h>

#define STEP	     64u
#define SPECIALS     (STACKSET_FIRST - 1) /* sites 1 and 2 */
#define SPECIAL_LAST (SPECIALS * SITE_CLASSES)
#define WORDS	     (SITE_MAX / 64 + 1)
#define THREAD_BITS  128u

struct site {
	uint64_t first_ns, last_ns;
	uint64_t threads[THREAD_BITS / 64]; /* by number, modulo their count */
	uint32_t thread;
	uint32_t cells; /* first of its list; 0: none */
	char name[16];
};

struct cell {
	struct site_class figures; /* its peak is what was saved */
	uint64_t saved;		   /* epoch of that */
	uint32_t site;
	uint32_t next; /* of the same site; 0: none */
};

struct lock site_lock;
static struct site site_first_sites[STEP]; /* the special ones always exist */
static struct site *site_sites[SITE_MAX / STEP + 1] = {site_first_sites};

/* Cells 1 .. SPECIAL_LAST are those of the special sites. */
static struct cell site_special[SPECIAL_LAST];
static struct cell *site_cells[SITE_CELLS_MAX / STEP];
static uint32_t site_cells_used;

/* By site and class, where to look first: a site has a cell for each size class
 * it asks for, which may be a hundred. Cells are never given up. */
static uint32_t site_found[512];

static struct site_totals site_sums;
static uint64_t site_epoch = 1;

/* What the reader has not had, a bit a site. `peaked`: it was told a peak that
 * was saved, which the next epoch replaces by what lives. */
static uint64_t site_changed[WORDS], site_stack_read[WORDS], site_peaked[WORDS];
static uint64_t site_read_epoch;

static void site_set_bit(uint64_t *bits, uint32_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

static void site_clear_bit(uint64_t *bits, uint32_t at)
{
	bits[at / 64] &= ~(UINT64_C(1) << at % 64);
}

static bool site_bit(const uint64_t *bits, uint32_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

/* Memory for the `at`-th of things that are taken in steps; NULL: refused. */
static void *site_step(void *known, size_t size)
{
	return known ? known : meta_alloc(STEP * size);
}

static bool site_make(uint32_t id)
{
	site_sites[id / STEP] =
		site_step(site_sites[id / STEP], sizeof(struct site));
	return site_sites[id / STEP] != NULL;
}

static struct site *site_of(uint32_t id)
{
	return &site_sites[id / STEP][id % STEP];
}

static struct cell *site_cell_of(uint32_t number)
{
	uint32_t at = number - 1;

	if (at < SPECIAL_LAST)
		return &site_special[at];
	at -= SPECIAL_LAST;
	return &site_cells[at / STEP][at % STEP];
}

uint32_t site_intern(const struct frames *stack)
{
	uint32_t id;

	if (stack->count == 0)
		return SITE_NO_STACK;
	lock_acquire(&site_lock, LOCK_SITE);
	id = stackset_intern(stack);
	if (id != 0 && !site_make(id))
		id = 0;
	lock_release(&site_lock, LOCK_SITE);
	return id != 0 ? id : SITE_OVERFLOW;
}

/* A fresh cell for `class` at the head of the site's list; 0: no room. */
static uint32_t site_new_cell(struct site *site, uint32_t id, unsigned class)
{
	uint32_t at = site_cells_used, number = SPECIAL_LAST + 1 + at;
	struct cell *cell;

	if (id < STACKSET_FIRST) {
		number = 1 + (id - 1) * SITE_CLASSES + class;
	} else {
		if (at == SITE_CELLS_MAX)
			return 0;
		site_cells[at / STEP] =
			site_step(site_cells[at / STEP], sizeof(*cell));
		if (!site_cells[at / STEP])
			return 0;
		site_cells_used++;
	}
	cell = site_cell_of(number);
	cell->figures.class = class;
	cell->site = id;
	cell->next = site->cells;
	site->cells = number;
	return number;
}

static bool site_is_cell(uint32_t number, uint32_t id, unsigned class)
{
	const struct cell *cell = site_cell_of(number);

	return cell->figures.class == class && cell->site == id;
}

static uint32_t site_find_cell(uint32_t id, unsigned class)
{
	uint32_t *at = &site_found[(id * 37 + class) %
				   (sizeof(site_found) / sizeof(*site_found))];
	uint32_t number = *at;

	if (number != 0 && site_is_cell(number, id, class))
		return number;
	number = site_of(id)->cells;
	while (number != 0 && !site_is_cell(number, id, class))
		number = site_cell_of(number)->next;
	*at = number;
	return number;
}

/* The cell of a sample; that of the overflow site when there is no room. */
static uint32_t site_claim_cell(uint32_t id, unsigned class)
{
	uint32_t number = site_find_cell(id, class);

	if (number == 0)
		number = site_new_cell(site_of(id), id, class);
	return number != 0 ? number : site_claim_cell(SITE_OVERFLOW, class);
}

static void site_note_thread(const struct site_sample *sample, uint32_t id)
{
	struct site *site = site_of(id);
	size_t length = strnlen(sample->name, sizeof(site->name) - 1);

	if (site->first_ns == 0)
		site->first_ns = sample->now_ns;
	site->last_ns = sample->now_ns;
	site->thread = sample->thread;
	site_set_bit(site->threads,
		     (uint32_t)(sample->thread_number % THREAD_BITS));
	memcpy(site->name, sample->name, length);
	site->name[length] = '\0';
}

static void site_live_is_peak(struct site_class *figures)
{
	figures->peak_objects = figures->live_objects;
	figures->peak_objects_var = figures->live_objects_var;
	figures->peak_bytes = figures->live_bytes;
	figures->peak_bytes_var = figures->live_bytes_var;
}

/* Before a cell's live sums change. */
static void site_save_peak(struct cell *cell)
{
	if (cell->saved == site_epoch)
		return;
	cell->saved = site_epoch;
	site_live_is_peak(&cell->figures);
}

static void site_add_live(struct site_class *to,
			  const struct sampler_weight *weight,
			  uint64_t birth_ns, double sign)
{
	double birth = (double)birth_ns * 1e-9;

	to->live_objects += sign * weight->objects;
	to->live_objects_var += sign * weight->objects_var;
	to->live_bytes += sign * weight->bytes;
	to->live_bytes_var += sign * weight->bytes_var;
	to->birth_seconds += sign * weight->bytes * birth;
	site_sums.live_bytes += sign * weight->bytes;
}

/* Rounding errors of hours end where nothing lives. */
static void site_drop_live(struct site_class *from)
{
	if (--site_sums.live_samples == 0)
		site_sums.live_bytes = 0;
	if (--from->live_samples != 0)
		return;
	from->live_objects = from->live_objects_var = 0;
	from->live_bytes = from->live_bytes_var = 0;
	from->birth_seconds = 0;
}

static void site_note_peak(void)
{
	if (site_sums.live_bytes <= site_sums.peak_bytes)
		return;
	site_sums.peak_bytes = site_sums.live_bytes;
	site_epoch++;
}

static void site_add_alloc(struct site_class *to,
			   const struct sampler_weight *weight)
{
	to->samples++;
	to->alloc_objects += weight->objects;
	to->alloc_objects_var += weight->objects_var;
	to->alloc_bytes += weight->bytes;
	to->alloc_bytes_var += weight->bytes_var;
}

uint32_t site_add(const struct site_sample *sample, bool live)
{
	struct site_class *figures;
	struct cell *cell;
	uint32_t number;

	lock_acquire(&site_lock, LOCK_SITE);
	number = site_claim_cell(sample->site, sample->class);
	cell = site_cell_of(number);
	figures = &cell->figures;
	site_note_thread(sample, cell->site);
	site_add_alloc(figures, &sample->weight);
	site_sums.samples++;
	site_sums.no_stack += cell->site == SITE_NO_STACK;
	site_sums.overflow += cell->site == SITE_OVERFLOW;
	if (live) {
		site_save_peak(cell);
		figures->live_samples++;
		site_sums.live_samples++;
		site_add_live(figures, &sample->weight, sample->now_ns, 1.0);
		if (figures->live_bytes > figures->highest_bytes)
			figures->highest_bytes = figures->live_bytes;
		site_note_peak();
	}
	site_set_bit(site_changed, cell->site);
	lock_release(&site_lock, LOCK_SITE);
	return number;
}

void site_free(uint32_t number, const struct sampler_weight *weight,
	       uint64_t birth_ns, uint64_t now_ns)
{
	uint64_t age = now_ns > birth_ns ? now_ns - birth_ns : 0;
	struct cell *cell;

	lock_acquire(&site_lock, LOCK_SITE);
	cell = site_cell_of(number);
	site_save_peak(cell);
	site_add_live(&cell->figures, weight, birth_ns, -1.0);
	site_drop_live(&cell->figures);
	cell->figures.lifetimes[ages_index(age)] += weight->objects;
	site_set_bit(site_changed, cell->site);
	lock_release(&site_lock, LOCK_SITE);
}

void site_reweigh(uint32_t number, const struct sampler_weight *before,
		  const struct sampler_weight *after, uint64_t birth_ns)
{
	struct cell *cell;

	lock_acquire(&site_lock, LOCK_SITE);
	cell = site_cell_of(number);
	site_save_peak(cell);
	site_add_live(&cell->figures, before, birth_ns, -1.0);
	if (after)
		site_add_live(&cell->figures, after, birth_ns, 1.0);
	else
		site_drop_live(&cell->figures);
	site_set_bit(site_changed, cell->site);
	lock_release(&site_lock, LOCK_SITE);
}

void site_totals(struct site_totals *out)
{
	lock_acquire(&site_lock, LOCK_SITE);
	*out = site_sums;
	out->sites = stackset_end() - STACKSET_FIRST + SPECIALS;
	lock_release(&site_lock, LOCK_SITE);
}

void site_unread_all(void)
{
	lock_acquire(&site_lock, LOCK_SITE);
	memset(site_stack_read, 0, sizeof(site_stack_read));
	for (uint32_t id = 1; id < stackset_end(); id++)
		if (site_sites[id / STEP] &&
		    site_sites[id / STEP][id % STEP].cells)
			site_set_bit(site_changed, id);
	lock_release(&site_lock, LOCK_SITE);
}

/* A new peak changes the sites that are not what they were at the last. */
static void site_notice_epoch(void)
{
	if (site_read_epoch == site_epoch)
		return;
	site_read_epoch = site_epoch;
	for (unsigned i = 0; i < WORDS; i++)
		site_changed[i] |= site_peaked[i];
	memset(site_peaked, 0, sizeof(site_peaked));
}

/* The first changed site from `from` on, else 0. */
static uint32_t site_next_changed(uint32_t from)
{
	uint64_t left = site_changed[from / 64] >> from % 64;
	uint32_t word = from / 64;

	if (left)
		return from + (uint32_t)__builtin_ctzll(left);
	while (++word < WORDS)
		if (site_changed[word])
			return word * 64 +
			       (uint32_t)__builtin_ctzll(site_changed[word]);
	return 0;
}

static unsigned site_copy_classes(uint32_t id, const struct site *site,
				  struct site_class classes[SITE_CLASSES])
{
	unsigned count = 0;

	for (uint32_t at = site->cells; at != 0 && count < SITE_CLASSES;
	     at = site_cell_of(at)->next) {
		const struct cell *cell = site_cell_of(at);
		struct site_class *out = &classes[count++];

		*out = cell->figures;
		if (cell->saved == site_epoch)
			site_set_bit(site_peaked, id);
		else
			site_live_is_peak(out);
	}
	return count;
}

static void site_copy(uint32_t id, struct site_view *out,
		      struct site_class classes[SITE_CLASSES])
{
	const struct site *site = site_of(id);
	uint32_t threads = 0;

	for (unsigned i = 0; i < THREAD_BITS / 64; i++)
		threads += (uint32_t)__builtin_popcountll(site->threads[i]);
	*out = (struct site_view){
		.id = id,
		.with_stack = !site_bit(site_stack_read, id),
		.first_ns = site->first_ns,
		.last_ns = site->last_ns,
		.thread = site->thread,
		.threads = threads < THREAD_BITS ? threads : 255,
		.classes = site_copy_classes(id, site, classes),
	};
	if (out->with_stack && id >= STACKSET_FIRST)
		out->stack = stackset_get(id);
	memcpy(out->name, site->name, sizeof(out->name) - 1);
}

bool site_read(uint32_t *cursor, struct site_view *out,
	       struct site_class classes[SITE_CLASSES])
{
	uint32_t id;

	lock_acquire(&site_lock, LOCK_SITE);
	site_notice_epoch();
	id = site_next_changed(*cursor < SITE_MAX ? *cursor : 0);
	if (id == 0)
		id = site_next_changed(0);
	if (id != 0) {
		site_copy(id, out, classes);
		site_clear_bit(site_changed, id);
		site_set_bit(site_stack_read, id);
		*cursor = id + 1;
	}
	lock_release(&site_lock, LOCK_SITE);
	return id != 0;
}

void site_unread(const struct site_view *view)
{
	lock_acquire(&site_lock, LOCK_SITE);
	site_set_bit(site_changed, view->id);
	if (view->with_stack)
		site_clear_bit(site_stack_read, view->id);
	lock_release(&site_lock, LOCK_SITE);
}
