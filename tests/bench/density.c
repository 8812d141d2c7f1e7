/* How much memory a requested byte takes: the growth of RSS by COUNT live
 * blocks of SIZE bytes, every page of them touched. value= is that ratio. */
#include "tests/bench/bench.h"

#define USAGE "SIZE [COUNT]"

int main(int argc, char **argv)
{
	size_t size = bench_arg(argc, argv, 1, USAGE);
	size_t count = argc > 2 ? bench_arg(argc, argv, 2, USAGE) : 1000000;
	void **blocks = bench_map(count * sizeof(*blocks));
	struct bench b = bench_begin();
	long before;
	char extra[64];

	free(bench_alloc(size));
	before = bench_status_kb("VmRSS");
	for (size_t i = 0; i < count; i++) {
		blocks[i] = bench_alloc(size);
		memset(blocks[i], 1, size);
	}
	snprintf(extra, sizeof(extra), "value=%.4f",
		 (double)(bench_status_kb("VmRSS") - before) * 1024 /
			 ((double)size * (double)count));
	b.ops = count;
	bench_end(&b);
	bench_report(&b, extra);
}
