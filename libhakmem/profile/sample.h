/*
 * Taking a sample: from a request that was drawn to an entry in the profile,
 * with the stack of whoever asked. What the heap's slow paths call:
 *
 *   sample_row      the countdown of a row ran out at this request
 *   sample_bypass   a request that no row counts: is it drawn?
 *   sample_add      its block is there
 *   sample_free     a sampled block goes
 *
 * The stack is taken first, with no lock held and nothing half done in the
 * heap: unwinding may allocate. errno is kept.
 */
#ifndef LIBHAKMEM_SAMPLE_H
#define LIBHAKMEM_SAMPLE_H

#include "libhakmem/profile/profile.h"
#include "libhakmem/profile/sampler.h"

/* Is a request of `n` bytes, at which the countdown of `class` ended that was
 * drawn with `interval`, a sample? Then fills `out`. */
bool sample_row(struct sampler_thread *thread, size_t n, unsigned class,
		uint64_t interval, struct profile_sample *out);

/* The same for a request that only its bytes count down; of a class, or of
 * SITE_CLASS_LARGE. */
bool sample_bypass(struct sampler_thread *thread, size_t n, unsigned class,
		   struct profile_sample *out);

/* Remembers a sample whose block is `ptr`; false: it is not to be marked as
 * one. */
bool sample_add(struct profile_sample *sample, const void *ptr);

/* A sampled block is being freed, or becomes another one. */
void sample_free(const void *ptr);

#endif
