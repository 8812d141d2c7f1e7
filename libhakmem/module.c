#include "libhakmem/module.h"

void module_start(void)
{
}

uint32_t module_of(uintptr_t pc)
{
	(void)pc;
	return MODULE_NONE;
}

bool module_info(uint32_t id, struct module_info *out)
{
	(void)id;
	(void)out;
	return false;
}

uint64_t module_generation(void)
{
	return 0;
}

uint32_t module_changed_since(uint64_t since, uint32_t after)
{
	(void)since;
	(void)after;
	return 0;
}

void module_refresh(void)
{
}

uint32_t module_count(void)
{
	return 0;
}

uint64_t module_lost(void)
{
	return 0;
}
