/* realloc keeps the contents, up and down, small, large and mapped. */
#include "tests/preload/check.h"

static const size_t sizes[] = {
	1,	15,	16,	17,	 24,	  31,	   32,	    40,
	48,	63,	64,	65,	 100,	  127,	   128,	    129,
	255,	256,	512,	513,	 1000,	  1023,	   1024,    1025,
	1040,	2048,	4080,	4095,	 4096,	  4097,	   8192,    16384,
	20000,	32767,	32768,	32769,	 40000,	  65536,   70000,   131071,
	131072, 131073, 262144, 1 << 20, 1 << 21, 3 << 20, 9 << 20,
};
enum { COUNT = sizeof(sizes) / sizeof(*sizes) };

static void step(size_t from, size_t to)
{
	size_t least = from < to ? from : to;
	void *p = malloc(from), *neighbor = malloc(from);

	CHECK(p && neighbor);
	fill(p, from, 3);
	fill(neighbor, from, 5);
	p = realloc(p, to);
	CHECK(p && aligned_to(p, 16) && malloc_usable_size(p) >= to);
	CHECK(filled(p, least, 3));
	fill(p, malloc_usable_size(p), 7);
	CHECK(filled(neighbor, from, 5));
	free(neighbor);
	CHECK(filled(p, malloc_usable_size(p), 7));
	free(p);
}

/* A buffer that grows as strings do, with others growing beside it. */
static void grow(void)
{
	enum { LANES = 4 };
	char *lane[LANES] = {0};
	size_t n = 0;

	while (n < 3000000) {
		size_t next = n + 1 + n / 3;

		for (int i = 0; i < LANES; i++) {
			lane[i] = realloc(lane[i], next);
			CHECK(lane[i] && filled(lane[i], n, (unsigned)i));
			fill(lane[i], next, (unsigned)i);
		}
		n = next;
	}
	while (n > 1) {
		size_t next = n - n / 3 - 1;

		next = next ? next : 1;
		for (int i = 0; i < LANES; i++) {
			lane[i] = realloc(lane[i], next);
			CHECK(lane[i] && filled(lane[i], next, (unsigned)i));
		}
		n = next;
	}
	for (int i = 0; i < LANES; i++)
		free(lane[i]);
}

/* An aligned block may move to any address, its bytes stay. */
static void aligned(void)
{
	for (size_t alignment = 32; alignment <= 65536; alignment *= 4)
		for (size_t n = 1; n < 300000; n = n * 5 + 3) {
			void *p = memalign(alignment, n);

			CHECK(p);
			fill(p, n, 9);
			p = realloc(p, n * 3);
			CHECK(p && filled(p, n, 9));
			p = realloc(p, n / 2 + 1);
			CHECK(p && filled(p, n / 2 + 1, 9));
			free(p);
		}
}

int main(void)
{
	for (int i = 0; i < COUNT; i++)
		for (int j = 0; j < COUNT; j++)
			if (sizes[i] + sizes[j] < 5000000 || i % 6 == j % 6)
				step(sizes[i], sizes[j]);
	grow();
	aligned();
	for (size_t n = 0; n < 100000; n += 997) {
		void *p = realloc(NULL, n);

		CHECK(p && aligned_to(p, 16));
		fill(p, n, 1);
		free(p);
	}
	return 0;
}
