/*
 * A small address space from the start: malloc is refused with ENOMEM, never
 * by a crash, and works again after free. At least half of what the limit
 * leaves can be had, in blocks of any size.
 *
 * limit: v=102400
 * case: 64
 * args: 64
 * expect: exit 0
 * case: 100
 * args: 100
 * expect: exit 0
 * case: 1024
 * args: 1024
 * expect: exit 0
 * case: 20000
 * args: 20000
 * expect: exit 0
 * case: 100000
 * args: 100000
 * expect: exit 0
 * case: 3000000
 * args: 3000000
 * expect: exit 0
 * case: small
 * limit: v=32768
 * args: 1000 8
 * expect: exit 0
 */
#include "tests/preload/limit.h"

int main(int argc, char **argv)
{
	CHECK(argc >= 2);
	refill(strtoul(argv[1], NULL, 0),
	       (size_t)(argc > 2 ? atoi(argv[2]) : 45) << 20);
	return 0;
}
