#include "libhakmem/unwind/quiesce.h"

#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

static uintptr_t owner;

static void *take_elsewhere(void *arg)
{
	*(bool *)arg = quiesce_enter(&owner);
	if (*(bool *)arg)
		quiesce_leave(&owner);
	return NULL;
}

static bool another_thread_takes(void)
{
	pthread_t thread;
	bool took = false;

	must(pthread_create(&thread, NULL, take_elsewhere, &took) == 0);
	pthread_join(thread, NULL);
	return took;
}

static void an_owner_has_one_thread(void **state)
{
	(void)state;
	assert_true(quiesce_is_clear(&owner));
	assert_false(quiesce_is_mine(&owner));
	assert_true(quiesce_enter(&owner));
	assert_true(quiesce_is_mine(&owner));
	assert_true(quiesce_is_clear(&owner)); /* no other thread's */
	assert_false(quiesce_enter(&owner));
	assert_false(another_thread_takes());
	quiesce_leave(&owner);
	assert_false(quiesce_is_mine(&owner));
	assert_true(another_thread_takes());
	assert_true(quiesce_is_clear(&owner));
}

static void closings_count(void **state)
{
	(void)state;
	quiesce_begin();
	quiesce_begin();
	assert_false(quiesce_enter(&owner));
	assert_true(quiesce_is_clear(&owner)); /* given back at once */
	quiesce_end();
	assert_false(quiesce_enter(&owner));
	quiesce_end();
	assert_true(quiesce_enter(&owner));
	/* closing does not take from who has it */
	quiesce_begin();
	assert_true(quiesce_is_mine(&owner));
	quiesce_leave(&owner);
	assert_false(quiesce_enter(&owner));
	quiesce_reset();
	assert_true(another_thread_takes());
	/* an opening too many does no harm */
	quiesce_end();
	assert_true(another_thread_takes());
	quiesce_begin();
	assert_false(another_thread_takes());
	quiesce_end();
}

static void unloads_count(void **state)
{
	(void)state;
	assert_false(quiesce_is_unloading());
	quiesce_unload_begin();
	quiesce_unload_begin();
	quiesce_unload_end();
	assert_true(quiesce_is_unloading());
	quiesce_unload_end();
	assert_false(quiesce_is_unloading());
	quiesce_unload_end();
	assert_false(quiesce_is_unloading());
}

#define TURNS 20000

static bool inside;
static uint64_t passed;

static void *pass(void *arg)
{
	(void)arg;
	for (int i = 0; i < TURNS; i++) {
		if (!quiesce_enter(&owner))
			continue;
		must(!__atomic_exchange_n(&inside, true, __ATOMIC_RELAXED));
		passed++; /* the owner's alone */
		__atomic_store_n(&inside, false, __ATOMIC_RELAXED);
		quiesce_leave(&owner);
	}
	return NULL;
}

/* Behind quiescence, once the owners are clear, nobody is inside. */
static void quiescence_is_empty(void **state)
{
	pthread_t threads[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		must(pthread_create(&threads[i], NULL, pass, NULL) == 0);
	for (int i = 0; i < 200; i++) {
		quiesce_begin();
		while (!quiesce_is_clear(&owner))
			;
		assert_false(__atomic_load_n(&inside, __ATOMIC_RELAXED));
		quiesce_end();
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_true(passed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_has_one_thread),
		cmocka_unit_test(closings_count),
		cmocka_unit_test(unloads_count),
		cmocka_unit_test(quiescence_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
