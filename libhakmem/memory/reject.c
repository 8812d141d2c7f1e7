#include "libhakmem/memory/reject.h"

#include "libhakmem/base/conf.h"
#include "libhakmem/memory/stats.h"

#include <stdlib.h>

#define LINES_MAX 1000u

static void (*reject_last_words)(void);

void reject_set_last_words(void (*say)(void))
{
	reject_last_words = say;
}

/* A program that is wrong in a loop must not fill a disk. */
static bool reject_may_say(void)
{
	static uint32_t said;

	return __atomic_fetch_add(&said, 1, __ATOMIC_RELAXED) < LINES_MAX;
}

/* The class that the line names. */
static uint32_t reject_stride(uint8_t code)
{
	if (header_is_class(code))
		return sizeclass_table[header_class(code)].stride;
	return code == HEADER_NONE ? REPORT_CLASS_UNKNOWN : REPORT_CLASS_LARGE;
}

void reject_count(const struct lookup *found)
{
	stats_add(FIGURE_REJECT(found->fault), 1);
}

void reject(const void *ptr, const struct lookup *found)
{
	reject_count(found);
	if (found->fault == REJECT_FOREIGN)
		return;
	if (conf.corruption_abort || reject_may_say())
		report_corruption(found->fault, ptr, reject_stride(found->code),
				  conf.corruption_abort, conf.log);
	if (!conf.corruption_abort)
		return;
	if (reject_last_words)
		reject_last_words();
	abort();
}
