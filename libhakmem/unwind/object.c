#include "libhakmem/unwind/object.h"

#include <link.h>
#include <sys/auxv.h>

#define PAGE ((uintptr_t)4096)

/* The program, if it has gaps; NULL: it has none. */
static const struct link_map *object_program;
static uintptr_t object_low, object_high;

void object_start(void)
{
	const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	size_t number = getauxval(AT_PHNUM);
	uintptr_t low = UINTPTR_MAX, high = 0;
	struct dl_find_object found;

	if (!header ||
	    _dl_find_object((void *)getauxval(AT_ENTRY), &found) != 0)
		return;
	for (size_t i = 0; i < number; i++) {
		uintptr_t at = found.dlfo_link_map->l_addr + header[i].p_vaddr;

		if (header[i].p_type != PT_LOAD)
			continue;
		low = at < low ? align_down(at, PAGE) : low;
		high = max_size(high, at + header[i].p_memsz);
	}
	if (low >= (uintptr_t)found.dlfo_map_start &&
	    high <= (uintptr_t)found.dlfo_map_end)
		return;
	object_low = low;
	object_high = high;
	object_program = found.dlfo_link_map;
}

bool object_at(uintptr_t pc, struct dl_find_object *out)
{
	if (_dl_find_object((void *)pc, out) != 0)
		return false;
	if (unlikely(object_program && out->dlfo_link_map == object_program)) {
		out->dlfo_map_start = (void *)object_low;
		out->dlfo_map_end = (void *)object_high;
	}
	return true;
}
