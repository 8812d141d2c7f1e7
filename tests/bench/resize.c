/* A table of strings; each operation appends to a random one, which grows by
 * half with realloc, and asks for its usable size. One that would grow beyond
 * HI is freed, and another begins with LO bytes. */
#include "tests/bench/bench.h"

#include <malloc.h>

#define USAGE "LO HI LIVE"

struct string {
	char *bytes;
	size_t length;
};

static void append(struct string *string, size_t lo, size_t hi)
{
	size_t length = string->length + string->length / 2;

	if (length > hi || length == 0) {
		free(string->bytes);
		string->bytes = NULL;
		length = lo;
	}
	string->bytes = realloc(string->bytes, length);
	if (!string->bytes || malloc_usable_size(string->bytes) < length)
		bench_die("no memory for %zu bytes", length);
	string->bytes[length - 1] = 1;
	string->length = length;
}

int main(int argc, char **argv)
{
	size_t lo = bench_arg(argc, argv, 1, USAGE);
	size_t hi = bench_arg(argc, argv, 2, USAGE);
	size_t count = bench_arg(argc, argv, 3, USAGE);
	struct string *live = bench_map(count * sizeof(*live));
	uint64_t seed = bench_seed(6);
	struct bench b;

	if (lo < 2)
		bench_die("LO is at least 2");
	for (size_t i = 0; i < count * 20; i++)
		append(&live[bench_between(&seed, 0, count - 1)], lo, hi);
	for (b = bench_begin(); bench_more(&b); b.ops += 1000)
		for (int i = 0; i < 1000; i++)
			append(&live[bench_between(&seed, 0, count - 1)], lo,
			       hi);
	bench_end(&b);
	bench_report(&b, "");
}
