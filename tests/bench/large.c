/* Large blocks come and go: log-uniform between LO and HI, 16 live, first and
 * last byte touched. */
#include "tests/bench/bench.h"

#define USAGE "LO HI"
#define LIVE  16u

int main(int argc, char **argv)
{
	size_t lo = bench_arg(argc, argv, 1, USAGE);
	size_t hi = bench_arg(argc, argv, 2, USAGE);
	void *live[LIVE] = {0};
	uint64_t seed = bench_seed(5);
	struct bench b;

	for (b = bench_begin(); bench_more(&b); b.ops += 64)
		for (int i = 0; i < 64; i++) {
			size_t at = bench_between(&seed, 0, LIVE - 1);

			free(live[at]);
			live[at] =
				bench_alloc(bench_log_between(&seed, lo, hi));
		}
	bench_end(&b);
	bench_report(&b, "");
}
