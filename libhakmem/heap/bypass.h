/*
 * What bypasses the thread cache: large requests, and those aligned ones that
 * no row counts. Their blocks have a header of 16 bytes (header.h), with a bit
 * that says whether the block is a sample. As no row's countdown sees these
 * requests, the thread's count of bytes decides which of them are drawn.
 *
 * What returns memory tries once more when all that is cached has been given
 * back, then returns NULL with ENOMEM. Any thread; `cache` is its own, or NULL.
 */
#ifndef LIBHAKMEM_BYPASS_H
#define LIBHAKMEM_BYPASS_H

#include "libhakmem/heap/cache.h"
#include "libhakmem/profile/sample.h"

/* A large block, of zeros if so wished. */
void *bypass_large(struct cache *cache, size_t n, size_t align, bool zeroed);

/* A block of a class that begins at a multiple of `align`, or that holds `n`
 * bytes which do. */
void *bypass_aligned(struct cache *cache, size_t align, size_t n,
		     unsigned class);

/* A large block with a header for a sampled request that class `counted`
 * counts; NULL without a word: then it is no sample. */
void *bypass_large_for(unsigned counted, size_t align,
		       struct profile_sample *sample);

/* Makes a large block `n` bytes long where it stands; NULL if it cannot. */
void *bypass_resize(void *ptr, size_t n);

/* Another one of `n` bytes with what it holds, by moving pages, not bytes. The
 * old one, of which `usable` bytes are used, has to be freed then. */
void *bypass_move(void *ptr, size_t usable, size_t n);

#endif
