/*
 * The library's reader of call frame information, on a module that is nothing
 * but the input, between pages that nobody may touch. Input: where the FDE
 * begins, 2 bytes; which place is asked for, 1 byte; the module.
 */
#include <string.h>
#include <sys/mman.h>

#include "libhakmem/unwind/cfi.h"
#include "libhakmem/unwind/module.h"
#include "tests/fuzz/world.h"

#define PAGE 4096u

static uint8_t *start;
static size_t bytes;
static int32_t entry[2];

/* The module, as cfi.c sees it. */
bool module_stays(uint32_t id)
{
	return id == 1;
}

bool module_frames(uint32_t id, struct module_frames *out)
{
	*out = (struct module_frames){.header = (uintptr_t)start};
	return id == 1;
}

bool module_entry(const struct module_frames *frames, uintptr_t pc,
		  uintptr_t *out)
{
	(void)frames;
	(void)pc;
	*out = (uintptr_t)entry;
	return true;
}

bool module_holds(uint32_t id, uintptr_t address, size_t count)
{
	return id == 1 && address >= (uintptr_t)start &&
	       address - (uintptr_t)start < bytes &&
	       count <= bytes - (address - (uintptr_t)start);
}

static bool is_distance(int32_t distance)
{
	return distance % 8 == 0 && distance <= RULE_DISTANCE_MAX &&
	       distance >= -RULE_DISTANCE_MAX;
}

static void check(const struct rule *rule)
{
	must(rule->module == 1 && rule->stays);
	must(rule->base <= RULE_GUESS);
	must(is_distance(rule->cfa) && is_distance(rule->fp));
	switch (rule->base) {
	case RULE_SP:
	case RULE_FP:
		must(rule->cfa > 0 && (!rule->saves_fp || rule->fp > 0));
		break;
	case RULE_SP_AT:
	case RULE_FP_AT:
	case RULE_SIGNAL:
		break;
	default:
		must(rule->cfa == 0 && rule->fp == 0 && !rule->saves_fp);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *room;
	struct rule rule;

	if (size < 4 || size - 3 > 16 * PAGE)
		return 0;
	if (!room) {
		room = mmap(NULL, 18 * PAGE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(room != MAP_FAILED);
		must(mprotect(room + PAGE, 16 * PAGE, PROT_READ | PROT_WRITE) ==
		     0);
	}
	bytes = size - 3;
	entry[1] = (int32_t)((data[0] | (unsigned)data[1] << 8) % bytes);
	/* Once it ends where nothing may be read, once it begins there. */
	start = room + 17 * PAGE - bytes;
	for (int side = 0; side < 2; side++) {
		memcpy(start, data + 3, bytes);
		cfi_learn((uintptr_t)start + data[2], 1, &rule);
		check(&rule);
		start = room + PAGE;
	}
	return 0;
}
