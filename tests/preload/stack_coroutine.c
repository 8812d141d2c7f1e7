/* Coroutines on stacks of their own, 16 KiB each, allocate and free. */
#include <ucontext.h>

#include "tests/preload/check.h"

enum { LANES = 8, STACK = 16384, ROUNDS = 300 };

static ucontext_t host, lanes[LANES];
static char stacks[LANES][STACK] __attribute__((aligned(4096)));

static void run(int lane)
{
	void *blocks[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t n = i % 50 == 0 ? 60000 : i * 17 % 3000;

		blocks[i] = malloc(n);
		CHECK(blocks[i]);
		fill(blocks[i], n, (unsigned)lane + i);
		swapcontext(&lanes[lane], &host);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t n = i % 50 == 0 ? 60000 : i * 17 % 3000;

		CHECK(filled(blocks[i], n, (unsigned)lane + i));
		free(blocks[i]);
		swapcontext(&lanes[lane], &host);
	}
}

int main(void)
{
	for (volatile int i = 0; i < LANES; i++) {
		CHECK(!getcontext(&lanes[i]));
		lanes[i].uc_stack.ss_sp = stacks[i];
		lanes[i].uc_stack.ss_size = STACK;
		lanes[i].uc_link = &host;
		makecontext(&lanes[i], (void (*)(void))run, 1, i);
	}
	for (int step = 0; step < 2 * ROUNDS; step++)
		for (int i = 0; i < LANES; i++)
			CHECK(!swapcontext(&host, &lanes[i]));
	return 0;
}
