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

/* A new countdown: draws from `*random`, stores the mean used. */
int64_t sampler_draw(uint64_t *random, uint64_t *mean);

/* Tells that a sample was taken at `now_ns`; adapts the mean. */
void sampler_note(uint64_t now_ns);

/* 1 - e^(-bytes/mean): the chance that such a request is sampled. */
double sampler_chance(uint64_t bytes, uint64_t mean);

/* How many samples pass between looks at the clock; `true` once in so many. */
bool sampler_due(void);

#endif
