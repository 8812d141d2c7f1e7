/*
 * Memory for our own tables: a bump allocator over private mappings. What it
 * gives is zeroed, cache-line aligned and never freed; owners recycle.
 */
#ifndef LIBHAKMEM_META_H
#define LIBHAKMEM_META_H

#include "libhakmem/base/lock.h"
#include "libhakmem/base/util.h"

/* `bytes` zeroed bytes; NULL when the system refuses. Any thread. */
void *meta_alloc(size_t bytes);

/* Bytes handed out so far. */
size_t meta_bytes(void);

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock meta_lock;

#endif
