/*
 * The sampler: when to sample, and with what mean. Every byte allocated is a
 * candidate of a Poisson process; two streams of samples come out of one:
 *
 *   histogram   mean R_h, 16 KiB   splits a size class into bins
 *   stacks      mean R_s, 512 KiB  says who allocates; unwinds the stack
 *
 * The countdown that the fast path pays for has the smaller mean, R_c. A draw
 * of Z bytes is kept for a stream with chance p(Z, R) / p(Z, R_c), where
 * p(Z, R) = 1 - e^(-Z/R): each stream by itself is then the Poisson process of
 * its own mean. Every sample carries the mean it was kept with.
 *
 * Both means rise by themselves: R_h while samples come faster than their
 * budget, R_s while stack samples take more than a hundredth of a thread's time
 * (the guard). Both fall back to what was configured. R_s may be set while the
 * program runs.
 */
#ifndef LIBHAKMEM_SAMPLER_H
#define LIBHAKMEM_SAMPLER_H

#include "libhakmem/base/util.h"

/* No countdown is longer: by then the means may have changed. A draw that would
 * be longer ends as no sample (its mean is 0) and is drawn again: memoryless.
 */
#define SAMPLER_DRAW_MAX 65536

/* What a thread keeps; all zero at its start, but for the first two. */
struct sampler_thread {
	uint64_t random;	/* state of its random numbers, never 0 */
	uint64_t thread_number; /* counted from the start of the process */
	uint64_t wide_until;	/* bytes to go before the next wide sample */
	uint64_t wide_mean;	/* that it was drawn with; 0: not drawn */
	uint64_t spent_ns;	/* unwinding, in this window of the guard */
	uint64_t total_ns;	/* the same since the thread began */
	uint64_t window_ns; /* when it began, and the thread's CPU time then */
	uint64_t cpu_ns;
	uint64_t named_ns; /* when `name` was asked for; 0: never */
	uint32_t stacks;   /* unwound in this window */
	uint32_t changes;  /* of R_s, by its beginning */
	uint32_t id;	   /* the kernel's; 0: not asked yet */
	char name[16];
};

/* The means that the two streams keep a draw with; 0: not kept. */
struct sampler_split {
	uint64_t histogram;
	uint64_t stack;
};

/* Sets the configured means in bytes; 0 turns a stream off. */
void sampler_init(uint64_t histogram_bytes, uint64_t stack_bytes);

/* Changes the configured mean of the stacks; 0 turns them off. */
void sampler_set_stack(uint64_t bytes);

/* The means in force, and what the guard did; 0 when off. */
uint64_t sampler_histogram_mean(void);
uint64_t sampler_stack_mean(void);
uint64_t sampler_stack_configured(void);
uint64_t sampler_guard_raised(void);

/*
 * Draws how many requests of `bytes` there are up to and including the next
 * draw: geometric with p(bytes, *mean), at least 1. *mean is R_c, or 0 for a
 * countdown that ends as no sample.
 */
int64_t sampler_draw(uint64_t *random, uint64_t bytes, uint64_t *mean);

/*
 * A countdown that was drawn with `mean` for requests of `largest` bytes ended
 * at one of `bytes` <= largest: which streams keep it? False when none does.
 */
bool sampler_split(uint64_t *random, uint64_t bytes, uint64_t largest,
		   uint64_t mean, struct sampler_split *out);

/* A request that no row counts: counts its bytes down for the stack stream.
 * The mean that it is a sample of, or 0. */
uint64_t sampler_wide(struct sampler_thread *thread, uint64_t *random,
		      uint64_t bytes);

/* The same when no sample is due, in a few instructions: true, and counted
 * down; else nothing happens and sampler_wide is to be asked. */
ALWAYS_INLINE bool sampler_passes(struct sampler_thread *thread, uint64_t bytes)
{
	if (bytes >= thread->wide_until)
		return false;
	thread->wide_until -= bytes;
	return true;
}

/* Tells that a histogram sample was taken at `now_ns`; adapts R_h. */
void sampler_note(uint64_t now_ns);

/* True once in so many calls: time for sampler_note. */
bool sampler_due(void);

/* Tells that this thread spent `ns` on an unwind. True when the window is over
 * and sampler_guard wants to hear the thread's CPU time. */
bool sampler_spent(struct sampler_thread *thread, uint64_t ns, uint64_t now_ns);
void sampler_guard(struct sampler_thread *thread, uint64_t cpu_ns,
		   uint64_t now_ns);

/* A thread ends inside its window: short threads are judged together, by those
 * that sampler_measures chooses (which spent something). Asking for a thread's
 * CPU time is dear at its end: the kernel updates the thread's account, and
 * likes to run the thread that was just started in its place. */
bool sampler_measures(const struct sampler_thread *thread, uint64_t *random);
void sampler_ended(const struct sampler_thread *thread, uint64_t cpu_ns,
		   uint64_t now_ns);

/* Lets R_s fall back when it has not changed for long; for a clock. */
void sampler_relax(uint64_t now_ns);

/* 1 - e^(-bytes/mean): the chance that such a request is sampled. */
double sampler_chance(uint64_t bytes, uint64_t mean);

/* What one sample of `bytes` adds to sums, with p its chance. */
struct sampler_weight {
	double objects;	    /* 1/p */
	double objects_var; /* (1-p)/p^2 */
	double bytes;	    /* Z/p */
	double bytes_var;   /* Z^2 (1-p)/p^2 */
};

static inline struct sampler_weight sampler_weigh(uint64_t bytes, double chance)
{
	double inverse = 1.0 / chance, z = (double)bytes;
	double variance = (1.0 - chance) * inverse * inverse;

	return (struct sampler_weight){
		.objects = inverse,
		.objects_var = variance,
		.bytes = z * inverse,
		.bytes_var = z * z * variance,
	};
}

#endif
