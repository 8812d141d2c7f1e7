/*
 * memalign, aligned_alloc, posix_memalign, valloc, pvalloc: powers of two are
 * met, others rounded up as glibc does, absurd ones refused.
 */
#include "tests/preload/check.h"

static void use(void *p, size_t alignment, size_t n)
{
	CHECK(p && aligned_to(p, alignment));
	CHECK(malloc_usable_size(p) >= n);
	fill(p, malloc_usable_size(p), (unsigned)n);
	CHECK(filled(p, malloc_usable_size(p), (unsigned)n));
}

static void powers(void)
{
	for (size_t alignment = 1; alignment <= (size_t)1 << 22; alignment *= 2)
		for (size_t n = 0; n < 200000; n = n * 3 + 1) {
			void *a = memalign(alignment, n), *c = NULL;
			void *b = aligned_alloc(alignment, n);

			use(a, alignment, n);
			use(b, alignment, n);
			if (alignment >= sizeof(void *)) {
				CHECK(!posix_memalign(&c, alignment, n));
				use(c, alignment, n);
			}
			CHECK(filled(a, malloc_usable_size(a), (unsigned)n));
			CHECK(filled(b, malloc_usable_size(b), (unsigned)n));
			free(b);
			free(c);
			free(a);
		}
}

/* Not a power of two: the next one, at least. 0 is as good as 1. */
static void odd(void)
{
	static const size_t alignments[] = {0,	3,  5,	 7,   17,   24,
					    33, 48, 100, 129, 1000, 5000};

	for (size_t i = 0; i < sizeof(alignments) / sizeof(*alignments); i++) {
		size_t up = 16;
		void *p;

		while (up < alignments[i])
			up *= 2;
		p = memalign(alignments[i], 100);
		use(p, up, 100);
		free(p);
		p = aligned_alloc(alignments[i], 100);
		use(p, up, 100);
		free(p);
	}
}

static void absurd(void)
{
	void *p = NULL;

	errno = 0;
	CHECK(!memalign(hide_size(((size_t)1 << 63) + 1), 10));
	CHECK(errno == EINVAL);
	errno = 0;
	CHECK(!memalign(hide_size(SIZE_MAX), 10) && errno == EINVAL);
	errno = 0;
	CHECK(!memalign(hide_size((size_t)1 << 62), 10) && errno == ENOMEM);
	errno = 0;
	CHECK(!memalign(hide_size((size_t)1 << 63), 10) && errno == ENOMEM);
	errno = 0;
	CHECK(!aligned_alloc(hide_size((size_t)1 << 62), 10));
	CHECK(errno == ENOMEM);
	CHECK(posix_memalign(&p, (size_t)1 << 62, 10) == ENOMEM);
	CHECK(posix_memalign(&p, (size_t)1 << 63, 10) == ENOMEM);
	p = memalign((size_t)1 << 30, 10);
	use(p, (size_t)1 << 30, 10);
	free(p);
}

static void pages(void)
{
	for (size_t n = 0; n < 100000; n += 1111) {
		void *p = valloc(n), *q = pvalloc(n);

		use(p, 4096, n);
		use(q, 4096, (n + 4095) / 4096 * 4096);
		free(p);
		free(q);
	}
}

/* Many at once: none overlaps another, any order of freeing. */
static void crowd(void)
{
	enum { COUNT = 3000 };
	static void *blocks[COUNT];

	for (int i = 0; i < COUNT; i++) {
		blocks[i] = memalign((size_t)32 << i % 8, (size_t)i);
		use(blocks[i], (size_t)32 << i % 8, (size_t)i);
	}
	for (int i = 0; i < COUNT; i++)
		CHECK(filled(blocks[i], malloc_usable_size(blocks[i]),
			     (unsigned)i));
	for (int i = 0; i < COUNT; i++)
		free(blocks[i * 7 % COUNT]);
}

int main(void)
{
	powers();
	odd();
	absurd();
	pages();
	crowd();
	return 0;
}
