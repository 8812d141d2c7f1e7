#include "libhakmem/heap/heap.h"

#include "libhakmem/memory/large.h"
#include "libhakmem/memory/reject.h"
#include "libhakmem/profile/sample.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/heap/thread.h"
#include "libhakmem/base/vm.h"
#include "libhakmem/heap/bypass.h"

#include <string.h>

/* More than any address space; keeps the arithmetic from overflowing. */
#define ALIGN_MAX ((size_t)1 << 46)

/*
 * Between the count of a request and the pop of its block anything may happen
 * to the row: a tick drains it, an unwinder allocates. So that its depth is
 * right throughout, the counts of the class that the request is of are adjusted
 * as soon as it is counted, and those of the class whose row gives the block in
 * the end.
 */
static struct block *heap_pop_uncounted(struct cache *cache, uint8_t code)
{
	struct block *block = cache_pop(cache, code);

	if (block)
		cache_block_without_count(cache, header_class(code));
	return block;
}

/* For a request that was counted already. Tries harder: an exact power
 * of two whose zone cannot grow can also live in a block with a header. */
static struct block *heap_pop_or_reclaim(struct cache *cache, uint8_t code,
					 size_t n)
{
	struct block *block;
	unsigned other;

	if (!cache)
		return thread_take_direct(header_class(code));
	block = heap_pop_uncounted(cache, code);
	if (likely(block != NULL))
		return block;
	thread_reclaim();
	block = heap_pop_uncounted(cache, code);
	if (block)
		return block;
	other = header_class(code);
	/* No request of this class: whoever serves it counts it. */
	cache_count(cache, other, -1);
	cache_block_without_count(cache, other);
	if (n < SIZECLASS_SMALL_MAX)
		other = sizeclass_with_header(n);
	return thread_take(cache, header_class_code(other));
}

static void heap_give(struct cache *cache, uint8_t code, struct block *block)
{
	if (cache) {
		thread_begin_row(cache, header_class(code));
		cache_give(cache, code, block);
		return;
	}
	block->key = block_key(block);
	thread_count_free(header_class(code));
	central_release_one(header_class(code), block);
}

NOINLINE void *heap_malloc_miss(size_t n)
{
	struct cache *cache = thread_cache();
	struct block *block;
	uint8_t code;

	if (cache)
		thread_poll(cache);
	if (n > SIZECLASS_SMALL_MAX)
		return bypass_large(cache, n, BLOCK_ALIGN, false);
	code = sizeclass_code(n);
	if (unlikely(code == HEADER_NONE))
		return no_memory(); /* boot failed */
	if (cache) {
		thread_begin_row(cache, header_class(code));
		if ((cache->row[code].until -= 2) < 0)
			return heap_malloc_sample(n);
		cache_count_without_block(cache, header_class(code));
	}
	block = heap_pop_or_reclaim(cache, code, n);
	return block ? block : no_memory();
}

/*
 * A block for a sample that `counted` has counted. It comes from a class with a
 * header, whose byte says so, so that an unsampled free pays nothing; the
 * largest class has none beside it, so it is served by a large block. The class
 * that the block is of did not count the request, but it counts the free when
 * it comes; then the counts are adjusted. NULL: no block, or no room to
 * remember it.
 */
static void *heap_take_sampled(struct cache *cache, unsigned counted,
			       struct profile_sample *sample)
{
	size_t n = sample->bytes;
	struct block *block;
	unsigned class;

	if (n >= SIZECLASS_SMALL_MAX && sample->intervals.stack != 0)
		return bypass_large_for(counted, BLOCK_ALIGN, sample);
	if (n >= SIZECLASS_SMALL_MAX) {
		/* All of this class is in one bin: what lives is known. */
		profile_count(sample);
		return NULL;
	}
	class = sizeclass_with_header(n);
	thread_begin_row(cache, class);
	block = cache_pop(cache, header_class_code(class));
	if (!block)
		return NULL;
	if (!sample_add(sample, block)) {
		cache_unpop(cache, header_class_code(class), block);
		return NULL;
	}
	header_set_sampled(block, class != counted);
	cache_block_without_count(cache, class);
	return block;
}

/* The countdown ran out at a request of `n` bytes. */
NOINLINE void *heap_malloc_sample(size_t n)
{
	struct cache *cache = cache_self;
	uint8_t code = sizeclass_code(n);
	unsigned class = header_class(code);
	uint64_t interval = cache->cold[class].sample_interval;
	struct profile_sample sample;
	void *block = NULL;

	thread_redraw(cache, class);
	cache_count_without_block(cache, class);
	thread_poll(cache);
	if (sample_row(&cache->sample, n, class, interval, &sample))
		block = heap_take_sampled(cache, class, &sample);
	if (!block)
		block = heap_pop_or_reclaim(cache, code, n);
	return block ? block : no_memory();
}

static void heap_count_boundary(const void *ptr)
{
	if (((uintptr_t)ptr & 0xFFF) == 0)
		stats_add(FIGURE_PAGE_BOUNDARY, 1);
}

/* Of a pointer that is no ordinary block: one with a header of its own kind, or
 * a bad one. What becomes of the block is an ordinary block. */
static NOINLINE void heap_free_closely(struct cache *cache, void *ptr)
{
	struct lookup found = lookup_closely(ptr);

	if (found.kind == LOOKUP_NONE) {
		reject(ptr, &found);
		return;
	}
	if (found.code != HEADER_MAPPED)
		heap_count_boundary(ptr);
	if (unlikely(found.sampled))
		sample_free(ptr);
	if (found.kind == LOOKUP_LARGE) {
		if (unlikely(found.counted))
			thread_count_free(header_class(found.counted));
		large_free(ptr);
		return;
	}
	if (unlikely(found.counted != found.code))
		thread_recount_free(header_class(found.code),
				    header_class(found.counted));
	if (found.kind == LOOKUP_ALIGNED)
		header_set_freed(ptr);
	if (found.kind == LOOKUP_ALIGNED || found.sampled)
		header_set_ordinary(found.base, found.code);
	heap_give(cache, found.code, found.base);
}

NOINLINE void heap_free_miss(void *ptr)
{
	const struct sizeclass *class;
	struct cache *cache;

	if (!ptr)
		return;
	cache = thread_cache();
	if (cache)
		thread_poll(cache);
	class = lookup_class(ptr);
	if (class)
		heap_give(
			cache,
			header_class_code((unsigned)(class - sizeclass_table)),
			ptr);
	else
		heap_free_closely(cache, ptr);
}

void *heap_calloc(size_t count, size_t size)
{
	size_t bytes;
	void *ptr;

	if (__builtin_mul_overflow(count, size, &bytes))
		return no_memory();
	if (bytes > SIZECLASS_SMALL_MAX) {
		struct cache *cache = thread_cache();

		if (cache)
			thread_poll(cache);
		return bypass_large(cache, bytes, BLOCK_ALIGN, true);
	}
	ptr = heap_malloc(bytes);
	if (ptr)
		memset(ptr, 0, bytes);
	return ptr;
}

void *heap_aligned(size_t align, size_t n)
{
	struct cache *cache;
	int class = -1;

	if (align <= BLOCK_ALIGN)
		return heap_malloc(n);
	if (max_size(align, n) <= SIZECLASS_SMALL_MAX) {
		class = sizeclass_aligned(align, n);
		/* Those of 1024 are counted apart: each is a miss. */
		if (class >= 0 && class != sizeclass_of_1024())
			sizeclass_learn(align, n, (unsigned)class);
	}
	if (align > ALIGN_MAX || n > (size_t)PTRDIFF_MAX - align)
		return no_memory();
	cache = thread_cache();
	if (cache)
		thread_poll(cache);
	if (unlikely(sizeclass_count == 0))
		return no_memory(); /* boot failed */
	if (class < 0 && n + align >= SIZECLASS_SMALL_MAX)
		return bypass_large(cache, n, align, false);
	if (class < 0)
		class = (int)sizeclass_with_header(n + align);
	return bypass_aligned(cache, align, n, (unsigned)class);
}

NOINLINE size_t heap_usable_miss(void *ptr)
{
	struct lookup found;

	if (!ptr)
		return 0;
	found = lookup_closely(ptr);
	if (found.kind == LOOKUP_NONE)
		reject_count(&found);
	return found.usable;
}

/* realloc of somebody else's block: its length is not known, so what can be
 * read of `n` bytes is copied, and the block is left to its owner. */
static void *heap_adopt(void *ptr, size_t n)
{
	void *fresh = heap_malloc(n);
	size_t copied = 0;

	while (fresh && copied < n) {
		uintptr_t at = (uintptr_t)ptr + copied;
		size_t piece = min_size(n - copied, 4096 - (at & 0xFFF));

		if (!vm_readable(at))
			break;
		memcpy((char *)fresh + copied, (void *)at, piece);
		copied += piece;
	}
	return fresh;
}

static bool heap_keeps_place(const struct lookup *found, size_t n)
{
	if (n > found->usable)
		return false;
	if (n > SIZECLASS_SMALL_MAX)
		return true;
	return n >= found->usable / 2 || found->usable < 64;
}

/*
 * Every realloc that keeps its block ends here, whether or not it made the
 * block longer or shorter. It is no request and no free: the block stays in the
 * class or bin that counts its request, and live bytes change only as far as
 * the block reserves more or less.
 */
static void *heap_realloc_in_place(void *block)
{
	stats_add(FIGURE_REALLOCS_IN_PLACE, 1);
	return block;
}

static void *heap_realloc_move(void *ptr, const struct lookup *found, size_t n)
{
	void *fresh;

	if (n > SIZECLASS_SMALL_MAX) {
		fresh = bypass_move(ptr, found->usable, n);
	} else {
		fresh = heap_malloc(n);
		if (fresh)
			memcpy(fresh, ptr, min_size(found->usable, n));
	}
	if (fresh)
		heap_free(ptr);
	return fresh;
}

static void *heap_resize(void *ptr, const struct lookup *found, size_t n)
{
	bool large =
		found->kind == LOOKUP_LARGE && found->counted == HEADER_NONE;
	void *fresh;

	if (!large && heap_keeps_place(found, n))
		return heap_realloc_in_place(ptr);
	fresh = large && n > SIZECLASS_SMALL_MAX ? bypass_resize(ptr, n) : NULL;
	if (fresh)
		return heap_realloc_in_place(fresh);
	fresh = heap_realloc_move(ptr, found, n);
	/* Who wants less and cannot be given another block keeps this one. */
	return fresh || n > found->usable ? fresh : heap_realloc_in_place(ptr);
}

void *heap_realloc(void *ptr, size_t n)
{
	struct lookup found;

	if (!ptr)
		return heap_malloc(n);
	if (n == 0) {
		heap_free(ptr);
		return NULL;
	}
	if (n > (size_t)PTRDIFF_MAX)
		return no_memory();
	found = lookup(ptr);
	if (likely(found.kind != LOOKUP_NONE))
		return heap_resize(ptr, &found, n);
	reject(ptr, &found);
	return found.fault == REJECT_FOREIGN ? heap_adopt(ptr, n) : no_memory();
}

bool heap_trim(void)
{
	uint64_t before = stats_get(FIGURE_RETURNED_BYTES);

	thread_cache();
	thread_drain_all();
	span_purge_all();
	return stats_get(FIGURE_RETURNED_BYTES) > before;
}
