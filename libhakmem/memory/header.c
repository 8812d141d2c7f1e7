#include "libhakmem/memory/header.h"

#include "libhakmem/base/vm.h"

uint32_t header_secret;

static uint32_t header_check(const void *ptr, const struct header_large *header,
			     uint8_t code)
{
	uint64_t mixed = ((uintptr_t)ptr ^ ((uint64_t)header_secret << 17)) *
			 0x9E3779B97F4A7C15u;
	uint64_t marks = (uint64_t)header->sampled << 63 | (uint64_t)header->bin
								   << 48;

	marks ^= (uint64_t)header->counted << 40;

	mixed ^= (header->bytes + code + marks) * 0xC2B2AE3D27D4EB4Fu;
	mixed ^= mixed >> 29;
	return (uint32_t)(mixed >> 16) ^ header_secret;
}

void header_write_large(void *ptr, uint64_t bytes, uint8_t code)
{
	struct header_large *header = header_large(ptr);

	*header = (struct header_large){.bytes = bytes, .code = code};
	header->check = header_check(ptr, header, code);
}

void header_resize_wide(void *ptr, uint64_t bytes, uint32_t bin)
{
	struct header_large *header = header_large(ptr);

	header->bytes = bytes;
	header->bin = bin & 0x7FFFu;
	header->sampled = 0;
	header->check = header_check(ptr, header, header->code);
}

void header_large_set_sampled(void *ptr, bool sampled, uint8_t counted)
{
	struct header_large *header = header_large(ptr);

	header->sampled = sampled;
	header->counted = counted;
	header->check = header_check(ptr, header, header->code);
}

bool header_large_valid(const void *ptr, uint8_t code)
{
	const struct header_large *header = header_large(ptr);

	return header->code == code &&
	       header->check == header_check(ptr, header, code);
}

bool header_readable(const void *ptr, bool *asked)
{
	*asked = ((uintptr_t)ptr & (VM_PAGE - 1)) < 16;
	return !*asked || vm_readable((uintptr_t)ptr - 1);
}
