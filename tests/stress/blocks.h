/*
 * Blocks that can be checked: every byte of a block is a function of its
 * address and size, so a block handed out twice, moved wrongly or written by
 * another is seen. A pool holds live blocks and churns them.
 */
#ifndef TESTS_STRESS_BLOCKS_H
#define TESTS_STRESS_BLOCKS_H

#include <stdatomic.h>

#include "tests/preload/check.h"

struct live {
	unsigned char *ptr;
	size_t size;
};

static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9E3779B97F4A7C15u;
	return x ^ x >> 29;
}

/* The eight bytes that stand at `word` in a block that was filled as (at,
 * size). */
static inline uint64_t word_of(uintptr_t at, size_t size, size_t word)
{
	return mix(at * 3 + size * 0x10001u) + word * 0x0101010101010101u;
}

static inline void block_fill(struct live *block)
{
	uintptr_t at = (uintptr_t)block->ptr;

	for (size_t i = 0; i < block->size; i += 8) {
		uint64_t word = word_of(at, block->size, i / 8);
		size_t left = block->size - i;

		memcpy(block->ptr + i, &word, left < 8 ? left : 8);
	}
}

/* The first `n` bytes at `bytes` are those of a block filled as (at, size). */
static inline void block_check(const unsigned char *bytes, size_t n,
			       uintptr_t at, size_t size)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = word_of(at, size, i / 8);
		size_t left = n - i;

		CHECK(memcmp(bytes + i, &word, left < 8 ? left : 8) == 0);
	}
}

static inline void block_verify(const struct live *block)
{
	block_check(block->ptr, block->size, (uintptr_t)block->ptr,
		    block->size);
}

static inline uint64_t draw(uint64_t *state)
{
	*state += 0x9E3779B97F4A7C15u;
	return mix(mix(*state));
}

/* Mostly small, some at the edges of classes, a few large and huge. */
static inline size_t draw_size(uint64_t *state)
{
	uint64_t r = draw(state), kind = r % 1000;

	if (kind < 600)
		return (r >> 10) % 256;
	if (kind < 850)
		return (r >> 10) % 2048;
	if (kind < 930)
		return ((size_t)16 << (r >> 10) % 12) + (r >> 20) % 3 - 1;
	if (kind < 985)
		return (r >> 10) % 40000;
	if (kind < 998)
		return (r >> 10) % 300000;
	return (r >> 10) % 6000000;
}

/* A new filled block, by any of the entry points. */
static inline struct live block_new(uint64_t *state)
{
	struct live block = {NULL, draw_size(state)};
	uint64_t r = draw(state), way = r % 16;
	size_t alignment = (size_t)8 << (r >> 8) % 10;

	if (way < 9) {
		block.ptr = malloc(block.size);
	} else if (way < 12) {
		block.ptr = calloc(1, block.size);
		CHECK(block.ptr && all_zero(block.ptr, block.size));
	} else if (way == 12) {
		block.ptr = realloc(NULL, block.size);
	} else if (way == 13) {
		block.ptr = memalign(alignment, block.size);
		CHECK(aligned_to(block.ptr, alignment));
	} else if (way == 14) {
		block.ptr = aligned_alloc(alignment, block.size);
		CHECK(aligned_to(block.ptr, alignment));
	} else {
		void *slot = NULL;

		CHECK(!posix_memalign(&slot, alignment, block.size));
		block.ptr = slot;
		CHECK(aligned_to(block.ptr, alignment));
	}
	CHECK(block.ptr && aligned_to(block.ptr, 16));
	if (r >> 60 == 0)
		block.size = malloc_usable_size(block.ptr);
	CHECK(malloc_usable_size(block.ptr) >= block.size);
	block_fill(&block);
	return block;
}

static inline void block_resize(struct live *block, uint64_t *state)
{
	size_t size = draw_size(state) + 1;
	uintptr_t at = (uintptr_t)block->ptr;
	unsigned char *moved;

	block_verify(block);
	moved = realloc(block->ptr, size);
	CHECK(moved && aligned_to(moved, 16));
	block_check(moved, size < block->size ? size : block->size, at,
		    block->size);
	*block = (struct live){moved, size};
	block_fill(block);
}

static inline void block_free(struct live *block)
{
	block_verify(block);
	free(block->ptr);
	block->ptr = NULL;
}

#endif
