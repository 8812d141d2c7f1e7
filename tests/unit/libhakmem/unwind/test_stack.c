#include "libhakmem/unwind/stack.h"

#include "tests/unit/libhakmem/unit.h"

#include <sys/resource.h>

#define PAGE ((uintptr_t)4096)

extern void *__libc_stack_end; /* the loader's */

static uintptr_t here(void)
{
	return align_down((uintptr_t)__builtin_frame_address(0), 8);
}

/* --- the main stack ------------------------------------------------------ */

static void before_the_start_it_is_a_page(void **unused)
{
	uintptr_t sp = here();
	struct stack_range range = stack_around(sp);

	(void)unused;
	assert_false(stack_is_main(sp));
	assert_false(stack_holds(sp));
	assert_int_equal(range.low, sp);
	assert_int_equal(range.high, align_down(sp - 8, PAGE) + PAGE);
	stack_start();
	assert_true(stack_is_main(sp));
}

static void the_main_stack_ends_where_it_began(void **unused)
{
	uintptr_t sp = here(), end = align_down((uintptr_t)__libc_stack_end, 8);
	struct stack_range range = stack_around(sp);

	(void)unused;
	assert_int_equal(range.low, sp);
	assert_int_equal(range.high, end);
	assert_true(stack_is_main(end - 1));
	assert_false(stack_is_main(end));
	assert_true(stack_holds(end - 8));
	assert_false(stack_holds(end - 7)); /* not all of its 8 bytes */
	assert_false(stack_holds(end));
}

static void what_is_no_stack_is_not_main(void **unused)
{
	static int variable;

	(void)unused;
	assert_false(stack_is_main((uintptr_t)&variable));
	assert_false(stack_is_main(0));
	assert_false(stack_is_main(UINTPTR_MAX));
	assert_false(stack_holds((uintptr_t)&variable));
	assert_false(stack_holds(0));
	assert_false(stack_holds(UINTPTR_MAX - 6));
}

/* Below what was seen in use the main stack may not be mapped. */
static void only_what_was_used_is_held(void **unused)
{
	uintptr_t sp = here(), deep = sp - 512 * KIB;

	(void)unused;
	stack_around(sp);
	assert_true(stack_is_main(deep));
	assert_true(stack_holds(sp));
	assert_false(stack_holds(deep));
	stack_around(deep); /* somebody is there */
	assert_true(stack_holds(deep));
	assert_false(stack_holds(deep - 8));
	stack_around(sp); /* and was there, whoever comes next */
	assert_true(stack_holds(deep));
}

/* How far down it reaches: the limit, within bounds. */
static void check_reach(rlim_t bytes, uintptr_t reach)
{
	struct rlimit limit;
	uintptr_t high;

	must(getrlimit(RLIMIT_STACK, &limit) == 0);
	limit.rlim_cur = bytes;
	must(setrlimit(RLIMIT_STACK, &limit) == 0);
	stack_start();
	high = stack_around(here()).high;
	must(stack_is_main(high - reach));
	must(!stack_is_main(high - reach - 1));
}

static void reach_in_child(void)
{
	check_reach(1 << 20, 128 * MIB);
	check_reach(200 * MIB, 200 * MIB);
	check_reach(RLIM_INFINITY, GIB);
}

static void the_limit_says_how_far_down_it_goes(void **unused)
{
	struct rlimit limit;

	(void)unused;
	assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
	if (limit.rlim_max != RLIM_INFINITY)
		skip();
	assert_child_passes(reach_in_child);
}

/* --- threads ------------------------------------------------------------- */

static char memory[1 << 20] __attribute__((aligned(4096)));
static uintptr_t of_main; /* an address of the main stack in use */

/* What a thread finds out about itself. */
struct seen {
	struct stack_range range;
	uintptr_t sp, descriptor;
	bool main, own, descriptors, mains;
	bool before, first, second; /* of `memory` */
};

static void *look(void *arg)
{
	struct seen *seen = arg;
	uintptr_t start = (uintptr_t)memory;

	seen->sp = here();
	seen->descriptor = (uintptr_t)pthread_self();
	seen->range = stack_around(seen->sp);
	seen->main = stack_is_main(seen->sp);
	seen->own = stack_holds(seen->sp);
	seen->descriptors = stack_holds(seen->descriptor);
	seen->mains = stack_holds(of_main);
	seen->before = stack_holds(start - 8);
	seen->first = stack_holds(start);
	seen->second = stack_holds(start + 4 * PAGE);
	return &seen->range;
}

/* True if it was wrapped. */
static bool run_thread(const pthread_attr_t *attributes, struct seen *seen,
		       bool wrap)
{
	void *(*run)(void *) = look;
	void *arg = seen, *result;
	pthread_t thread;
	bool wrapped;

	memset(seen, 0, sizeof(*seen));
	of_main = here();
	stack_around(of_main);
	if (wrap)
		stack_wrap(attributes, &run, &arg);
	wrapped = run != look;
	assert_int_equal(wrapped, arg != seen);
	assert_int_equal(pthread_create(&thread, attributes, run, arg), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, &seen->range); /* nothing came between */
	return wrapped;
}

static void assert_known(const struct seen *seen)
{
	assert_int_equal(seen->range.low, seen->sp);
	assert_int_equal(seen->range.high, seen->descriptor);
	assert_false(seen->main);
	assert_true(seen->own);
	assert_true(seen->mains);
	assert_false(seen->descriptors);
}

static void a_wrapped_thread_knows_its_stack(void **unused)
{
	struct seen seen;

	(void)unused;
	assert_true(run_thread(NULL, &seen, true));
	assert_known(&seen);
	assert_false(seen.second);
}

static void an_unknown_thread_has_a_page(void **unused)
{
	struct seen seen;

	(void)unused;
	assert_false(run_thread(NULL, &seen, false));
	assert_int_equal(seen.range.low, seen.sp);
	assert_int_equal(seen.range.high, align_down(seen.sp - 8, PAGE) + PAGE);
	assert_false(seen.main);
	assert_false(seen.own);
	assert_true(seen.mains);
}

static void attributes_say_how_large_it_is(void **unused)
{
	pthread_attr_t attributes;
	struct seen seen;

	(void)unused;
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstacksize(&attributes, 256 * KIB), 0);
	assert_true(run_thread(&attributes, &seen, true));
	assert_known(&seen);
	/* Memory of the program: up to its end, and not beyond its start. */
	assert_int_equal(
		pthread_attr_setstack(&attributes, memory, sizeof(memory)), 0);
	assert_true(run_thread(&attributes, &seen, true));
	assert_known(&seen);
	assert_in_range(seen.sp, (uintptr_t)memory,
			(uintptr_t)memory + sizeof(memory));
	assert_false(seen.before);
	assert_false(seen.first);
	assert_true(seen.second);
	pthread_attr_destroy(&attributes);
}

static void a_thread_gives_its_place_back(void **unused)
{
	struct seen seen;

	(void)unused;
	for (int i = 0; i < 200; i++)
		assert_true(run_thread(NULL, &seen, true));
}

/* So many are on their way that one begins as it was asked for. */
static void there_are_so_many_places(void **unused)
{
	void *(*run[65])(void *), *(*more)(void *) = look;
	void *arg[65], *other = &more;
	uint64_t programs[8];
	unsigned wrapped = 0;

	(void)unused;
	for (int i = 0; i < 65; i++) {
		run[i] = look;
		arg[i] = &arg[i];
		stack_wrap(NULL, &run[i], &arg[i]);
		assert_int_equal(run[i] != look, arg[i] != &arg[i]);
		wrapped += run[i] != look;
		for (int j = 0; j < i; j++)
			assert_ptr_not_equal(arg[i], arg[j]);
	}
	assert_int_equal(wrapped, 64);
	memset(programs, 0xff, sizeof(programs));
	stack_unwrap(run[64], programs); /* was not wrapped */
	for (size_t i = 0; i < COUNT_OF(programs); i++)
		assert_int_equal(programs[i], UINT64_MAX);
	stack_wrap(NULL, &more, &other);
	assert_ptr_equal(more, look);
	stack_unwrap(run[10], arg[10]);
	stack_wrap(NULL, &more, &other);
	assert_ptr_not_equal(more, look);
	assert_ptr_equal(other, arg[10]);
	for (int i = 0; i < 64; i++)
		stack_unwrap(run[i], arg[i]);
}

/* --- others -------------------------------------------------------------- */

/* The word below a stack pointer was just read, so its page is there. */
static void elsewhere_it_is_the_rest_of_the_page(void **unused)
{
	uintptr_t page = (uintptr_t)memory + PAGE;

	(void)unused;
	for (uintptr_t sp = page - 16; sp <= page + 16; sp += 8) {
		struct stack_range range = stack_around(sp);

		assert_int_equal(range.low, sp);
		assert_int_equal(range.high, sp <= page ? page : page + PAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_start_it_is_a_page),
		cmocka_unit_test(the_main_stack_ends_where_it_began),
		cmocka_unit_test(what_is_no_stack_is_not_main),
		cmocka_unit_test(only_what_was_used_is_held),
		cmocka_unit_test(the_limit_says_how_far_down_it_goes),
		cmocka_unit_test(a_wrapped_thread_knows_its_stack),
		cmocka_unit_test(an_unknown_thread_has_a_page),
		cmocka_unit_test(attributes_say_how_large_it_is),
		cmocka_unit_test(a_thread_gives_its_place_back),
		cmocka_unit_test(there_are_so_many_places),
		cmocka_unit_test(elsewhere_it_is_the_rest_of_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
