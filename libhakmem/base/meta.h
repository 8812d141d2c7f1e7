/*
 * Memory for our own tables: a bump allocator over private mappings. What it
 * gives is zeroed, cache-line aligned and never freed; owners recycle.
 */
#ifndef LIBHAKMEM_META_H
#define LIBHAKMEM_META_H

#include "libhakmem/base/util.h"

/* `bytes` zeroed bytes; NULL when the system refuses. Any thread. */
void *meta_alloc(size_t bytes);

/* Bytes handed out so far. */
size_t meta_bytes(void);

/* Fork stages; see fork.h. */
void meta_lock(void);
void meta_unlock(void);
void meta_reset(void);

#endif
