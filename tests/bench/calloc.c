/* Blocks of calloc, log-uniform between LO and HI, 16 live; the first and last
 * byte are read, which must be zero, and written. */
#include "tests/bench/bench.h"

#define USAGE "LO HI"
#define LIVE  16u

static void *zeroed(size_t n)
{
	volatile char *p = calloc(1, n);

	if (p && (p[0] || p[n - 1]))
		bench_die("calloc of %zu bytes is not zero", n);
	return bench_touch((void *)(uintptr_t)p, n);
}

int main(int argc, char **argv)
{
	size_t lo = bench_arg(argc, argv, 1, USAGE);
	size_t hi = bench_arg(argc, argv, 2, USAGE);
	void *live[LIVE] = {0};
	uint64_t seed = bench_seed(3);
	struct bench b;

	for (b = bench_begin(); bench_more(&b); b.ops += 64)
		for (int i = 0; i < 64; i++) {
			size_t at = bench_between(&seed, 0, LIVE - 1);

			free(live[at]);
			live[at] = zeroed(bench_log_between(&seed, lo, hi));
		}
	bench_end(&b);
	bench_report(&b, "");
}
