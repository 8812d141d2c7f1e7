#include "libhakmem/memory/stats.h"

struct stats stats;

struct stats_bin *stats_bin(size_t requested)
{
	return &stats.large[bins_index(requested)];
}

void stats_large_alloc(size_t requested, size_t reserved)
{
	struct stats_bin *bin = stats_bin(requested);

	count64(&bin->requests, 1);
	count64(&bin->requested_bytes, requested);
	count64(&bin->reserved_bytes, reserved);
}

void stats_large_free(size_t requested, size_t reserved)
{
	struct stats_bin *bin = stats_bin(requested);

	count64(&bin->frees, 1);
	count64(&bin->freed_bytes, reserved);
}

struct stats_large stats_large(void)
{
	struct stats_large sum = {0, 0, 0};

	for (uint32_t i = 0; i < BINS_COUNT; i++) {
		const struct stats_bin *bin = &stats.large[i];
		uint64_t freed = peek64(&bin->freed_bytes);

		sum.frees += peek64(&bin->frees);
		sum.allocs += peek64(&bin->requests);
		sum.live_bytes += peek64(&bin->reserved_bytes) - freed;
	}
	return sum;
}
