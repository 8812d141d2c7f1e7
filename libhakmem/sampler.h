/*
 * The sampler: when to sample, and with what mean. Every byte allocated is a
 * candidate of a Poisson process of mean R bytes; each thread counts down an
 * exponential draw. R rises by itself while samples come faster than their
 * budget and falls back to the configured value; every draw remembers its R.
 */
#ifndef LIBHAKMEM_SAMPLER_H
#define LIBHAKMEM_SAMPLER_H

#include "libhakmem/util.h"

/* Sets the configured mean in bytes; 0 turns the stream off. */
void sampler_init(uint64_t mean_bytes);

/* The mean in force; 0 when off. */
uint64_t sampler_mean(void);

/*
 * Draws how many requests of `bytes` there are up to and including the next
 * sample: geometric with p = sampler_chance(bytes, mean), at least 1.
 * INT64_MAX / 2 when sampling is off. Stores the mean that was used.
 *
 * Counting requests of a class by its largest size and then keeping a draw
 * with sampler_keep is the same Poisson process over bytes.
 */
int64_t sampler_draw(uint64_t *random, uint64_t bytes, uint64_t *mean);

/* True with probability p(bytes) / p(largest): the thinning that makes the draw
 * right for a request below the largest of its class. */
bool sampler_keep(uint64_t *random, uint64_t bytes, uint64_t largest,
		  uint64_t mean);

/* Tells that a sample was taken at `now_ns`; adapts the mean. */
void sampler_note(uint64_t now_ns);

/* 1 - e^(-bytes/mean): the chance that such a request is sampled. */
double sampler_chance(uint64_t bytes, uint64_t mean);

/* How many samples pass between looks at the clock; `true` once in so many. */
bool sampler_due(void);

#endif
