/*
 * The sampler: which requests are drawn. Every byte allocated is a candidate of
 * a Poisson process, and R, the sampling interval, is the mean number of
 * bytes between two samples. There are two samplers, each with an interval of
 * its own:
 *
 *   histogram   R_h, 16 KiB   splits a size class into bins
 *   stacks      R_s, 512 KiB  says who allocates; unwinds the stack
 *
 * One countdown serves both, since the hot path pays for one only. Its
 * interval, R_c, is the smaller of the two. A request of Z bytes that it draws
 * is kept for a sampler with chance p(Z, R) / p(Z, R_c), where p(Z, R) = 1 -
 * e^(-Z/R): so each of them sees the Poisson process of its own interval. Every
 * sample carries the interval that it was kept with, so the intervals may
 * change at any time.
 *
 * Both widen by themselves: R_h while samples come faster than their budget,
 * R_s while stack samples take more than a hundredth of a thread's time (the
 * overhead limiter). Both fall back to what was configured. R_s can be set
 * while the program runs.
 */
#ifndef LIBHAKMEM_SAMPLER_H
#define LIBHAKMEM_SAMPLER_H

#include "libhakmem/base/util.h"

/* No countdown is longer: by then the intervals may have changed. A draw that
 * would be longer ends as no sample (its interval is 0) and is drawn again:
 * memoryless.
 */
#define SAMPLER_DRAW_MAX 65536

/* What a thread keeps; all zero at its start, but for the first two. */
struct sampler_thread {
	uint64_t random;	  /* state of its random numbers, never 0 */
	uint64_t thread_number;	  /* counted from the start of the process */
	uint64_t bypass_until;	  /* bytes to go before the next sample of a
				     request that bypasses the cache */
	uint64_t bypass_interval; /* that it was drawn with; 0: not drawn */
	uint64_t spent_ns;	  /* unwinding, in this window of the limiter */
	uint64_t total_ns;	  /* the same since the thread began */
	uint64_t window_ns; /* when it began, and the thread's CPU time then */
	uint64_t cpu_ns;
	uint64_t named_ns; /* when `name` was asked for; 0: never */
	uint32_t stacks;   /* unwound in this window */
	uint32_t changes;  /* of R_s, by its beginning */
	uint32_t id;	   /* the kernel's; 0: not asked yet */
	char name[16];
};

/* The intervals that the two samplers keep a draw with; 0: not kept. */
struct sampler_split {
	uint64_t histogram;
	uint64_t stack;
};

/* Sets the configured intervals in bytes; 0 turns a sampler off. */
void sampler_init(uint64_t histogram_bytes, uint64_t stack_bytes);

/* Changes the configured interval of the stacks; 0 turns them off. */
void sampler_set_stack(uint64_t bytes);

/* The intervals in force, and what the limiter did; 0 when off. */
uint64_t sampler_histogram_interval(void);
uint64_t sampler_stack_interval(void);
uint64_t sampler_stack_configured(void);
uint64_t sampler_limiter_raised(void);

/*
 * Draws how many requests of `bytes` there are up to and including the next
 * draw: geometric with p(bytes, *interval), at least 1. *interval is R_c, or 0
 * for a countdown that ends as no sample.
 */
int64_t sampler_draw(uint64_t *random, uint64_t bytes, uint64_t *interval);

/*
 * A countdown that was drawn with `interval` for requests of `largest` bytes
 * ended at one of `bytes` <= largest: which samplers keep it? False when none
 * does.
 */
bool sampler_split(uint64_t *random, uint64_t bytes, uint64_t largest,
		   uint64_t interval, struct sampler_split *out);

/* A request that no row counts: counts its bytes down for the stack sampler.
 * The interval that it is a sample of, or 0. */
uint64_t sampler_bypass(struct sampler_thread *thread, uint64_t *random,
			uint64_t bytes);

/* The same when no sample is due, in a few instructions: true, and counted
 * down; else nothing happens and sampler_bypass is to be asked. */
ALWAYS_INLINE bool sampler_passes(struct sampler_thread *thread, uint64_t bytes)
{
	if (bytes >= thread->bypass_until)
		return false;
	thread->bypass_until -= bytes;
	return true;
}

/* Tells that a histogram sample was taken at `now_ns`; adapts R_h. */
void sampler_note(uint64_t now_ns);

/* True once in so many calls: time for sampler_note. */
bool sampler_due(void);

/* Tells that this thread spent `ns` on an unwind. True when the window is over
 * and sampler_limit wants to hear the thread's CPU time. */
bool sampler_spent(struct sampler_thread *thread, uint64_t ns, uint64_t now_ns);
void sampler_limit(struct sampler_thread *thread, uint64_t cpu_ns,
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

/* 1 - e^(-bytes/interval): the chance that such a request is sampled. */
double sampler_chance(uint64_t bytes, uint64_t interval);

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
