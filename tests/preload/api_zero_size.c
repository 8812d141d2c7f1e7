/* malloc(0) and its relatives: unique blocks; realloc(p, 0) frees. */
#include "tests/preload/check.h"

static void unique(void)
{
	enum { COUNT = 1000 };
	static void *blocks[COUNT];

	for (int i = 0; i < COUNT; i++) {
		blocks[i] = malloc(0);
		CHECK(blocks[i] && aligned_to(blocks[i], 16));
		for (int j = 0; j < i; j++)
			CHECK(blocks[i] != blocks[j]);
	}
	for (int i = 0; i < COUNT; i++)
		free(blocks[i]);
}

/* realloc(p, 0) returns NULL, and the memory is indeed free again. */
static void realloc_frees(size_t n, int times)
{
	long before = rss_bytes();

	for (int i = 0; i < times; i++) {
		char *p = malloc(n);

		CHECK(p);
		memset(p, 1, n);
		errno = 0;
		CHECK(realloc(hide(p), 0) == NULL && errno == 0);
	}
	CHECK(rss_bytes() - before < (64 << 20));
}

int main(void)
{
	void *p;

	unique();
	realloc_frees(100, 3000000);
	realloc_frees(100000, 3000);
	realloc_frees(10000000, 30);
	CHECK((p = realloc(NULL, 0)) != NULL);
	CHECK(realloc(p, 0) == NULL);
	CHECK((p = memalign(64, 0)) && aligned_to(p, 64));
	free(p);
	CHECK((p = aligned_alloc(4096, 0)) && aligned_to(p, 4096));
	free(p);
	CHECK(posix_memalign(&p, 64, 0) == 0 && p && aligned_to(p, 64));
	free(p);
	CHECK((p = valloc(0)) && aligned_to(p, 4096));
	free(p);
	CHECK((p = pvalloc(0)) && aligned_to(p, 4096));
	free(p);
	CHECK((p = reallocarray(NULL, 0, 8)) != NULL);
	CHECK(reallocarray(p, 0, 8) == NULL);
	return 0;
}
