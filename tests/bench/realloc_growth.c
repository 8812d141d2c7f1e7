/* A buffer grows by realloc from 1 B to 64 MiB, doubling or by 1 KiB, and is
 * freed. Each growth touches what was added. An operation is a realloc; when
 * one buffer takes longer than the run, the run takes longer. */
#include "tests/bench/bench.h"

#define USAGE "double|step"
#define MOST  ((size_t)64 << 20)

static uint64_t grow(bool step)
{
	uint64_t ops = 0;
	char *p = NULL;

	for (size_t n = 1; n <= MOST; n = step ? n + 1024 : n * 2, ops++) {
		p = realloc(p, n);
		bench_touch(p, n);
	}
	free(p);
	return ops;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	bool step = strcmp(how, "step") == 0;
	struct bench b;

	if (!step && strcmp(how, "double") != 0)
		bench_die("usage: %s " USAGE, argv[0]);
	for (b = bench_begin(); bench_more(&b);)
		b.ops += grow(step);
	bench_end(&b);
	bench_report(&b, "");
}
