#include "libhakmem/memory/reject.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/memory/large.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/slab.h"
#include "libhakmem/memory/stats.h"
#include "tests/unit/libhakmem/unit.h"

#include <fcntl.h>

static int boot(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	sampler_init(0, 0);
	conf.corruption_abort = false;
	return 0;
}

/* What lookup says of a bad pointer, done about. */
static void reject_pointer(void *ptr)
{
	struct lookup found = lookup(ptr);

	assert_int_equal(found.kind, LOOKUP_NONE);
	reject(ptr, &found);
}

static void each_kind_has_its_counter(void **state)
{
	uint64_t before[REJECT_KINDS];

	(void)state;
	for (int kind = 0; kind < REJECT_KINDS; kind++) {
		struct lookup bad = {.fault = (enum reject_kind)kind};

		memcpy(before, &stats.figures[FIGURE_REJECT(0)],
		       sizeof(before));
		reject_count(&bad);
		for (int i = 0; i < REJECT_KINDS; i++)
			assert_int_equal(stats.figures[FIGURE_REJECT(i)] -
						 before[i],
					 i == kind);
	}
}

static char *victim;

static void abort_on_it(void)
{
	struct lookup found = lookup(victim);
	int null = open("/dev/null", O_WRONLY);

	must(found.kind == LOOKUP_NONE);
	dup2(null, STDERR_FILENO);
	signal(SIGABRT, SIG_DFL);
	conf.corruption_abort = true;
	reject(victim, &found);
}

static void the_default_is_to_abort(void **state)
{
	static _Alignas(16) char foreign[32];

	(void)state;
	victim = heap_malloc(40);
	heap_free(victim);
	assert_child_dies(abort_on_it, SIGABRT);
	victim++;
	assert_child_dies(abort_on_it, SIGABRT);
	/* some other allocator may own it */
	victim = foreign + 16;
	assert_child_passes(abort_on_it);
}

static char line[4096];

static size_t caught_of(void *ptr, int times)
{
	int ends[2], old = dup(STDERR_FILENO);
	size_t used = 0;
	ssize_t got;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	for (int i = 0; i < times; i++) {
		reject_pointer(ptr);
		while ((got = read(ends[0], line, sizeof(line) - 1)) > 0)
			used += (size_t)got;
	}
	dup2(old, STDERR_FILENO);
	close(old);
	close(ends[0]);
	close(ends[1]);
	return used;
}

static void the_line_names_kind_pointer_and_class(void **state)
{
	char expected[200];
	char *ptr = heap_malloc(40), *exact = heap_malloc(1024);
	char *large = heap_malloc(100000);

	(void)state;
	heap_free(ptr);
	assert_true(caught_of(ptr, 1) > 0);
	snprintf(expected, sizeof(expected),
		 "hakmem: double free: pointer %p, class 48\n", (void *)ptr);
	assert_int_equal(strncmp(line, expected, strlen(expected)), 0);
	caught_of(exact + 1, 1);
	snprintf(expected, sizeof(expected),
		 "hakmem: misaligned pointer: pointer %p, class 1024\n",
		 (void *)(exact + 1));
	assert_int_equal(strncmp(line, expected, strlen(expected)), 0);
	caught_of(large + 16, 1);
	snprintf(expected, sizeof(expected),
		 "hakmem: interior pointer: pointer %p, class large\n",
		 (void *)(large + 16));
	assert_int_equal(strncmp(line, expected, strlen(expected)), 0);
	heap_free(exact);
	heap_free(large);
}

/* A program that is wrong in a loop does not fill a disk. */
static void a_thousand_lines_are_enough(void **state)
{
	uint64_t before = stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)];
	char *ptr = heap_malloc(40);

	(void)state;
	heap_free(ptr);
	assert_true(caught_of(ptr, 1100) > 0);
	assert_int_equal(caught_of(ptr, 10), 0);
	assert_int_equal(stats.figures[FIGURE_REJECT(REJECT_DOUBLE_FREE)] -
				 before,
			 1110);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_counter),
		cmocka_unit_test(the_default_is_to_abort),
		cmocka_unit_test(the_line_names_kind_pointer_and_class),
		cmocka_unit_test(a_thousand_lines_are_enough),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
