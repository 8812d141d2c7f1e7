/*
 * The header: what is known of a block without searching.
 *
 * A small block has one byte at ptr-1, a large one 16 bytes of which the last
 * is that same byte, so one load decides (dual-header dispatch):
 *
 *   small    ...neighbor's bytes |code| ptr -> usable bytes, 16k-1 of them
 *   large    | length : 8 | check : 4 | sampled, bin : 2 |counted|code| ptr ->
 * ... aligned  | lead : 8   | check : 4 | sampled, 0 : 2   |counted|code| ptr
 * -> ...
 *
 * `sampled` is 1 in a sampled block. `bin` is the histogram bin of the request,
 * in which the block counts until it is freed, however long realloc makes it.
 * `counted` is the class code that a sampled request counts in when a block of
 * another class had to serve it, since its own has no headers; else 0.
 *
 * The code is the index of a row in the thread cache. free compares it with
 * that of the row to which the block's unit leads, so every other value,
 * written by us or by an overflow, reaches the slow path.
 *
 * Who writes the byte: the slab when it carves the block, once. It is rewritten
 * only on rare transitions (sampled, aligned, large), never by malloc and free
 * of a small block: a store there would make neighboring blocks of two threads
 * share a dirty line. That a small block is free is told by the key in its
 * second word (block.key below).
 *
 *   0x00          never carved
 *   0x01 .. 0x7f  never a code: ASCII
 *   0x80 .. 0xef  class code, 0x80 | class: a small block, live or in a cache
 *   0xf3          small block whose pointer begins a page: its free counts as a
 *                 page-boundary hit, its class is in the slab
 *   0xf4          sampled block of an exact power of two, counted in the class
 *                 that has no headers
 *   0xf5          sampled small block, its class is in the slab
 *   0xf6          aligned pointer inside a larger block, 16-byte header
 *   0xf7          the block around such a pointer; nobody holds its start
 *   0xf8          large block, a span of the arena, 16-byte header
 *   0xf9          large block mapped outside the arena, 16-byte header
 *   0xfa          large block that was freed
 */
#ifndef LIBHAKMEM_HEADER_H
#define LIBHAKMEM_HEADER_H

#include "libhakmem/base/util.h"

enum header_code {
	HEADER_NONE = 0x00,
	HEADER_CLASS = 0x80,
	HEADER_CLASS_END = 0xf0,
	HEADER_BOUNDARY = 0xf3,
	HEADER_SAMPLED_EXACT = 0xf4,
	HEADER_SAMPLED = 0xf5,
	HEADER_ALIGNED = 0xf6,
	HEADER_ALIGNED_BASE = 0xf7,
	HEADER_LARGE = 0xf8,
	HEADER_MAPPED = 0xf9,
	HEADER_FREED = 0xfa,
};

#define HEADER_CLASSES (HEADER_CLASS_END - HEADER_CLASS)
#define HEADER_CODES   256u

/* The 16 bytes before a large or aligned block. */
struct header_large {
	uint64_t bytes; /* large: the length asked for; aligned: bytes from the
			 * base */
	uint32_t check; /* header_check() of the others */
	uint16_t sampled : 1;
	uint16_t bin : 15;
	uint8_t counted;
	uint8_t code;
};
_Static_assert(sizeof(struct header_large) == 16, "one alignment unit");
_Static_assert(offsetof(struct header_large, code) == 15, "the byte at ptr-1");

/* The first bytes of a free small block. A 16-byte block has 15 bytes, so the
 * key ends before the next header. */
struct block {
	struct block *next; /* LIFO list, NULL ends it */
	uint32_t key;	    /* block_key() while free, else the owner's bytes */
};
_Static_assert(offsetof(struct block, key) + 4 <= 15, "clear of the header");

/* Random per process; set once by init before the first block is handed out. */
extern HIDDEN uint32_t header_secret;

static inline bool header_is_class(uint8_t code)
{
	return code >= HEADER_CLASS && code < HEADER_CLASS_END;
}

/* What stands at ptr-1 of an ordinary block whose class has `code`. One in 256
 * blocks at most begins a page: the count of those costs the others nothing. */
static inline uint8_t header_ordinary(const void *ptr, uint8_t code)
{
	return (uintptr_t)ptr % 4096 == 0 ? HEADER_BOUNDARY : code;
}

static inline bool header_is_sampled(uint8_t code)
{
	return code == HEADER_SAMPLED || code == HEADER_SAMPLED_EXACT;
}

static inline unsigned header_class(uint8_t code)
{
	return (unsigned)code - HEADER_CLASS;
}

static inline uint8_t header_class_code(unsigned class)
{
	return (uint8_t)(HEADER_CLASS | class);
}

static inline uint8_t *header_byte(const void *ptr)
{
	return (uint8_t *)(uintptr_t)ptr - 1;
}

static inline struct header_large *header_large(const void *ptr)
{
	return (struct header_large *)((uintptr_t)ptr - 16);
}

/*
 * The byte is written by these alone (and by header_write_large):
 *
 *   ordinary       a block of the class with `code`: when it is carved, and
 *                  again when it was sampled or aligned and is freed
 *   sampled        a block that a sample was drawn at
 *   aligned_base   the block around an aligned pointer
 *   freed          an aligned pointer or a large block that was freed
 */
static inline void header_set_ordinary(void *ptr, uint8_t code)
{
	*header_byte(ptr) = header_ordinary(ptr, code);
}

/* `exact`: the class of exact powers of two counts it. */
static inline void header_set_sampled(void *ptr, bool exact)
{
	*header_byte(ptr) = exact ? HEADER_SAMPLED_EXACT : HEADER_SAMPLED;
}

static inline void header_set_aligned_base(void *ptr)
{
	*header_byte(ptr) = HEADER_ALIGNED_BASE;
}

static inline void header_set_freed(void *ptr)
{
	*header_byte(ptr) = HEADER_FREED;
}

/* What a free block at `ptr` holds in its second word. It depends on the
 * address, so a stale copy of another block's bytes does not match. */
ALWAYS_INLINE uint32_t block_key(const void *ptr)
{
	return header_secret ^ (uint32_t)(uintptr_t)ptr;
}

ALWAYS_INLINE bool block_is_free(const void *ptr)
{
	return ((const struct block *)ptr)->key == block_key(ptr);
}

/* Fills the 16 bytes before `ptr`, `bin` and what header_large_set_sampled sets
 * with 0.
 */
void header_write_large(void *ptr, uint64_t bytes, uint8_t code);

/* Changes the length and bin of a large block, which has no mark then. */
void header_resize_wide(void *ptr, uint64_t bytes, uint32_t bin);

/* Sets `sampled` and `counted` in a header that header_write_large wrote. */
void header_large_set_sampled(void *ptr, bool sampled, uint8_t counted);

/* True when the 16 bytes before `ptr` were written by header_write_large with
 * `code`, perhaps sampled, and not changed since. They must be readable. */
bool header_large_valid(const void *ptr, uint8_t code);

/*
 * The hybrid check for a pointer outside the arena: is the byte before `ptr`
 * readable? A pointer at least 16 bytes into its page is on the page of its
 * header; only for the others mincore is asked (`*asked` says so).
 */
bool header_readable(const void *ptr, bool *asked);

#endif
