/*
 * What it costs to know whether the header byte before a pointer may be read,
 * in cycles of the time stamp counter per call, the loop subtracted, median of
 * many batches, all in one run:
 *
 *   mincore always   a system call for every pointer, then the header
 *   alignment test   (p & 0xFFF) >= 16, nothing read
 *   hybrid           the test, mincore only when it fails, then the header; of
 *                    pointers that all pass, and of all kinds
 *   page boundary    hybrid with nothing but pointers at page starts
 *   arena test       compare with the arena, then the code, as free does it
 *
 * over random 16-aligned pointers into mapped and touched pages, of which one
 * in 256 is a page start. The library's own functions are measured, not copies:
 * their source is included.
 */
#include "tests/bench/bench.h"

#include "libhakmem/memory/header.c"
#include "libhakmem/base/vm.c"

#include "libhakmem/memory/arena.h"

#include <x86intrin.h>

#define PAGES	   256u
#define POINTERS   4096u
#define BATCH	   256u
#define FEW_BATCH  16u
#define ROUNDS	   4001u
#define FEW_ROUNDS 401u

struct arena arena;

static char *pages;
static char *anywhere[POINTERS], *inside[POINTERS], *starts[POINTERS];

#define HOLD(x) __asm__ volatile("" : "+r"(x))

/* The loop of one batch, compiled once for each check. */
#define TIMED(name, body)                                                      \
	static __attribute__((noinline)) uint64_t name(char **at, unsigned n)  \
	{                                                                      \
		unsigned sum = 0, aux;                                         \
		uint64_t start;                                                \
                                                                               \
		_mm_lfence();                                                  \
		start = __rdtsc();                                             \
		_mm_lfence();                                                  \
		for (unsigned i = 0; i < n; i++) {                             \
			char *ptr = at[i];                                     \
                                                                               \
			HOLD(ptr);                                             \
			body;                                                  \
			HOLD(sum);                                             \
		}                                                              \
		return __rdtscp(&aux) - start;                                 \
	}

static inline unsigned hybrid(char *ptr)
{
	bool asked;

	return header_readable(ptr, &asked) ? *header_byte(ptr) : 0;
}

static inline unsigned in_arena(char *ptr)
{
	size_t code;

	return arena_row(ptr, &code) ? (unsigned)code : 0;
}

TIMED(loop_only, sum += (unsigned)(uintptr_t)ptr)
TIMED(mincore_always,
      sum += vm_readable((uintptr_t)ptr - 1) ? *header_byte(ptr) : 0)
TIMED(alignment_only, sum += ((uintptr_t)ptr & (VM_PAGE - 1)) >= 16)
TIMED(hybrid_check, sum += hybrid(ptr))
TIMED(arena_check, sum += in_arena(ptr))

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Median cycles per call, the loop's own included. */
static double cycles(uint64_t (*timed)(char **, unsigned), char **from,
		     unsigned batch, unsigned rounds)
{
	double *each = bench_map(rounds * sizeof(*each));
	double median;

	for (unsigned i = 0; i < rounds; i++)
		each[i] = (double)timed(from + i * batch % POINTERS, batch) /
			  batch;
	qsort(each, rounds, sizeof(*each), ascending);
	median = each[rounds / 2];
	munmap(each, rounds * sizeof(*each));
	return median;
}

/* The pages stand for a zone of the arena, the other zone is elsewhere. */
static void stand_for(enum arena_zone zone)
{
	size_t bytes = PAGES * VM_PAGE;
	uintptr_t at = (uintptr_t)pages;

	arena.split = bytes;
	arena.base = zone == ARENA_HEADERLESS ? at : at - bytes;
	arena.header = arena.base + bytes;
	arena.header_first = arena.header + BLOCK_ALIGN;
	arena.headerless_first = arena.base - arena.header_first;
	arena.map_of_0 = arena.map - (arena.base >> ARENA_UNIT_SHIFT);
	arena.committed[ARENA_HEADERLESS] = arena.committed[ARENA_HEADER] =
		bytes;
	arena.header_reach = bytes - BLOCK_ALIGN + 1;
}

static void prepare(void)
{
	uint64_t seed = bench_seed(7);
	size_t bytes = PAGES * VM_PAGE;
	char *map = bench_map(bytes + VM_PAGE);

	pages = map + VM_PAGE;
	memset(map, 0x83, bytes + VM_PAGE);
	arena.map = bench_map(((bytes >> ARENA_UNIT_SHIFT) + 1) *
			      sizeof(*arena.map));
	for (size_t i = 0; i <= bytes >> ARENA_UNIT_SHIFT; i++)
		arena.map[i] = 0x83 << SIZECLASS_ROW_SHIFT;
	for (unsigned i = 0; i < POINTERS; i++) {
		anywhere[i] =
			pages + bench_between(&seed, 1, bytes / 16 - 1) * 16;
		inside[i] = anywhere[i] +
			    ((uintptr_t)anywhere[i] % VM_PAGE ? 0 : 16);
		starts[i] =
			pages + bench_between(&seed, 0, PAGES - 1) * VM_PAGE;
	}
}

static void row(const char *name, const char *before, double now)
{
	printf("| %-22s | %14s | %10.1f |\n", name, before, now);
}

int main(void)
{
	double loop, few_loop;

	prepare();
	loop = cycles(loop_only, anywhere, BATCH, ROUNDS);
	few_loop = cycles(loop_only, anywhere, FEW_BATCH, ROUNDS);
	printf("cycles of the time stamp counter per call, loop of %.1f "
	       "subtracted\n\n",
	       loop);
	printf("| check                  | earlier design |   measured |\n");
	printf("| ---------------------- | -------------: | ---------: |\n");
	row("mincore always", "634",
	    cycles(mincore_always, anywhere, FEW_BATCH, FEW_ROUNDS) - few_loop);
	row("alignment test only", "0",
	    cycles(alignment_only, anywhere, BATCH, ROUNDS) - loop);
	row("hybrid", "1-2",
	    cycles(hybrid_check, inside, BATCH, ROUNDS) - loop);
	row("hybrid, 1 in 256 asks", "-",
	    cycles(hybrid_check, anywhere, BATCH, ROUNDS) - loop);
	row("page-boundary fallback", "2155",
	    cycles(hybrid_check, starts, FEW_BATCH, FEW_ROUNDS) - few_loop);
	stand_for(ARENA_HEADER);
	row("arena, byte at ptr-1", "-",
	    cycles(arena_check, anywhere, BATCH, ROUNDS) - loop);
	stand_for(ARENA_HEADERLESS);
	row("arena, class map", "-",
	    cycles(arena_check, anywhere, BATCH, ROUNDS) - loop);
	return 0;
}
