/* A table of live blocks; each operation replaces a random one by a block of a
 * random size. */
#include "tests/bench/bench.h"

#define USAGE "LO HI LIVE"

static void replace(void **live, size_t count, size_t lo, size_t hi,
		    uint64_t *seed)
{
	for (int i = 0; i < 1000; i++) {
		size_t at = bench_between(seed, 0, count - 1);

		free(live[at]);
		live[at] = bench_alloc(bench_between(seed, lo, hi));
	}
}

int main(int argc, char **argv)
{
	size_t lo = bench_arg(argc, argv, 1, USAGE);
	size_t hi = bench_arg(argc, argv, 2, USAGE);
	size_t count = bench_arg(argc, argv, 3, USAGE);
	void **live = bench_map(count * sizeof(*live));
	uint64_t seed = bench_seed(1);
	struct bench b;

	for (size_t i = 0; i < count; i++)
		live[i] = bench_alloc(bench_between(&seed, lo, hi));
	for (size_t i = 0; i < count; i += 100)
		replace(live, count, lo, hi, &seed);
	for (b = bench_begin(); bench_more(&b); b.ops += 1000)
		replace(live, count, lo, hi, &seed);
	bench_end(&b);
	bench_report(&b, "");
}
