/* A table of 1,000 live blocks of 64 to 2048 bytes, aligned; each operation
 * replaces a random one. */
#include "tests/bench/bench.h"

#define USAGE "ALIGNMENT"
#define LIVE  1000u

static void *aligned(size_t alignment, size_t n)
{
	void *p = NULL;

	if (posix_memalign(&p, alignment, n) != 0)
		bench_die("posix_memalign of %zu bytes failed", n);
	if ((uintptr_t)p % alignment)
		bench_die("pointer %p is not aligned to %zu", p, alignment);
	return bench_touch(p, n);
}

int main(int argc, char **argv)
{
	size_t alignment = bench_arg(argc, argv, 1, USAGE);
	void **live = bench_map(LIVE * sizeof(*live));
	uint64_t seed = bench_seed(4);
	struct bench b;

	for (size_t i = 0; i < LIVE; i++)
		live[i] = aligned(alignment, bench_between(&seed, 64, 2048));
	for (b = bench_begin(); bench_more(&b); b.ops += 256)
		for (int i = 0; i < 256; i++) {
			size_t at = bench_between(&seed, 0, LIVE - 1);

			free(live[at]);
			live[at] = aligned(alignment,
					   bench_between(&seed, 64, 2048));
		}
	bench_end(&b);
	bench_report(&b, "");
}
