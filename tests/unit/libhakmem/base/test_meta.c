#include "libhakmem/base/meta.h"
#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

static bool is_zero(const char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	char *pieces[2000];
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t bytes = 1 + draw_below(&random, 3000);

		pieces[i] = meta_alloc(bytes);
		assert_non_null(pieces[i]);
		assert_true(is_aligned((uintptr_t)pieces[i], CACHE_LINE));
		assert_true(is_zero(pieces[i], bytes));
		memset(pieces[i], 1 + i % 255, bytes);
	}
	random = 1;
	for (int i = 0; i < 2000; i++) {
		size_t bytes = 1 + draw_below(&random, 3000);

		for (size_t k = 0; k < bytes; k++)
			assert_int_equal((uint8_t)pieces[i][k], 1 + i % 255);
	}
}

static void what_is_given_is_counted(void **state)
{
	size_t before = meta_bytes();

	(void)state;
	meta_alloc(1);
	assert_int_equal(meta_bytes() - before, 64);
	meta_alloc(65);
	assert_int_equal(meta_bytes() - before, 192);
}

static void pieces_larger_than_a_chunk_can_be_had(void **state)
{
	char *large = meta_alloc(5 * MIB + 1);

	(void)state;
	assert_non_null(large);
	assert_true(is_zero(large, 5 * MIB + 1));
	large[5 * MIB] = 1;
	assert_non_null(meta_alloc(64));
}

static void a_refusal_changes_nothing(void **state)
{
	size_t before = meta_bytes();

	(void)state;
	assert_null(meta_alloc((size_t)1 << 60));
	assert_int_equal(meta_bytes(), before);
	assert_non_null(meta_alloc(64));
}

#define PIECES 10000

static pthread_barrier_t together;

static void *fill(void *arg)
{
	char *pieces[PIECES];

	pthread_barrier_wait(&together);
	for (int i = 0; i < PIECES; i++) {
		pieces[i] = meta_alloc(16);
		*pieces[i] = *(char *)arg;
	}
	for (int i = 0; i < PIECES; i++)
		must(*pieces[i] == *(char *)arg);
	return NULL;
}

static void threads_get_pieces_of_their_own(void **state)
{
	pthread_t threads[4];
	char marks[4] = {1, 2, 3, 4};
	size_t before = meta_bytes();

	(void)state;
	pthread_barrier_init(&together, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, fill, &marks[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(meta_bytes() - before, 4 * PIECES * 64);
}

static void go_on_in_child(void)
{
	lock_reset(&meta_lock);
	must(meta_alloc(64) != NULL);
}

static void a_child_of_a_fork_goes_on(void **state)
{
	(void)state;
	lock_acquire(&meta_lock, LOCK_META);
	assert_child_passes(go_on_in_child);
	lock_release(&meta_lock, LOCK_META);
	assert_non_null(meta_alloc(64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(what_is_given_is_counted),
		cmocka_unit_test(pieces_larger_than_a_chunk_can_be_had),
		cmocka_unit_test(a_refusal_changes_nothing),
		cmocka_unit_test(threads_get_pieces_of_their_own),
		cmocka_unit_test(a_child_of_a_fork_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
