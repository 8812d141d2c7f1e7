/*
 * Ages of blocks: the bins of a lifetime histogram, shared by who fills them
 * and who reads them. Edges are powers of four from 1 microsecond: bin 0 holds
 * ages below 1 us, bin i those from 4^(i-1) us up to 4^i us, the last one all
 * above. Pure.
 */
#ifndef PROTO_AGES_H
#define PROTO_AGES_H

#include <stdint.h>

#define AGES_COUNT 20u

/* The bin of an age in nanoseconds. */
static inline uint32_t ages_index(uint64_t ns)
{
	uint64_t us = ns / 1000;
	uint32_t log2;

	if (us == 0)
		return 0;
	log2 = 63u - (uint32_t)__builtin_clzll(us);
	return log2 / 2 + 1 < AGES_COUNT ? log2 / 2 + 1 : AGES_COUNT - 1;
}

/* First age of a bin, in nanoseconds. */
static inline uint64_t ages_low_ns(uint32_t bin)
{
	return bin == 0 ? 0 : UINT64_C(1000) << (2 * (bin - 1));
}

#endif
