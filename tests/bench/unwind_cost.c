/*
 * What a stack costs, in nanoseconds of CPU time, at depths 12, 32 and 100: the
 * median of many calls of the library's own functions.
 *
 *   libunwind, none    every frame by libunwind, its cache off
 *   libunwind          every frame by libunwind
 *   first met          as it is used, but no rule is known yet
 *   miss               as it is used, all rules known
 *   hit                from the stack cache, all frames
 *   hit, named         from the stack cache, its site by name
 *   backtrace          glibc's, for comparison
 */
#include "tests/bench/bench.h"

#include "libhakmem/unwind/unwind.h"
#include "libhakmem/unwind/dwarf.h"
#include "libhakmem/unwind/rule.h"
#include "libhakmem/unwind/walk.h"

#include <execinfo.h>
#include <time.h>

#define ROUNDS 401u
#define BATCH  64u

enum way { FIRST, MISS, HIT, HIT_NAMED, BACKTRACE };

static struct unwind_stack stack;
static double each[ROUNDS];
static uint32_t depth_seen;

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void once(enum way way, const void *frame)
{
	void *places[256];

	if (way == FIRST)
		rule_forget(); /* 4 KiB to clear: some 50 ns */
	if (way == FIRST || way == MISS)
		unwind_afresh(frame, &stack);
	else if (way == BACKTRACE)
		backtrace(places, 256);
	else
		unwind_from(frame, &stack);
}

static __attribute__((noinline)) double measure(enum way way)
{
	const void *frame = __builtin_frame_address(0);

	if (way == HIT_NAMED) {
		unwind_from(frame, &stack);
		unwind_name_site(&stack, 1);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		double begin = now_ns();

		for (unsigned j = 0; j < BATCH; j++)
			once(way, frame);
		each[i] = (now_ns() - begin) / BATCH;
	}
	if (way == MISS)
		depth_seen = stack.depth;
	qsort(each, ROUNDS, sizeof(*each), ascending);
	return each[ROUNDS / 2];
}

static __attribute__((noinline)) double at_depth(int depth, enum way way)
{
	volatile double ns;

	ns = depth > 0 ? at_depth(depth - 1, way) : measure(way);
	return ns;
}

int main(void)
{
	static const int depths[] = {12, 32, 100};

	unwind_arm();
	if (!unwind_load()) {
		fprintf(stderr, "unwind_cost: no libunwind\n");
		return 1;
	}
	printf("| depth | libunwind, none | libunwind | first met |   miss |   "
	       " hit |  hit, named | backtrace |\n");
	printf("| ----: | --------------: | --------: | --------: | -----: | "
	       "-----: | ----------: | --------: |\n");
	for (unsigned i = 0; i < 3; i++) {
		/* main, what called it, measure and at_depth(0) */
		int more = depths[i] - 5;
		double none, all, first, miss;

		walk_set_rules(false);
		dwarf_set_cache(false);
		none = at_depth(more, MISS);
		dwarf_set_cache(true);
		all = at_depth(more, MISS);
		walk_set_rules(true);
		first = at_depth(more, FIRST);
		miss = at_depth(more, MISS);
		printf("| %5u | %15.0f | %9.0f | %9.0f | %6.0f | %6.1f | "
		       "%11.1f "
		       "| %9.0f |\n",
		       depth_seen, none, all, first, miss, at_depth(more, HIT),
		       at_depth(more, HIT_NAMED), at_depth(more, BACKTRACE));
	}
	return 0;
}
