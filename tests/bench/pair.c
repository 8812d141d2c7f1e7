/* malloc and free of one size, one block live: the bare fast path. */
#include "tests/bench/bench.h"

int main(int argc, char **argv)
{
	size_t size = bench_arg(argc, argv, 1, "SIZE");
	struct bench b;

	for (int i = 0; i < 1000; i++)
		free(bench_alloc(size));
	for (b = bench_begin(); bench_more(&b); b.ops += 1000)
		for (int i = 0; i < 1000; i++)
			free(bench_alloc(size));
	bench_end(&b);
	bench_report(&b, "");
}
