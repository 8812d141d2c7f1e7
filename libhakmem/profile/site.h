/*
 * Sites: who allocates. A site is a stack; what its samples say is kept per
 * size class, in cells, as the unbiased sums of sampler_weigh.
 *
 *   site --cells--> cell (class 7) --> cell (class 12) --> ...
 *
 * Fixed memory, taken from meta in steps: SITE_MAX sites and SITE_CELLS_MAX
 * cells. Samples without a stack go to SITE_NO_STACK, those that find no room
 * to SITE_OVERFLOW; these two always have their cells.
 *
 * The peak snapshot costs a constant time per sample: `epoch` counts how often
 * the estimate of all live bytes reached a new maximum, and a cell that is
 * about to change for the first time in an epoch first saves what it had. So a
 * cell at the peak is what it saved in this epoch, or else what it is.
 *
 * One lock, of a higher rank than profile's; never held while unwinding. Any
 * thread; errno is kept.
 */
#ifndef LIBHAKMEM_SITE_H
#define LIBHAKMEM_SITE_H

#include "libhakmem/base/lock.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/sizeclass.h"
#include "libhakmem/profile/stackset.h"
#include "proto/ages.h"

#define SITE_NO_STACK  1u
#define SITE_OVERFLOW  2u
#define SITE_MAX       (STACKSET_FIRST + STACKSET_MAX) /* ids lie below */
#define SITE_CELLS_MAX 32768u

/* The class of large blocks; others are indices of sizeclass_table. */
#define SITE_CLASS_LARGE SIZECLASS_MAX
#define SITE_CLASSES	 (SIZECLASS_MAX + 1)

/* A sample, as its site sees it. */
struct site_sample {
	uint32_t site;
	unsigned class;
	struct sampler_weight weight;
	uint64_t now_ns;
	uint64_t thread_number; /* counts threads from 1 */
	uint32_t thread;	/* the kernel's id */
	const char *name;	/* at most 15 bytes */
};

/* What one site did in one class: SiteClass of the protocol. */
struct site_class {
	unsigned class;
	uint64_t samples, live_samples;
	double alloc_objects, alloc_objects_var, alloc_bytes, alloc_bytes_var;
	double live_objects, live_objects_var, live_bytes, live_bytes_var;
	double peak_objects, peak_objects_var, peak_bytes, peak_bytes_var;
	double highest_bytes;
	double birth_seconds; /* sum of live bytes x time of birth */
	double lifetimes[AGES_COUNT];
};

struct site_view {
	uint32_t id;
	bool with_stack; /* the reader has not had it yet; `stack` is valid */
	struct frames stack;
	uint64_t first_ns, last_ns;
	uint32_t thread;
	uint32_t threads; /* 255: more than 127 */
	char name[16];
	unsigned classes;
};

struct site_totals {
	uint64_t samples, live_samples;
	uint64_t no_stack, overflow; /* samples of the two special sites */
	uint64_t sites;		     /* in use */
	double live_bytes;
	double peak_bytes; /* live_bytes at its highest */
};

/* The site of a stack; SITE_NO_STACK when it is empty, SITE_OVERFLOW when there
 * is no room. */
uint32_t site_intern(const struct frames *stack);

/* Adds a sample to the sums, to the live ones only if it will be freed. Returns
 * its cell for the functions below. */
uint32_t site_add(const struct site_sample *sample, bool live);

/* A live sample of `cell` ended, with what it had added and its birth. */
void site_free(uint32_t cell, const struct sampler_weight *weight,
	       uint64_t birth_ns, uint64_t now_ns);

/* A live sample now weighs `after`, NULL: is no longer followed. */
void site_reweigh(uint32_t cell, const struct sampler_weight *before,
		  const struct sampler_weight *after, uint64_t birth_ns);

void site_totals(struct site_totals *out);

/* A reader that knows nothing: every site has changed, no stack was read. */
void site_unread_all(void);

/*
 * Copies the next site that changed since it was last read, from *cursor on
 * round all of them, and up to SITE_CLASSES of its classes. False when none
 * has changed. One reader at a time (publish).
 */
bool site_read(uint32_t *cursor, struct site_view *out,
	       struct site_class classes[SITE_CLASSES]);

/* What was read did not get through: read it again. */
void site_unread(const struct site_view *view);

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock site_lock;

#endif
