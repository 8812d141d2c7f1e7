/*
 * A small address space from the start: malloc is refused with ENOMEM, never
 * by a crash, and works again after free. At least half of what the limit
 * leaves can be had, in blocks of any size, one size after the other.
 *
 * case: 100M
 * limit: v=102400
 * args: 60
 * expect: exit 0
 * case: 40M
 * limit: v=40960
 * args: 16
 * expect: exit 0
 */
#include "tests/preload/limit.h"

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	limit_check((size_t)atoi(argv[1]) << 20);
	return 0;
}
