#include "libhakmem/profile/stackset.h"

#include "libhakmem/base/meta.h"
#include "tests/unit/libhakmem/unit.h"

#define DEPTH 128u

static uint64_t pcs[DEPTH];
static uint32_t modules[DEPTH];

/* The stack number `seed` of `count` frames. */
static struct frames make(uint64_t seed, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		pcs[i] = draw(&seed);
		modules[i] = (uint32_t)(pcs[i] % 7);
	}
	return (struct frames){pcs, modules, count, false};
}

static bool same(struct frames a, struct frames b)
{
	return a.count == b.count && a.truncated == b.truncated &&
	       memcmp(a.pcs, b.pcs, a.count * sizeof(*a.pcs)) == 0 &&
	       memcmp(a.modules, b.modules, a.count * sizeof(*a.modules)) == 0;
}

static void a_stack_has_one_number(void **state)
{
	uint32_t first = stackset_end();

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct frames stack = make(i, 1 + i % DEPTH);

		assert_int_equal(stackset_intern(&stack), first + i);
		assert_int_equal(stackset_intern(&stack), first + i);
	}
	assert_int_equal(stackset_end(), first + 2000);
	for (uint32_t i = 0; i < 2000; i++) {
		struct frames stack = make(i, 1 + i % DEPTH);

		assert_int_equal(stackset_intern(&stack), first + i);
		assert_true(same(stackset_get(first + i), stack));
	}
}

/* Each part of a stack tells it from another. */
static void stacks_that_differ_in_one_thing_differ(void **state)
{
	struct frames stack = make(77, 20);
	uint32_t number = stackset_intern(&stack), end;

	(void)state;
	stack.truncated = true;
	assert_int_not_equal(stackset_intern(&stack), number);
	stack.truncated = false;
	stack.count--;
	assert_int_not_equal(stackset_intern(&stack), number);
	stack.count++;
	for (uint32_t i = 0; i < 20; i++) {
		end = stackset_end();
		pcs[i] ^= 1;
		assert_int_equal(stackset_intern(&stack), end);
		pcs[i] ^= 1;
		modules[i] ^= 1;
		assert_int_equal(stackset_intern(&stack), end + 1);
		modules[i] ^= 1;
		assert_int_equal(stackset_intern(&stack), number);
	}
}

/* What is there stays where it is. */
static void stacks_do_not_move(void **state)
{
	struct frames stack = make(123456, 50);
	uint32_t number = stackset_intern(&stack);
	struct frames before = stackset_get(number);

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		struct frames other = make(1000000 + i, 10);

		assert_int_not_equal(stackset_intern(&other), 0);
	}
	assert_ptr_equal(stackset_get(number).pcs, before.pcs);
	stack = make(123456, 50);
	assert_true(same(stackset_get(number), stack));
}

/* A million distinct stacks: the first are kept, the others refused, and the
 * memory stays in its bound. */
static void a_million_stacks(void **state)
{
	size_t before = meta_bytes();
	uint32_t kept = 0, refused = 0, known = 0;
	struct frames stack;

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++) {
		stack = make(UINT64_C(7) << 40 | i, 40);
		if (stackset_intern(&stack) != 0)
			kept++;
		else
			refused++;
	}
	assert_true(kept > 1000 && kept <= STACKSET_MAX);
	assert_int_equal(kept + refused, 1000000);
	assert_true(stackset_end() <= STACKSET_FIRST + STACKSET_MAX);
	/* frames of 12 bytes, 64 bytes a stack, the index and its halves */
	assert_true(meta_bytes() - before <
		    STACKSET_FRAMES_MAX * 12 * 11 / 10 + STACKSET_MAX * 64);
	for (uint64_t i = 0; i < 1000000; i += 101) {
		stack = make(UINT64_C(7) << 40 | i, 40);
		known += stackset_intern(&stack) != 0;
	}
	assert_true(known > 0 && known <= kept / 101 + 1);
}

/* Many short ones: then it is their number that is bounded. */
static void fill_with_short_stacks(void)
{
	for (uint64_t i = 0; i < 100000; i++) {
		struct frames stack = make(UINT64_C(9) << 40 | i, 1);

		stackset_intern(&stack);
	}
	must(stackset_end() == STACKSET_FIRST + STACKSET_MAX);
}

static void too_many_short_stacks(void **state)
{
	(void)state;
	assert_child_passes(fill_with_short_stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_has_one_number),
		cmocka_unit_test(stacks_that_differ_in_one_thing_differ),
		cmocka_unit_test(stacks_do_not_move),
		cmocka_unit_test(too_many_short_stacks),
		cmocka_unit_test(a_million_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
