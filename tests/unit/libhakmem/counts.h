/*
 * What the counters of the heap must say, kept beside them.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_COUNTS_H
#define TESTS_UNIT_LIBHAKMEM_COUNTS_H

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/heap/thread.h"
#include "tests/unit/libhakmem/unit.h"

static uint64_t shadow_allocs[SIZECLASS_MAX], shadow_frees[SIZECLASS_MAX];
static struct thread_sums start;

static inline int boot(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	conf.corruption_abort = false;
	sampler_init(0, 0);
	return 0;
}

static inline unsigned class_of(size_t n)
{
	return header_class(sizeclass_code(n));
}

static inline void start_counting(void)
{
	memset(shadow_allocs, 0, sizeof(shadow_allocs));
	memset(shadow_frees, 0, sizeof(shadow_frees));
	thread_sum(&start);
}

static inline void assert_counts(void)
{
	struct thread_sums now;

	thread_sum(&now);
	for (unsigned i = 0; i < sizeclass_count; i++) {
		assert_int_equal(now.allocs[i] - start.allocs[i],
				 shadow_allocs[i]);
		assert_int_equal(now.frees[i] - start.frees[i],
				 shadow_frees[i]);
	}
}

#endif
