/*
 * Pointers that some other allocator may own, or nobody: on the stack, static,
 * mapped by the program, at the start of a page with nothing before it or not
 * mapped at all. They are counted and left alone, never a reason to abort.
 *
 * only: hakmem
 */
#include <sys/mman.h>

#include "tests/preload/check.h"

static char room[256] __attribute__((aligned(64)));

static void leave_alone(char *p, size_t n)
{
	char *q;

	fill(p, n, 77);
	free(hide(p));
	CHECK(filled(p, n, 77));
	/* Refused, or a copy of what can be read; never the same block. */
	q = realloc(hide(p), n);
	CHECK(!q || (q != p && filled(q, n, 77)));
	free(q);
	CHECK(filled(p, n, 77));
	CHECK(malloc_usable_size(hide(p)) == 0);
	for (int i = 0; i < 100; i++) {
		q = malloc(n);
		CHECK(q && q != p);
		free(q);
	}
}

int main(void)
{
	char stack[256] __attribute__((aligned(64)));
	char *map = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	leave_alone(stack + 64, 128);
	leave_alone(room + 64, 128);
	leave_alone(map + 4096 + 64, 128);
	leave_alone(map + 4096, 128);
	CHECK(!munmap(map, 4096));
	leave_alone(map + 4096, 128);
	for (int byte = 0; byte < 256; byte++) {
		map[4096 + 1023] = (char)byte;
		leave_alone(map + 4096 + 1024, 64);
		map[8191] = (char)byte;
		leave_alone(map + 8192, 64);
	}
	CHECK(!munmap(map + 4096, 2 * 4096));
	free(hide(map + 4096));
	free(hide((void *)4096));
	free(hide((void *)0x700000000000));
	free(hide((void *)0xffffffffff600000));
	return 0;
}
