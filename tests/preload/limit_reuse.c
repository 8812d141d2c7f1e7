/*
 * Under a limit, memory that served one size can serve every other size after
 * it was freed: at least a third of the limit each time.
 *
 * case: 100M
 * limit: v=102400
 * args: 33
 * expect: exit 0
 * case: 48M
 * limit: v=49152
 * args: 12
 * expect: exit 0
 */
#include "tests/preload/limit.h"

int main(int argc, char **argv)
{
	static const size_t sizes[] = {64,	1000,	 20000, 100000,
				       3000000, 100,	 1024,	50000,
				       64,	8000000, 16};
	size_t least = (size_t)(argc > 1 ? atoi(argv[1]) : 1) << 20;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		refill(sizes[i], least);
	return 0;
}
