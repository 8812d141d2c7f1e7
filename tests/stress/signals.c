/*
 * One thread, a large pool, no order: the long way through size classes,
 * realloc and the page heap, with timer signals cutting in.
 *
 * usage: signals [SECONDS [SEED]]
 *
 * args: 3
 */
#include <sys/time.h>

#include "tests/stress/blocks.h"

enum { POOL = 20000 };

static volatile sig_atomic_t ticks;

static void on_tick(int signal)
{
	(void)signal;
	ticks++;
}

int main(int argc, char **argv)
{
	static struct live pool[POOL];
	struct itimerval every = {{0, 1000}, {0, 1000}};
	struct sigaction action = {.sa_handler = on_tick};
	long deadline = now_ms() + 1000 * (argc > 1 ? atol(argv[1]) : 3);
	uint64_t state = mix(argc > 2 ? strtoul(argv[2], NULL, 0) : 1);

	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!setitimer(ITIMER_REAL, &every, NULL));
	while (now_ms() < deadline || ticks <= 100) {
		uint64_t r = draw(&state);
		struct live *block = &pool[r % POOL];

		if (!block->ptr)
			*block = block_new(&state);
		else if (r >> 60 < 4)
			block_resize(block, &state);
		else
			block_free(block);
	}
	for (int i = 0; i < POOL; i++)
		if (pool[i].ptr)
			block_free(&pool[i]);
	return 0;
}
