#include "libhakmem/header.h"

#include "libhakmem/vm.h"

uint32_t header_secret;

static uint32_t header_check(const void *ptr, uint64_t bytes, uint8_t code)
{
	uint64_t mixed = ((uintptr_t)ptr ^ ((uint64_t)header_secret << 17)) *
			 0x9E3779B97F4A7C15u;

	mixed ^= (bytes + code) * 0xC2B2AE3D27D4EB4Fu;
	mixed ^= mixed >> 29;
	return (uint32_t)(mixed >> 16) ^ header_secret;
}

void header_write_wide(void *ptr, uint64_t bytes, uint8_t code)
{
	struct header_wide *wide = header_wide(ptr);

	wide->bytes = bytes;
	wide->check = header_check(ptr, bytes, code);
	wide->pad[0] = wide->pad[1] = wide->pad[2] = 0;
	wide->code = code;
}

bool header_wide_valid(const void *ptr, uint8_t code)
{
	const struct header_wide *wide = header_wide(ptr);

	return wide->code == code &&
	       wide->check == header_check(ptr, wide->bytes, code);
}

bool header_readable(const void *ptr, bool *asked)
{
	*asked = ((uintptr_t)ptr & (VM_PAGE - 1)) < 16;
	return !*asked || vm_readable((uintptr_t)ptr - 1);
}
