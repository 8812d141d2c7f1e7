#include "libhakmem/unwind/gate.h"

#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

static uintptr_t owner;

static void *take_elsewhere(void *arg)
{
	*(bool *)arg = gate_take(&owner);
	if (*(bool *)arg)
		gate_give(&owner);
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
	assert_true(gate_is_clear(&owner));
	assert_false(gate_is_mine(&owner));
	assert_true(gate_take(&owner));
	assert_true(gate_is_mine(&owner));
	assert_true(gate_is_clear(&owner)); /* no other thread's */
	assert_false(gate_take(&owner));
	assert_false(another_thread_takes());
	gate_give(&owner);
	assert_false(gate_is_mine(&owner));
	assert_true(another_thread_takes());
	assert_true(gate_is_clear(&owner));
}

static void closings_count(void **state)
{
	(void)state;
	gate_close();
	gate_close();
	assert_false(gate_take(&owner));
	assert_true(gate_is_clear(&owner)); /* given back at once */
	gate_open();
	assert_false(gate_take(&owner));
	gate_open();
	assert_true(gate_take(&owner));
	/* closing does not take from who has it */
	gate_close();
	assert_true(gate_is_mine(&owner));
	gate_give(&owner);
	assert_false(gate_take(&owner));
	gate_reset();
	assert_true(another_thread_takes());
	/* an opening too many does no harm */
	gate_open();
	assert_true(another_thread_takes());
	gate_close();
	assert_false(another_thread_takes());
	gate_open();
}

static void unloads_count(void **state)
{
	(void)state;
	assert_false(gate_is_unloading());
	gate_unload_begin();
	gate_unload_begin();
	gate_unload_end();
	assert_true(gate_is_unloading());
	gate_unload_end();
	assert_false(gate_is_unloading());
	gate_unload_end();
	assert_false(gate_is_unloading());
}

#define TURNS 20000

static bool inside;
static uint64_t passed;

static void *pass(void *arg)
{
	(void)arg;
	for (int i = 0; i < TURNS; i++) {
		if (!gate_take(&owner))
			continue;
		must(!__atomic_exchange_n(&inside, true, __ATOMIC_RELAXED));
		passed++; /* the owner's alone */
		__atomic_store_n(&inside, false, __ATOMIC_RELAXED);
		gate_give(&owner);
	}
	return NULL;
}

/* Behind a closed gate, once the owners are clear, nobody is inside. */
static void a_closed_gate_is_empty(void **state)
{
	pthread_t threads[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		must(pthread_create(&threads[i], NULL, pass, NULL) == 0);
	for (int i = 0; i < 200; i++) {
		gate_close();
		while (!gate_is_clear(&owner))
			;
		assert_false(__atomic_load_n(&inside, __ATOMIC_RELAXED));
		gate_open();
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
		cmocka_unit_test(a_closed_gate_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
