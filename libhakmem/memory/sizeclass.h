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
 * Where such a stride is a multiple of 32 or 64, its blocks stand 16 bytes
 * behind one: so the header never lies in the cache line before its block's,
 * which a free of a cold block would have to wait for. Aligned requests are for
 * the headerless classes; some of these serve nothing else.
 *
 * Filled once by sizeclass_init; read-only and safe from any thread after.
 */
#ifndef LIBHAKMEM_SIZECLASS_H
#define LIBHAKMEM_SIZECLASS_H

#include "libhakmem/base/util.h"

#define SIZECLASS_MAX	    112u	    /* codes 0x80 .. 0xef */
#define SIZECLASS_SMALL_MAX ((size_t)32768) /* largest request of a class */
#define SIZECLASS_UNIT	    ((size_t)65536) /* bytes of an arena unit */
#define SIZECLASS_SLAB_MAX  16u		    /* units of a slab */
#define SIZECLASS_SLOTS	    (2 * (SIZECLASS_SMALL_MAX >> 4) + 1)

struct sizeclass {
	uint32_t stride;    /* bytes between blocks */
	uint32_t usable;    /* bytes the owner may write */
	uint32_t low, high; /* requests served, inclusive */
	uint32_t first;	    /* least offset of the first block in its slab */
	uint32_t colors;    /* cache lines that it may start behind that, + 1 */
	uint32_t align;	    /* every block is a multiple of this */
	uint32_t mask;	    /* bits that are 0 in every block's offset from
			     * where one may be in its zone */
	uint32_t blocks;    /* per slab */
	uint64_t inverse;   /* 2^SIZECLASS_INVERSE / stride, rounded up */
	uint32_t batch;	    /* the most blocks that a row is to hold */
	uint16_t slab_units; /* units of a slab */
	bool headerless;
	bool aligned_only; /* serves no request that asks for no alignment */
};

extern HIDDEN struct sizeclass sizeclass_table[SIZECLASS_MAX];
extern HIDDEN unsigned sizeclass_count;

/* By slot: the class code (header.h), times the bytes of a row of the thread
 * cache, which saves malloc a shift. 0 until sizeclass_init. */
#define SIZECLASS_ROW_SHIFT 5
extern HIDDEN uint16_t sizeclass_index[SIZECLASS_SLOTS];

#define SIZECLASS_INVERSE 40

/*
 * The index of the block that starts `offset` bytes from the first one of its
 * slab; UINT32_MAX when none does. With offset = index * stride + rest the
 * product is index * 2^40 + rest * inverse + an error below 2^21, less than any
 * inverse: so the bits below 2^40 are less than one inverse if the rest is 0,
 * and only then. `offset` must be less than 2^21.
 */
ALWAYS_INLINE uint32_t sizeclass_block(const struct sizeclass *class,
				       size_t offset)
{
	uint64_t product = offset * class->inverse;
	uint64_t below = product << (64 - SIZECLASS_INVERSE);

	if (unlikely(below >= class->inverse << (64 - SIZECLASS_INVERSE)))
		return UINT32_MAX;
	return (uint32_t)(product >> SIZECLASS_INVERSE);
}

/* The slot of a request of `n` <= SIZECLASS_SMALL_MAX bytes. */
ALWAYS_INLINE size_t sizeclass_slot(size_t n)
{
	return ((n + 15) >> 4) + (n >> 4);
}

/* The class code that serves `n` <= SIZECLASS_SMALL_MAX bytes. */
ALWAYS_INLINE uint8_t sizeclass_code(size_t n)
{
	return (uint8_t)(sizeclass_index[sizeclass_slot(n)] >>
			 SIZECLASS_ROW_SHIFT);
}

/* Fills the tables with the default classes. */
void sizeclass_init(void);

/* The headerless class whose blocks are `bytes` long, a power of two; -1 when
 * there is none. */
int sizeclass_headerless(size_t bytes);

/*
 * The same as sizeclass_index, of aligned requests that sizeclass_learn was
 * told of; 0 of others, and of alignments and sizes that are too large. `align`
 * is a power of two. Any thread.
 */
#define SIZECLASS_ALIGNED_LOGS	8u /* 32 .. 4096 */
#define SIZECLASS_ALIGNED_MAX	((size_t)2048)
#define SIZECLASS_ALIGNED_SLOTS (2 * (SIZECLASS_ALIGNED_MAX >> 4) + 1)
extern HIDDEN uint16_t sizeclass_aligned_index[SIZECLASS_ALIGNED_LOGS]
					      [SIZECLASS_ALIGNED_SLOTS];

ALWAYS_INLINE size_t sizeclass_aligned_row(size_t align, size_t n)
{
	size_t log = (size_t)__builtin_ctzl(align) - 5;

	if (log >= SIZECLASS_ALIGNED_LOGS || n > SIZECLASS_ALIGNED_MAX)
		return 0;
	return peek16(&sizeclass_aligned_index[log][sizeclass_slot(n)]);
}

void sizeclass_learn(size_t align, size_t n, unsigned class);

/* The class with a header that serves `n` bytes; n <= SIZECLASS_SMALL_MAX - 1.
 */
unsigned sizeclass_with_header(size_t n);

/* The class of the smallest blocks that hold `n` bytes and are multiples of
 * `align`, a power of two; -1 when that would be larger than n + align and by
 * more than a quarter, or before sizeclass_init. */
int sizeclass_aligned(size_t align, size_t n);

/* The headerless class of the smallest request that the class with a header
 * `class` serves, which must be a power of two. */
unsigned sizeclass_exact(unsigned class);

/* The class that counts requests of exactly 1024 bytes. */
int sizeclass_of_1024(void);

#endif
