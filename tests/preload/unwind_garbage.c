/*
 * Coroutines whose frames lead to nothing: a garbage return address and frame
 * pointer at the outer end, nothing mapped on either side of the stack.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/preload/check.h"

enum { PAGE = 4096, PAGES = 5 };

static ucontext_t host, lane;
static uintptr_t garbage;

static __attribute__((noinline)) void *deep(int depth, size_t n)
{
	void *block = depth > 0 ? deep(depth - 1, n) : malloc(n);

	__asm__ volatile("" : "+r"(block));
	return block;
}

static __attribute__((noinline, optimize("no-omit-frame-pointer"))) void
enter(void)
{
	volatile uintptr_t *frame = __builtin_frame_address(0);
	uintptr_t up = frame[0], back = frame[1];

	frame[0] = garbage;
	frame[1] = garbage;
	for (int i = 0; i < 40; i++)
		free(deep(i % 30, (size_t)i * 20));
	frame[0] = up;
	frame[1] = back;
}

int main(void)
{
	static const uintptr_t values[] = {
		0,
		1,
		8,
		0xdeadbeefdeadbeef,
		0x7ffffffff000,
		0x800000000000,
		0xffffffffff600000,
		UINTPTR_MAX,
		(uintptr_t)1 << 46,
	};
	char *map = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	CHECK(!mprotect(map + PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE));
	for (unsigned i = 0; i < 600; i++) {
		unsigned which = i % 12;

		garbage = which < 9	? values[which]
			  : which == 9	? (uintptr_t)(map + PAGE * (i % 7))
			  : which == 10 ? (uintptr_t)&garbage
					: (uintptr_t)main + i;
		CHECK(!getcontext(&lane));
		lane.uc_stack.ss_sp = map + PAGE;
		lane.uc_stack.ss_size = PAGES * PAGE;
		lane.uc_link = &host;
		makecontext(&lane, enter, 0);
		CHECK(!swapcontext(&host, &lane));
	}
	return 0;
}
