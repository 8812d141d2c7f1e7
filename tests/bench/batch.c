/* N blocks of one size are allocated, then all freed: last in first out, first
 * in first out, or in one random order. An operation is a malloc and a free. */
#include "tests/bench/bench.h"

#define USAGE "N SIZE lifo|fifo|random"

static void order(uint32_t *at, size_t n, const char *how)
{
	uint64_t seed = bench_seed(0);

	for (size_t i = 0; i < n; i++)
		at[i] = (uint32_t)(strcmp(how, "lifo") ? i : n - 1 - i);
	if (strcmp(how, "random") != 0)
		return;
	for (size_t i = n - 1; i > 0; i--) {
		size_t j = bench_between(&seed, 0, i);
		uint32_t swap = at[i];

		at[i] = at[j];
		at[j] = swap;
	}
}

static void round_of(void **blocks, const uint32_t *at, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++)
		blocks[i] = bench_alloc(size);
	for (size_t i = 0; i < n; i++)
		free(blocks[at[i]]);
}

int main(int argc, char **argv)
{
	size_t n = bench_arg(argc, argv, 1, USAGE);
	size_t size = bench_arg(argc, argv, 2, USAGE);
	const char *how = argc > 3 ? argv[3] : "";
	void **blocks = bench_map(n * sizeof(*blocks));
	uint32_t *at = bench_map(n * sizeof(*at));
	struct bench b;

	if (strcmp(how, "lifo") && strcmp(how, "fifo") && strcmp(how, "random"))
		bench_die("unknown order '%s'; usage: %s " USAGE, how, argv[0]);
	order(at, n, how);
	round_of(blocks, at, n, size);
	for (b = bench_begin(); bench_more(&b); b.ops += n)
		round_of(blocks, at, n, size);
	bench_end(&b);
	bench_report(&b, "");
}
