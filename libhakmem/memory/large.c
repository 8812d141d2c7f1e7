#include "libhakmem/memory/large.h"

#include "libhakmem/memory/header.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/base/vm.h"

#include <string.h>

#define RECENT 64u

/* Addresses of mappings that were freed, to name a double free. */
static uintptr_t large_recent[RECENT];
static uint32_t large_recent_next;

static uintptr_t large_first_page(const void *ptr)
{
	return align_down((uintptr_t)ptr - 16, VM_PAGE);
}

static size_t large_reserved_bytes(const void *ptr, size_t n)
{
	return align_up((uintptr_t)ptr - large_first_page(ptr) + n, VM_PAGE);
}

static size_t large_units_for(size_t bytes)
{
	return (bytes + ARENA_UNIT - 1) >> ARENA_UNIT_SHIFT;
}

static struct unit *large_span_of(const void *ptr)
{
	return arena_unit((const char *)ptr - 16);
}

static void *large_finish(char *ptr, size_t n, uint8_t code, uint8_t counted)
{
	header_write_large(ptr, n, code);
	header_resize_wide(ptr, n, bins_index(n));
	if (counted != 0)
		header_large_set_sampled(ptr, false, counted);
	else
		stats_large_alloc(n, large_reserved_bytes(ptr, n));
	return ptr;
}

/* Clearing a page that holds memory costs a fifth of a page fault, clearing one
 * that holds none a page fault and its memory. So a span that is mostly empty
 * is purged: who asks for much zeroed memory often uses little of it. */
static void large_clear_span(struct unit *span, char *ptr, size_t n)
{
	char *start = arena_address(span);
	size_t bytes = (size_t)span->units << ARENA_UNIT_SHIFT;

	if (vm_resident_pages(start, bytes) > bytes / VM_PAGE / 2 ||
	    !vm_purge(start, bytes))
		memset(ptr, 0, n);
}

static void *large_alloc_span(size_t n, size_t align, bool zeroed,
			      uint8_t counted)
{
	struct unit *span;
	bool clean;
	char *ptr;

	span = span_alloc(ARENA_HEADER, large_units_for(max_size(n, 1) + align),
			  &clean);
	if (!span)
		return NULL;
	span->state = UNIT_LARGE;
	ptr = arena_address(span) + align;
	if (zeroed && !clean)
		large_clear_span(span, ptr, n);
	return large_finish(ptr, n, HEADER_LARGE, counted);
}

static void *large_alloc_last(size_t n)
{
	struct unit *span =
		span_alloc_last(ARENA_HEADER, large_units_for(n + BLOCK_ALIGN));

	if (!span)
		return NULL;
	span->state = UNIT_LARGE;
	return large_finish(arena_address(span) + BLOCK_ALIGN, n, HEADER_LARGE,
			    0);
}

static void large_forget_recent(const void *ptr)
{
	for (unsigned i = 0; i < RECENT; i++)
		if (large_recent[i] == (uintptr_t)ptr)
			large_recent[i] = 0;
}

static void *large_finish_mapped(char *ptr, size_t n, uint8_t counted)
{
	large_forget_recent(ptr);
	stats_add(FIGURE_MAPPED_BYTES, large_reserved_bytes(ptr, n));
	count64(&stats.mapped_blocks, 1);
	return large_finish(ptr, n, HEADER_MAPPED, counted);
}

static void *large_alloc_mapped(size_t n, size_t align, uint8_t counted)
{
	size_t bytes =
		align_up(n + align, VM_PAGE) + (align > VM_PAGE ? align : 0);
	char *base = vm_map(bytes);
	char *ptr, *end;

	if (!base)
		return NULL;
	ptr = (char *)align_up((uintptr_t)base + 16, align);
	end = (char *)align_up((uintptr_t)ptr + n, VM_PAGE);
	if (end < base + bytes)
		vm_unmap(end, (size_t)(base + bytes - end));
	if ((char *)large_first_page(ptr) > base)
		vm_unmap(base, large_first_page(ptr) - (uintptr_t)base);
	return large_finish_mapped(ptr, n, counted);
}

static void *large_alloc_counted(size_t n, size_t align, bool zeroed,
				 uint8_t counted)
{
	void *ptr = NULL;

	if (n > (size_t)PTRDIFF_MAX - 2 * align - 2 * ARENA_UNIT)
		return NULL;
	if (n <= LARGE_SPAN_MAX && align <= ARENA_UNIT)
		ptr = large_alloc_span(n, align, zeroed, counted);
	return ptr ? ptr : large_alloc_mapped(n, align, counted);
}

void *large_alloc(size_t n, size_t align, bool zeroed)
{
	return large_alloc_counted(n, align, zeroed, 0);
}

void *large_alloc_counted_as(size_t n, size_t align, uint8_t counted)
{
	return large_alloc_counted(n, align, false, counted);
}

static bool large_is_worth_mapping(size_t n)
{
	return n >= LARGE_MOVE_MIN &&
	       peek64(&stats.mapped_blocks) < LARGE_MAPPED_MAX;
}

void *large_alloc_growing(size_t n)
{
	void *ptr = NULL;

	if (n > (size_t)PTRDIFF_MAX - ARENA_UNIT)
		return NULL;
	if (large_is_worth_mapping(n))
		ptr = large_alloc_mapped(n, BLOCK_ALIGN, 0);
	else if (n < LARGE_MOVE_MIN)
		ptr = large_alloc_last(n);
	return ptr ? ptr : large_alloc(n, BLOCK_ALIGN, false);
}

/* From this size on moving pages is cheaper than copying bytes. */
#define MOVE_PAGES_MIN (128 * KIB)

/* Moves the pages of a span into a mapping. */
static void *large_move_pages(void *from, size_t used, size_t n)
{
	struct header_large old = *header_large(from);
	size_t lead = (uintptr_t)from - large_first_page(from);
	char *base = vm_move((void *)large_first_page(from),
			     align_up(lead + used, VM_PAGE),
			     align_up(lead + n, VM_PAGE));

	if (!base)
		return NULL;
	*header_large(from) = old;
	return large_finish_mapped(base + lead, n, 0);
}

void *large_grow(void *from, size_t used, size_t n)
{
	void *ptr = NULL;

	/* Only a large block holds so much, and has such a header. */
	if (used >= MOVE_PAGES_MIN &&
	    header_large(from)->code == HEADER_LARGE &&
	    large_is_worth_mapping(n))
		ptr = large_move_pages(from, used, n);
	if (ptr)
		return ptr;
	ptr = large_alloc_growing(n);
	if (ptr)
		memcpy(ptr, from, used);
	return ptr;
}

void large_free(void *ptr)
{
	struct header_large *header = header_large(ptr);
	size_t n = header->bytes;
	size_t reserved = large_reserved_bytes(ptr, n);
	uint32_t at;

	if (header->counted == 0)
		stats_large_free(bins_low(header->bin), reserved);
	if (header->code == HEADER_LARGE) {
		header_set_freed(ptr);
		span_free(large_span_of(ptr));
		return;
	}
	stats_sub(FIGURE_MAPPED_BYTES, reserved);
	uncount64(&stats.mapped_blocks, 1);
	at = __atomic_fetch_add(&large_recent_next, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&large_recent[at % RECENT], (uintptr_t)ptr,
			 __ATOMIC_RELAXED);
	vm_unmap((void *)large_first_page(ptr), reserved);
}

size_t large_usable(const void *ptr)
{
	return large_reserved_bytes(ptr, header_large(ptr)->bytes) -
	       ((uintptr_t)ptr - large_first_page(ptr));
}

/* A block that is `n` bytes long now is neither requested nor freed: only what
 * its bin reserves changes. */
static void large_note_resized(void *ptr, size_t old_bytes, size_t n)
{
	uint32_t index = header_large(ptr)->bin;
	struct stats_bin *bin = stats_bin(bins_low(index));
	size_t bytes = large_reserved_bytes(ptr, n);

	header_resize_wide(ptr, n, index);
	if (bytes > old_bytes)
		count64(&bin->reserved_bytes, bytes - old_bytes);
	else
		count64(&bin->freed_bytes, old_bytes - bytes);
}

static void *large_resize_span(void *ptr, size_t n)
{
	struct unit *span = large_span_of(ptr);
	size_t lead = (size_t)((char *)ptr - arena_address(span));
	size_t old_bytes = large_reserved_bytes(ptr, header_large(ptr)->bytes);
	size_t units = large_units_for(lead + n);

	if (units > span->units && !span_extend(span, units))
		return NULL;
	if (units < span->units)
		span_shrink(span, units);
	large_note_resized(ptr, old_bytes, n);
	return ptr;
}

static void *large_resize_mapped(void *ptr, size_t n)
{
	size_t old_bytes = large_reserved_bytes(ptr, header_large(ptr)->bytes);
	size_t lead = (uintptr_t)ptr - large_first_page(ptr);
	size_t bytes = align_up(lead + n, VM_PAGE);
	char *base = (char *)large_first_page(ptr);

	if (bytes != old_bytes) {
		base = vm_remap(base, old_bytes, bytes);
		if (!base)
			return NULL;
	}
	stats_sub(FIGURE_MAPPED_BYTES, old_bytes);
	stats_add(FIGURE_MAPPED_BYTES, bytes);
	ptr = base + lead;
	large_forget_recent(ptr);
	/* The header was moved with the rest, but is checked by its address. */
	large_note_resized(ptr, old_bytes, n);
	return ptr;
}

void *large_resize(void *ptr, size_t n)
{
	if (n > (size_t)PTRDIFF_MAX - ARENA_UNIT)
		return NULL;
	return header_large(ptr)->code == HEADER_LARGE
		       ? large_resize_span(ptr, n)
		       : large_resize_mapped(ptr, n);
}

bool large_recently_unmapped(const void *ptr)
{
	for (unsigned i = 0; i < RECENT; i++)
		if (__atomic_load_n(&large_recent[i], __ATOMIC_RELAXED) ==
		    (uintptr_t)ptr)
			return true;
	return false;
}
