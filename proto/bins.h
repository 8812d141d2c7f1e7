/*
 * The bins of the size histogram, by requested bytes:
 *
 *   0 .. 63      16 bytes each: [0,15] [16,31] ... [1008,1023]
 *   64           requests of exactly 1024 bytes
 *   65 .. 72     8 bins for 1025..2047: [1025,1151] [1152,1279] ...
 *   73 ..        8 bins per doubling: [2048,2303] ...
 *   BINS_COUNT-1 also holds whatever is larger
 *
 * Pure functions, safe from any thread. A size's bin never depends on the size
 * classes in force, so histograms of differently tuned runs compare.
 */
#ifndef PROTO_BINS_H
#define PROTO_BINS_H

#include <stdint.h>

#define BINS_FINE      64u /* 16-byte bins below 1024 */
#define BINS_1024      64u /* the bin of exactly 1024 bytes */
#define BINS_DOUBLINGS 38u /* 2^10 .. 2^48 */
#define BINS_COUNT     (BINS_FINE + 1u + 8u * BINS_DOUBLINGS)

/* The bin of a request of `bytes`: 0 .. BINS_COUNT-1. */
static inline uint32_t bins_index(uint64_t bytes)
{
	uint32_t log2, index;

	if (bytes < 1024)
		return (uint32_t)(bytes >> 4);
	if (bytes == 1024)
		return BINS_1024;
	log2 = 63u - (uint32_t)__builtin_clzll(bytes);
	index = BINS_FINE + 1 + 8 * (log2 - 10) +
		(uint32_t)((bytes >> (log2 - 3)) & 7);
	return index < BINS_COUNT ? index : BINS_COUNT - 1;
}

/* The smallest request in `bin`, in bytes. */
static inline uint64_t bins_low(uint32_t bin)
{
	uint32_t octave, eighth;

	if (bin <= BINS_1024)
		return (uint64_t)bin << 4;
	octave = (bin - BINS_FINE - 1) / 8;
	eighth = (bin - BINS_FINE - 1) % 8;
	if (octave == 0 && eighth == 0)
		return 1025;
	return ((uint64_t)8 + eighth) << (octave + 7);
}

/* The largest request in `bin`, in bytes. */
static inline uint64_t bins_high(uint32_t bin)
{
	if (bin == BINS_1024)
		return 1024;
	if (bin < BINS_FINE)
		return bins_low(bin) + 15;
	return bin + 1 < BINS_COUNT ? bins_low(bin + 1) - 1 : UINT64_MAX;
}

#endif
