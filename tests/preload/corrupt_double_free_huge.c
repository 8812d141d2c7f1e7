/*
 * A second free of 64 MiB whose pages are gone: never a crash in the allocator,
 * either reported as what it is or, where the memory is no longer known, left
 * alone as foreign. (glibc dies of SIGSEGV.)
 *
 * only: hakmem
 * case: abort
 * expect: exit 0 or signal ABRT
 * stderr: (hakmem: double free: pointer {pointer}, class large .*\n)?
 * case: report
 * env: HAKMEM_CORRUPTION=report
 * expect: exit 0
 * stderr: (hakmem: double free: pointer {pointer}, class large\n)?
 */
#include "tests/preload/corrupt.h"

int main(void)
{
	size_t n = (size_t)64 << 20;
	char *p = malloc(n);

	CHECK(p);
	memset(p, 1, n);
	corrupt_announce(p, n);
	free(p);
	free(hide(p));
	CHECK(malloc_usable_size(hide(p)) == 0);
	corrupt_survive(n);
	return 0;
}
