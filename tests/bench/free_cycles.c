/*
 * What one free costs: the median cycles of the time stamp counter over many
 * batches of 32 blocks of one size, what two readings of the counter cost
 * subtracted. value= is that figure.
 */
#include "tests/bench/bench.h"

#include <x86intrin.h>

#define USAGE  "SIZE"
#define BLOCKS 32u
#define ROUNDS 2001u

static uint64_t before(void)
{
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return now;
}

static uint64_t after(void)
{
	unsigned aux;
	uint64_t now = __rdtscp(&aux);

	_mm_lfence();
	return now;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(uint64_t *each)
{
	qsort(each, ROUNDS, sizeof(*each), ascending);
	return (double)each[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	size_t size = bench_arg(argc, argv, 1, USAGE);
	uint64_t *each = bench_map(ROUNDS * sizeof(*each));
	struct bench b = bench_begin();
	void *block[BLOCKS];
	double empty, full;
	char value[64];

	for (unsigned r = 0; r < ROUNDS; r++) {
		each[r] = before();
		each[r] = after() - each[r];
	}
	empty = median(each);
	for (unsigned r = 0; r < ROUNDS; r++) {
		for (unsigned i = 0; i < BLOCKS; i++)
			block[i] = bench_alloc(size);
		each[r] = before();
		for (unsigned i = 0; i < BLOCKS; i++)
			free(block[i]);
		each[r] = after() - each[r];
		b.ops += BLOCKS;
	}
	full = median(each);
	bench_end(&b);
	snprintf(value, sizeof(value), "value=%.2f", (full - empty) / BLOCKS);
	bench_report(&b, value);
}
