#include "libhakmem/memory/pointer.h"

#include "libhakmem/memory/header.h"
#include "libhakmem/memory/large.h"
#include "libhakmem/memory/slab.h"
#include "libhakmem/memory/stats.h"

void *pointer_base(void *ptr, bool restore)
{
	struct unit *slab;
	char *base;

	if (!header_wide_valid(ptr, HEADER_ALIGNED))
		return NULL;
	base = (char *)ptr - header_wide(ptr)->bytes;
	slab = slab_of(base);
	if (!slab || !slab_is_block(slab, base))
		return NULL;
	if (restore) {
		header_wide(ptr)->code = HEADER_FREED;
		*header_byte(base) = header_ordinary(base, slab->code);
	}
	return base;
}

bool pointer_is_mapped(void *ptr)
{
	bool asked, readable;

	if (!is_aligned((uintptr_t)ptr, BLOCK_ALIGN) ||
	    large_recently_unmapped(ptr))
		return false;
	readable = header_readable(ptr, &asked);
	if (asked) {
		count64(&stats.page_boundary, 1);
		count64(&stats.mincore, 1);
	}
	return readable && header_wide_valid(ptr, HEADER_MAPPED);
}

bool pointer_is_span(void *ptr)
{
	return is_aligned((uintptr_t)ptr, BLOCK_ALIGN) &&
	       arena_unit((char *)ptr - 16)->state == UNIT_LARGE &&
	       header_wide_valid(ptr, HEADER_LARGE);
}

static struct pointer find_inside(void *ptr)
{
	struct pointer none = {0, HEADER_NONE};
	uint8_t code = arena_code(ptr);
	struct unit *slab;
	char *base;

	if (code == HEADER_LARGE)
		return pointer_is_span(ptr)
			       ? (struct pointer){large_usable(ptr), code}
			       : none;
	base = code == HEADER_ALIGNED ? pointer_base(ptr, false) : ptr;
	slab = base ? slab_of(base) : NULL;
	if (!slab || !slab_is_block(slab, base) ||
	    (code != HEADER_ALIGNED && !header_is_sampled(code) &&
	     (code != slab_code_at(slab, ptr) ||
	      ((struct block *)ptr)->key == block_key(ptr))))
		return none;
	return (struct pointer){
		sizeclass_table[header_class(slab->code)].usable -
			(size_t)((char *)ptr - base),
		code};
}

struct pointer pointer_find(void *ptr)
{
	if (arena_owns(ptr))
		return find_inside(ptr);
	if (pointer_is_mapped(ptr))
		return (struct pointer){large_usable(ptr), HEADER_MAPPED};
	return (struct pointer){0, HEADER_NONE};
}
