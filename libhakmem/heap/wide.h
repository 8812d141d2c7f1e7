/*
 * Wide blocks: large and aligned ones, which have a header of 16 bytes
 * (header.h) and which no row counts down to a sample. A mark in that header
 * says that the block is one.
 *
 * What returns memory takes a sample by chance, tries once more when all that
 * is cached has been given back, and sets errno to ENOMEM with NULL. Any
 * thread; `cache` is its own, or NULL.
 */
#ifndef LIBHAKMEM_WIDE_H
#define LIBHAKMEM_WIDE_H

#include "libhakmem/heap/cache.h"
#include "libhakmem/profile/sample.h"

/* A large block, of zeros if so wished. */
void *wide_alloc(struct cache *cache, size_t n, size_t align, bool zeroed);

/* A block of a class that begins at a multiple of `align`, or that holds `n`
 * bytes which do. */
void *wide_aligned(struct cache *cache, size_t align, size_t n, unsigned class);

/* A large block with a header for a sampled request that class `counted`
 * counts; NULL without a word: then it is no sample. */
void *wide_lend(unsigned counted, size_t align, struct profile_sample *sample);

/* Makes a large block `n` bytes long where it stands; NULL if it cannot. */
void *wide_resize(void *ptr, size_t n);

/* Another one of `n` bytes with what it holds, by moving pages, not bytes. The
 * old one, of which `usable` bytes are used, has to be freed then. */
void *wide_move(void *ptr, size_t usable, size_t n);

#endif
