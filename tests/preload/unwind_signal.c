/*
 * Handlers on a signal stack of the smallest usual size, with nothing mapped
 * around it, allocate at some depth; and signals cut into unwinding.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <sys/mman.h>
#include <sys/time.h>

#include "tests/preload/check.h"

enum { PAGE = 4096 };

static volatile sig_atomic_t ticks;

static __attribute__((noinline)) void *deep(int depth, size_t n)
{
	void *block = depth > 0 ? deep(depth - 1, n) : malloc(n);

	__asm__ volatile("" : "+r"(block));
	return block;
}

static void handle(int signal)
{
	(void)signal;
	for (int i = 0; i < 30; i++)
		free(deep(i % 8, (size_t)i * 10));
}

static void tick(int signal)
{
	(void)signal;
	ticks++;
}

int main(void)
{
	size_t bytes =
		((size_t)sysconf(_SC_MINSIGSTKSZ) + 2 * PAGE) / PAGE * PAGE;
	char *map = mmap(NULL, bytes + 2 * PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t alternate = {.ss_sp = map + PAGE, .ss_size = bytes};
	struct sigaction action = {.sa_handler = handle,
				   .sa_flags = SA_ONSTACK};
	struct itimerval timer = {{0, 300}, {0, 300}};

	CHECK(map != MAP_FAILED);
	CHECK(!mprotect(map + PAGE, bytes, PROT_READ | PROT_WRITE));
	CHECK(!sigaltstack(&alternate, NULL));
	CHECK(!sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < 200; i++)
		raise(SIGUSR1);
	action.sa_handler = tick;
	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!setitimer(ITIMER_REAL, &timer, NULL));
	for (int i = 0; ticks < 300; i++)
		free(deep(i % 70, (size_t)i % 500));
	return 0;
}
