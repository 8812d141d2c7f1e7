/*
 * The program limits itself once it runs, by address space or by data
 * segment: what the allocator has reserved before must not end it.
 *
 * case: address-space
 * args: as
 * expect: exit 0
 * case: data
 * args: data
 * expect: exit 0
 */
#include <sys/resource.h>

#include "tests/preload/limit.h"

int main(int argc, char **argv)
{
	int which = argc > 1 && strcmp(argv[1], "data") == 0 ? RLIMIT_DATA
							     : RLIMIT_AS;
	struct rlimit limit;
	void *before = malloc(1000);

	fill(before, 1000, 1);
	limit.rlim_cur = limit.rlim_max =
		((size_t)status_number(which == RLIMIT_AS ? "VmSize:"
							  : "VmData:")
		 << 10) +
		(48 << 20);
	CHECK(!setrlimit(which, &limit));
	refill(64, 24 << 20);
	CHECK(filled(before, 1000, 1));
	free(before);
	return 0;
}
