#include "libhakmem/memory/header.h"

#include "libhakmem/base/vm.h"

uint32_t header_secret;

static uint32_t header_check(const void *ptr, const struct header_wide *wide,
			     uint8_t code)
{
	uint64_t mixed = ((uintptr_t)ptr ^ ((uint64_t)header_secret << 17)) *
			 0x9E3779B97F4A7C15u;
	uint64_t marks = (uint64_t)wide->mark << 63 | (uint64_t)wide->bin << 48;

	marks ^= (uint64_t)wide->counted << 40;

	mixed ^= (wide->bytes + code + marks) * 0xC2B2AE3D27D4EB4Fu;
	mixed ^= mixed >> 29;
	return (uint32_t)(mixed >> 16) ^ header_secret;
}

void header_write_wide(void *ptr, uint64_t bytes, uint8_t code)
{
	struct header_wide *wide = header_wide(ptr);

	*wide = (struct header_wide){.bytes = bytes, .code = code};
	wide->check = header_check(ptr, wide, code);
}

void header_resize_wide(void *ptr, uint64_t bytes, uint32_t bin)
{
	struct header_wide *wide = header_wide(ptr);

	wide->bytes = bytes;
	wide->bin = bin & 0x7FFFu;
	wide->mark = 0;
	wide->check = header_check(ptr, wide, wide->code);
}

void header_mark_wide(void *ptr, bool mark, uint8_t counted)
{
	struct header_wide *wide = header_wide(ptr);

	wide->mark = mark;
	wide->counted = counted;
	wide->check = header_check(ptr, wide, wide->code);
}

bool header_wide_valid(const void *ptr, uint8_t code)
{
	const struct header_wide *wide = header_wide(ptr);

	return wide->code == code &&
	       wide->check == header_check(ptr, wide, code);
}

bool header_readable(const void *ptr, bool *asked)
{
	*asked = ((uintptr_t)ptr & (VM_PAGE - 1)) < 16;
	return !*asked || vm_readable((uintptr_t)ptr - 1);
}
