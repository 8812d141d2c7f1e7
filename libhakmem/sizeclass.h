/*
 * Size classes: which block serves a request.
 *
 * The index table maps a request to its class code in one load. Its slot
 * number tells 16k from 16k-15 .. 16k-1 without a branch:
 *
 *   slot(n) = ((n + 15) >> 4) + (n >> 4)      2k for 16k, 2k-1 just below it
 *
 * so that an exact power of two can have a class of its own. Those classes are
 * headerless (stride = request, naturally aligned, the code stands in the
 * arena's class map); every other class keeps the byte at ptr-1, has strides
 * that are multiples of 16 and a usable size of stride - 1.
 *
 * Filled once by sizeclass_init; read-only and safe from any thread after.
 */
#ifndef LIBHAKMEM_SIZECLASS_H
#define LIBHAKMEM_SIZECLASS_H

#include "libhakmem/util.h"

#define SIZECLASS_MAX	    112u	    /* codes 0x80 .. 0xef */
#define SIZECLASS_SMALL_MAX ((size_t)32768) /* largest request of a class */
#define SIZECLASS_UNIT	    ((size_t)65536) /* bytes of an arena unit */
#define SIZECLASS_SLOTS	    (2 * (SIZECLASS_SMALL_MAX >> 4) + 1)

struct sizeclass {
	uint32_t stride;     /* bytes between blocks */
	uint32_t usable;     /* bytes the owner may write */
	uint32_t low, high;  /* requests served, inclusive */
	uint32_t first;	     /* offset of the first block in its slab */
	uint32_t blocks;     /* per slab */
	uint32_t batch;	     /* blocks moved between row and central */
	uint16_t slab_units; /* units of a slab */
	bool headerless;
};

extern HIDDEN struct sizeclass sizeclass_table[SIZECLASS_MAX];
extern HIDDEN unsigned sizeclass_count;

/* Class code (header.h) by slot; 0 until sizeclass_init. */
extern HIDDEN uint8_t sizeclass_index[SIZECLASS_SLOTS];

/* The slot of a request of `n` <= SIZECLASS_SMALL_MAX bytes. */
ALWAYS_INLINE size_t sizeclass_slot(size_t n)
{
	return ((n + 15) >> 4) + (n >> 4);
}

/* Fills the tables with the default classes. */
void sizeclass_init(void);

/* The headerless class whose blocks are `bytes` long, a power of two; -1 when
 * there is none. */
int sizeclass_headerless(size_t bytes);

/* The class with a header that serves `n` bytes; n <= SIZECLASS_SMALL_MAX - 1.
 */
unsigned sizeclass_with_header(size_t n);

/* The headerless class of the smallest request that the class with a header
 * `class` serves, which must be a power of two. */
unsigned sizeclass_exact(unsigned class);

/* The class that counts requests of exactly 1024 bytes. */
int sizeclass_of_1024(void);

#endif
