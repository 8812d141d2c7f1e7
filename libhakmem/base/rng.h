/*
 * Random draws for sampling: a per-thread xorshift state in, a draw out.
 * Pure functions of the state; no locks, no libm, no errno.
 */
#ifndef LIBHAKMEM_RNG_H
#define LIBHAKMEM_RNG_H

#include <stdbool.h>
#include <stdint.h>

/* Next 64 random bits; `*state` must not be 0. */
uint64_t rng_next(uint64_t *state);

/* Uniform in (0, 1]. */
double rng_unit(uint64_t *state);

/* Exponentially distributed with the given mean, in [0, 2^62]. */
double rng_exponential(uint64_t *state, uint64_t mean);

/* Natural logarithm of x in (0, 1], to about 1e-9. */
double rng_log(double x);

/* e^-x for x >= 0, to about 1e-11. */
double rng_exp_neg(double x);

/* Bits that differ from run to run and process to process; never 0. */
uint64_t rng_seed(void);

#endif
