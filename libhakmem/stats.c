#include "libhakmem/stats.h"

struct stats stats;

struct stats_bin *stats_bin(size_t requested)
{
	return &stats.large[bins_index(requested)];
}

void stats_large_alloc(size_t requested, size_t reserved)
{
	struct stats_bin *bin = stats_bin(requested);

	count64(&stats.large_allocs, 1);
	count64(&stats.large_live_bytes, reserved);
	count64(&bin->requests, 1);
	count64(&bin->requested_bytes, requested);
	count64(&bin->reserved_bytes, reserved);
	count64(&bin->live_objects, 1);
	count64(&bin->live_bytes, reserved);
}

void stats_large_free(size_t requested, size_t reserved)
{
	struct stats_bin *bin = stats_bin(requested);

	count64(&stats.large_frees, 1);
	uncount64(&stats.large_live_bytes, reserved);
	uncount64(&bin->live_objects, 1);
	uncount64(&bin->live_bytes, reserved);
}
