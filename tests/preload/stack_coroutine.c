/*
 * Coroutines on stacks of their own, 16 KiB each with nothing mapped below,
 * allocate and free.
 */
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/preload/check.h"

enum { LANES = 8, STACK = 16384, ROUNDS = 300 };

static ucontext_t host, lanes[LANES];

static void *new_stack(void)
{
	char *at = mmap(NULL, 3 * STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	CHECK(at != MAP_FAILED);
	CHECK(!mprotect(at + 2 * STACK, STACK, PROT_READ | PROT_WRITE));
	return at + 2 * STACK;
}

static void run(int lane)
{
	static void *all_blocks[LANES][ROUNDS];
	void **blocks = all_blocks[lane];

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
		lanes[i].uc_stack.ss_sp = new_stack();
		lanes[i].uc_stack.ss_size = STACK;
		lanes[i].uc_link = &host;
		makecontext(&lanes[i], (void (*)(void))run, 1, i);
	}
	for (int step = 0; step < 2 * ROUNDS; step++)
		for (int i = 0; i < LANES; i++)
			CHECK(!swapcontext(&host, &lanes[i]));
	return 0;
}
