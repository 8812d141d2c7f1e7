/*
 * mallopt, mallinfo, mallinfo2, malloc_trim, malloc_info, malloc_stats answer
 * as programs expect them to.
 *
 * stderr: (?s).*
 */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "tests/preload/check.h"

enum { BLOCKS = 40000, BYTES = 100 };

static void info(void)
{
	static void *blocks[BLOCKS];
	struct mallinfo2 before = mallinfo2(), after;
	size_t grown;

	for (int i = 0; i < BLOCKS; i++)
		CHECK((blocks[i] = malloc(BYTES)));
	after = mallinfo2();
	grown = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
	CHECK(grown >= BLOCKS * BYTES && grown < 2 * BLOCKS * BYTES);
	CHECK(after.arena + after.hblkhd >= after.uordblks);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	after = mallinfo2();
	CHECK(after.uordblks + after.hblkhd <
	      before.uordblks + before.hblkhd + BLOCKS * BYTES / 2);
	CHECK(mallinfo().arena >= 0);
}

static void xml(void)
{
	static char text[65536];
	FILE *out = fmemopen(text, sizeof(text), "w");

	CHECK(out && malloc_info(0, out) == 0);
	fclose(out);
	CHECK(strncmp(text, "<malloc version=", 16) == 0);
	CHECK(strstr(text, "</malloc>"));
	errno = 0;
	CHECK(malloc_info(1, stdout) == EINVAL || errno == EINVAL);
}

int main(void)
{
	int trimmed;

	CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
	CHECK(mallopt(M_ARENA_MAX, 1) == 1);
	CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
	info();
	xml();
	trimmed = malloc_trim(0);
	CHECK(trimmed == 0 || trimmed == 1);
	trimmed = malloc_trim((size_t)1 << 40);
	CHECK(trimmed == 0 || trimmed == 1);
	malloc_stats();
	return 0;
}
