#include "libhakmem/heap/bypass.h"

#include "libhakmem/memory/header.h"
#include "libhakmem/memory/large.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/heap/thread.h"

/* Is this request a sample? A thread without a cache draws none. */
static bool bypass_wide_is_sample(struct cache *cache, size_t n, unsigned class,
				  struct profile_sample *out)
{
	return cache && sample_bypass(&cache->sample, n, class, out);
}

/* Sets the sampled bit of a large block; does nothing if there is none. */
static void bypass_set_sampled(struct profile_sample *sample, void *ptr)
{
	if (ptr && sample_add(sample, ptr))
		header_large_set_sampled(ptr, true, header_large(ptr)->counted);
}

void *bypass_large_for(unsigned counted, size_t align,
		       struct profile_sample *sample)
{
	void *ptr = large_alloc_counted_as(sample->bytes, align,
					   header_class_code(counted));

	if (ptr)
		bypass_set_sampled(sample, ptr);
	return ptr;
}

void *bypass_large(struct cache *cache, size_t n, size_t align, bool zeroed)
{
	struct profile_sample sample;
	bool sampled =
		bypass_wide_is_sample(cache, n, SITE_CLASS_LARGE, &sample);
	void *ptr = large_alloc(n, align, zeroed);

	if (!ptr && n <= arena.committed[0] + arena.committed[1]) {
		thread_reclaim();
		ptr = large_alloc(n, align, zeroed);
	}
	if (!ptr)
		return no_memory();
	if (sampled)
		bypass_set_sampled(&sample, ptr);
	if (n == 1024)
		stats_add(FIGURE_FALLBACK_1024, 1);
	return ptr;
}

void *bypass_move(void *ptr, size_t usable, size_t n)
{
	struct profile_sample sample;
	bool sampled = bypass_wide_is_sample(thread_cache(), n,
					     SITE_CLASS_LARGE, &sample);
	void *fresh = large_grow(ptr, min_size(usable, n), n);

	if (!fresh)
		return no_memory();
	if (sampled)
		bypass_set_sampled(&sample, fresh);
	return fresh;
}

/* What lives is to be told at its length of now: so for the samples this is a
 * free and a request, and chance decides anew. */
void *bypass_resize(void *ptr, size_t n)
{
	struct profile_sample sample;
	void *fresh;

	if (header_large(ptr)->sampled)
		sample_free(ptr);
	fresh = large_resize(ptr, n);
	if (fresh &&
	    bypass_wide_is_sample(thread_cache(), n, SITE_CLASS_LARGE, &sample))
		bypass_set_sampled(&sample, fresh);
	return fresh;
}

/* An aligned pointer inside a larger block, with a header of its own; the
 * block's own start can no longer be freed. */
static void *bypass_align_inside(char *base, size_t align)
{
	char *ptr;

	ptr = (char *)align_up((uintptr_t)base + 16, align);
	header_write_large(ptr, (uint64_t)(ptr - base), HEADER_ALIGNED);
	header_set_aligned_base(base);
	return ptr;
}

static void *bypass_take_aligned(struct cache *cache, size_t align,
				 unsigned class)
{
	char *base = (char *)thread_take(cache, header_class_code(class));

	if (!base || is_aligned((uintptr_t)base, align))
		return base;
	return bypass_align_inside(base, align);
}

/* A sample's block needs a header, for the sampled bit, see take_sampled in
 * heap.c. */
static void *bypass_take_aligned_sampled(struct cache *cache, size_t align,
					 unsigned counted,
					 struct profile_sample *sample)
{
	size_t n = sample->bytes;
	unsigned class;
	char *base;
	void *ptr;

	thread_begin_row(cache, counted);
	if (n + align >= SIZECLASS_SMALL_MAX) {
		ptr = bypass_large_for(counted, align, sample);
		if (ptr) {
			cache_count(cache, counted, 1);
			cache_count_without_block(cache, counted);
		}
		return ptr;
	}
	class = sizeclass_with_header(n + align);
	thread_begin_row(cache, class);
	base = (char *)cache_pop(cache, header_class_code(class));
	if (!base)
		return NULL;
	cache_count(cache, counted, 1);
	if (class != counted) {
		cache_count_without_block(cache, counted);
		cache_block_without_count(cache, class);
	}
	ptr = bypass_align_inside(base, align);
	header_large_set_sampled(ptr, sample_add(sample, ptr),
				 class != counted ? header_class_code(counted)
						  : 0);
	return ptr;
}

void *bypass_aligned(struct cache *cache, size_t align, size_t n,
		     unsigned class)
{
	struct profile_sample sample;
	void *ptr = NULL;

	if (bypass_wide_is_sample(cache, n, class, &sample))
		ptr = bypass_take_aligned_sampled(cache, align, class, &sample);
	if (!ptr)
		ptr = bypass_take_aligned(cache, align, class);
	if (!ptr) {
		thread_reclaim();
		ptr = bypass_take_aligned(cache, align, class);
	}
	if (!ptr)
		return no_memory();
	if (class == (unsigned)sizeclass_of_1024() && n != 1024)
		count64(&stats.aligned_1024, 1);
	return ptr;
}
