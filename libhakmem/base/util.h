/*
 * What every module of the library uses: attributes, alignment, bits.
 * Everything here is a pure inline function or an attribute.
 */
#ifndef LIBHAKMEM_UTIL_H
#define LIBHAKMEM_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)
#define NOINLINE      __attribute__((noinline))
#define COLD	      __attribute__((noinline, cold))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* A variable of ours that the hot path reads without the GOT. */
#define HIDDEN __attribute__((visibility("hidden")))

#define CACHE_LINE 64

/* ThreadSanitizer allows mappings only at addresses of its own. */
#ifdef __SANITIZE_THREAD__
#define TSAN_BUILD 1
#else
#define TSAN_BUILD 0
#endif

/* Every pointer we hand out is a multiple of this. */
#define BLOCK_ALIGN 16u

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define TIB ((size_t)1 << 40)

#ifdef HAKMEM_DEBUG
#define DEBUG_BUILD 1
#else
#define DEBUG_BUILD 0
#endif

/* `align` is a power of two in all three. */
static inline uintptr_t align_up(uintptr_t value, uintptr_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline uintptr_t align_down(uintptr_t value, uintptr_t align)
{
	return value & ~(align - 1);
}

static inline bool is_aligned(uintptr_t value, uintptr_t align)
{
	return (value & (align - 1)) == 0;
}

static inline bool is_power_of_two(size_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* The smallest power of two >= value; value is 1 .. 2^63. */
static inline size_t round_up_power(size_t value)
{
	return value <= 1 ? 1 : (size_t)1 << (64 - __builtin_clzl(value - 1));
}

/* What malloc and its kin return when memory is out. */
static inline void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* The owner of a counter writes it with plain stores, which on our machines
 * never tear; ThreadSanitizer is not to see who peeks. */
#if TSAN_BUILD
#define UNSEEN	__attribute__((noinline, no_sanitize("thread")))
#define PEEKING static __attribute__((noinline, unused, no_sanitize("thread")))
#else
#define UNSEEN
#define PEEKING ALWAYS_INLINE
#endif

/* A counter that one thread writes and others may read at any time. */
PEEKING uint64_t peek64(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

PEEKING uint32_t peek32(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

PEEKING uint16_t peek16(const uint16_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

PEEKING uint8_t peek8(const uint8_t *state)
{
	return __atomic_load_n(state, __ATOMIC_RELAXED);
}

/* A counter that many threads add to; order with other memory is not needed. */
ALWAYS_INLINE void count64(uint64_t *counter, uint64_t amount)
{
	__atomic_fetch_add(counter, amount, __ATOMIC_RELAXED);
}

ALWAYS_INLINE void uncount64(uint64_t *counter, uint64_t amount)
{
	__atomic_fetch_sub(counter, amount, __ATOMIC_RELAXED);
}

#endif
