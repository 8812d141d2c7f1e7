/*
 * Large blocks: a span of the arena, or beyond LARGE_SPAN_MAX (and where a
 * growing block is to be moved without copying) a mapping of its own. Both have
 * the 16-byte header; the code in its last byte tells which.
 *
 *   page start | ... | header, 16 bytes | ptr -> usable ... | page end
 *
 * What a block reserves is the pages from that of its header to its end. All
 * functions but large_alloc expect a header that header_large_valid accepted.
 * Any thread; errno is kept.
 */
#ifndef LIBHAKMEM_LARGE_H
#define LIBHAKMEM_LARGE_H

#include "libhakmem/base/util.h"

#define LARGE_SPAN_MAX (32 * MIB)

/* From this size on a growing block is worth a mapping of its own, as long as
 * there are not too many: the kernel limits their number. */
#define LARGE_MOVE_MIN	 MIB
#define LARGE_MAPPED_MAX 16384u

/* `n` bytes at a multiple of `align` (a power of two >= 16); zeroed if asked.
 * NULL when memory is out. */
void *large_alloc(size_t n, size_t align, bool zeroed);

/* The same for a block that is growing: at the end of the arena, where
 * large_resize can make it longer; from LARGE_MOVE_MIN on a mapping, which it
 * can move. */
void *large_alloc_growing(size_t n);

/* The same for a sampled request of a class without headers, which counts it: a
 * block with one: not counted here, the class code `counted` in its header says
 * where. Never resized in place. */
void *large_alloc_counted_as(size_t n, size_t align, uint8_t counted);

/* A block of `n` bytes as by large_alloc_growing that begins with the first
 * `used` bytes of the block `from`, small or large. That is still to be freed,
 * and may hold something else now. NULL, and nothing changed, when memory is
 * out. */
void *large_grow(void *from, size_t used, size_t n);

void large_free(void *ptr);

size_t large_usable(const void *ptr);

/* Makes the block `n` bytes long without copying; its new address, or NULL when
 * that cannot be done (the block is unchanged). No request and no free: it
 * stays in the bin of its request, only the bytes that this reserves change. */
void *large_resize(void *ptr, size_t n);

/* True when `ptr` was unmapped a short while ago: its header is gone. */
bool large_recently_unmapped(const void *ptr);

#endif
