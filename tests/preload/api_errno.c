/*
 * Every request that cannot be met returns NULL with ENOMEM and leaves old
 * blocks alone; free keeps errno.
 */
#include "tests/preload/check.h"

#define HUGE_SIZE     hide_size(PTRDIFF_MAX)
#define REFUSED(call) (errno = 0, (call) == NULL && errno == ENOMEM)

static void refuse(void)
{
	void *p = malloc(100), *kept = p;

	fill(p, 100, 1);
	CHECK(REFUSED(malloc(hide_size(SIZE_MAX))));
	CHECK(REFUSED(malloc(HUGE_SIZE + 1)));
	CHECK(REFUSED(malloc(HUGE_SIZE)));
	CHECK(REFUSED(malloc(hide_size(SIZE_MAX - 15))));
	CHECK(REFUSED(malloc(hide_size(SIZE_MAX - 4096))));
	CHECK(REFUSED(calloc(hide_size(SIZE_MAX / 2), 3)));
	CHECK(REFUSED(calloc(hide_size((size_t)1 << 32), (size_t)1 << 32)));
	CHECK(REFUSED(calloc(1, hide_size(SIZE_MAX))));
	CHECK(REFUSED(reallocarray(NULL, hide_size(SIZE_MAX / 2), 3)));
	CHECK(REFUSED(
		reallocarray(p, hide_size((size_t)1 << 33), (size_t)1 << 33)));
	CHECK(REFUSED(realloc(p, HUGE_SIZE + 1)));
	CHECK(REFUSED(realloc(p, hide_size(SIZE_MAX))));
	CHECK(REFUSED(realloc(NULL, hide_size(SIZE_MAX))));
	CHECK(REFUSED(memalign(64, hide_size(SIZE_MAX - 32))));
	CHECK(REFUSED(memalign(4096, HUGE_SIZE)));
	CHECK(REFUSED(aligned_alloc(64, hide_size(SIZE_MAX - 63))));
	CHECK(REFUSED(valloc(hide_size(SIZE_MAX))));
	CHECK(REFUSED(pvalloc(hide_size(SIZE_MAX))));
	CHECK(REFUSED(pvalloc(hide_size(SIZE_MAX - 4095))));
	CHECK(filled(kept, 100, 1));
	free(kept);
}

static void refuse_posix(void)
{
	void *slot = (void *)0x1234;

	CHECK(posix_memalign(&slot, 64, hide_size(SIZE_MAX)) == ENOMEM);
	CHECK(posix_memalign(&slot, 4096, HUGE_SIZE) == ENOMEM);
	CHECK(posix_memalign(&slot, 0, 10) == EINVAL);
	CHECK(posix_memalign(&slot, 4, 10) == EINVAL);
	CHECK(posix_memalign(&slot, 24, 10) == EINVAL);
	CHECK(posix_memalign(&slot, 48, 10) == EINVAL);
	CHECK(slot == (void *)0x1234);
}

static void keep(void)
{
	static const size_t sizes[] = {
		0, 1, 16, 64, 1000, 1024, 20000, 100000, 10000000, 100000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void *p = malloc(sizes[i]), *a = memalign(4096, sizes[i] + 1);

		CHECK(p && a);
		errno = 4711;
		free(p);
		free(a);
		free(NULL);
		CHECK(errno == 4711);
	}
}

int main(void)
{
	refuse();
	refuse_posix();
	keep();
	return 0;
}
