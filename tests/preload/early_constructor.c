/*
 * malloc before any constructor of the allocator has run: from the program's
 * preinit array, from constructors of every priority, from a library that is
 * preloaded before or after it; and after its destructors.
 *
 * case: alone
 * expect: exit 0
 * case: library-after
 * preload: after early.so
 * expect: exit 0
 * case: library-before
 * preload: before early.so
 * expect: exit 0
 */
#include "tests/preload/check.h"

enum { BLOCKS = 3000 };
static void *preinit_blocks[BLOCKS], *early_blocks[BLOCKS];

static void take(void *blocks[BLOCKS])
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		size_t n = i % 300 == 0 ? 100000 : i % 700;

		CHECK((blocks[i] = malloc(n)));
		fill(blocks[i], n, i);
	}
}

static void give(void *blocks[BLOCKS])
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		CHECK(filled(blocks[i], i % 300 == 0 ? 100000 : i % 700, i));
		free(blocks[i]);
	}
}

static void preinit(void)
{
	take(preinit_blocks);
}

__attribute__((section(".preinit_array"),
	       used)) static void (*hook)(void) = preinit;

static void __attribute__((constructor(101))) early(void)
{
	take(early_blocks);
}

static void __attribute__((destructor(101))) late(void)
{
	give(preinit_blocks);
	take(preinit_blocks);
	give(preinit_blocks);
}

static void leave(void)
{
	give(early_blocks);
}

int main(void)
{
	atexit(leave);
	return 0;
}
