#include "libhakmem/base/lock.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <pthread.h>

#define THREADS 4
#define ROUNDS	50000

static struct lock lock;
static long shared; /* not atomic on purpose */
static int inside;

static void *add(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool held = (i & 3) != 0 || !lock_try(&lock, LOCK_SPAN);

		if (held)
			lock_acquire(&lock, LOCK_SPAN);
		must(__atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED) == 1);
		shared++;
		__atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
		lock_release(&lock, LOCK_SPAN);
	}
	return arg;
}

static void one_thread_at_a_time(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	shared = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, add, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(shared, THREADS * ROUNDS);
	assert_int_equal(lock.word, 0);
}

static bool taken;

static void *take_slowly(void *arg)
{
	lock_acquire(&lock, LOCK_SPAN);
	__atomic_store_n(&taken, true, __ATOMIC_RELEASE);
	sleep_ms(100);
	shared = 1;
	lock_release(&lock, LOCK_SPAN);
	return arg;
}

/* Long past the spinning: the kernel has to wake the waiter. */
static void a_waiter_sleeps_and_is_woken(void **state)
{
	struct timespec before, after;
	pthread_t thread;

	(void)state;
	shared = 0;
	taken = false;
	pthread_create(&thread, NULL, take_slowly, NULL);
	while (!__atomic_load_n(&taken, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	errno = 77;
	lock_acquire(&lock, LOCK_SPAN);
	assert_int_equal(errno, 77);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	assert_int_equal(shared, 1);
	lock_release(&lock, LOCK_SPAN);
	pthread_join(thread, NULL);
	/* 100 ms of waiting, next to none of it spent running */
	assert_true((after.tv_sec - before.tv_sec) * 1000000000 +
			    after.tv_nsec - before.tv_nsec <
		    50000000);
}

static void trying_never_waits(void **state)
{
	(void)state;
	assert_true(lock_try(&lock, LOCK_SPAN));
	assert_false(lock_try(&lock, LOCK_SPAN));
	lock_release(&lock, LOCK_SPAN);
	assert_true(lock_try(&lock, LOCK_SPAN));
	lock_release(&lock, LOCK_SPAN);
}

static void a_reset_lock_is_free(void **state)
{
	(void)state;
	lock_acquire(&lock, LOCK_META);
	lock_reset(&lock);
	lock_reset_ranks();
	assert_true(lock_try(&lock, LOCK_SPAN));
	lock_release(&lock, LOCK_SPAN);
}

static struct lock other;

/* A fork inside our own critical section leaves that lock alone, twice. */
static void fork_stages_leave_a_lock_of_ours(void **state)
{
	(void)state;
	lock_fork_acquire(&lock, LOCK_SPAN);
	assert_false(lock_try(&lock, LOCK_SPAN));
	lock_fork_release(&lock, LOCK_SPAN);
	assert_int_equal(lock.word, 0);

	lock_acquire(&lock, LOCK_SPAN);
	lock_fork_acquire(&lock, LOCK_SPAN);
	lock_fork_release(&lock, LOCK_SPAN);
	assert_false(lock_try(&lock, LOCK_SPAN));
	lock_release(&lock, LOCK_SPAN);
	assert_int_equal(lock.word, 0);
	/* and the next fork takes it as usual */
	lock_fork_acquire(&lock, LOCK_SPAN);
	assert_false(lock_try(&lock, LOCK_SPAN));
	lock_fork_release(&lock, LOCK_SPAN);
	assert_int_equal(lock.word, 0);
}

static void *fork_acquire(void *arg)
{
	lock_fork_acquire(&lock, LOCK_SPAN);
	shared = 2;
	lock_fork_release(&lock, LOCK_SPAN);
	return arg;
}

static void fork_stages_wait_for_other_threads(void **state)
{
	pthread_t thread;

	(void)state;
	shared = 0;
	lock_acquire(&lock, LOCK_SPAN);
	pthread_create(&thread, NULL, fork_acquire, NULL);
	sleep_ms(50);
	assert_int_equal(shared, 0);
	shared = 1;
	lock_release(&lock, LOCK_SPAN);
	pthread_join(thread, NULL);
	assert_int_equal(shared, 2);
}

/* Waiting does not change whose lock it is. */
static void a_lock_waited_for_is_still_ours(void **state)
{
	pthread_t thread;

	(void)state;
	lock_acquire(&lock, LOCK_SPAN);
	pthread_create(&thread, NULL, fork_acquire, NULL);
	while (!(__atomic_load_n(&lock.word, __ATOMIC_RELAXED) & 1))
		sleep_ms(1);
	/* would wait for ever if it were not */
	alarm(120);
	lock_fork_acquire(&lock, LOCK_SPAN);
	lock_fork_release(&lock, LOCK_SPAN);
	alarm(0);
	lock_release(&lock, LOCK_SPAN);
	pthread_join(thread, NULL);
	assert_int_equal(lock.word, 0);
}

static void *try_it(void *arg)
{
	*(bool *)arg = lock_try(&lock, LOCK_SPAN);
	return NULL;
}

/* Of this thread only, and no lock changes hands meanwhile. */
static void exempt_calls_do_nothing(void **state)
{
	pthread_t thread;
	bool got = true;

	(void)state;
	lock_acquire(&lock, LOCK_SPAN);
	lock_exempt(true);
	lock_acquire(&lock, LOCK_SPAN);
	assert_true(lock_try(&lock, LOCK_SPAN));
	lock_release(&lock, LOCK_SPAN);
	pthread_create(&thread, NULL, try_it, &got);
	pthread_join(thread, NULL);
	assert_false(got);
	lock_exempt(false);
	lock_release(&lock, LOCK_SPAN);
	assert_int_equal(lock.word, 0);
}

static void take_in_order(void)
{
	lock_acquire(&lock, LOCK_THREADS);
	lock_acquire(&other, LOCK_SPAN);
	lock_release(&other, LOCK_SPAN);
	lock_release(&lock, LOCK_THREADS);
	/* and nothing is remembered of it */
	lock_acquire(&lock, LOCK_INIT);
	lock_release(&lock, LOCK_INIT);
}

static void take_out_of_order(void)
{
	lock_acquire(&lock, LOCK_SPAN);
	lock_acquire(&other, LOCK_THREADS);
}

static void try_out_of_order(void)
{
	lock_acquire(&lock, LOCK_META);
	lock_try(&other, LOCK_INIT);
}

static void take_after_reset(void)
{
	lock_acquire(&lock, LOCK_META);
	lock_reset_ranks();
	lock_acquire(&other, LOCK_INIT);
}

/* x86 says SIGILL, other machines SIGTRAP. */
static void assert_traps(void (*body)(void))
{
	int status = in_child(body);

	assert_true(WIFSIGNALED(status));
	assert_true(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

static void debug_builds_check_the_order(void **state)
{
	(void)state;
	assert_child_passes(take_in_order);
	assert_child_passes(take_after_reset);
	if (!DEBUG_BUILD) {
		assert_child_passes(take_out_of_order);
		return;
	}
	assert_traps(take_out_of_order);
	assert_traps(try_out_of_order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_at_a_time),
		cmocka_unit_test(a_waiter_sleeps_and_is_woken),
		cmocka_unit_test(trying_never_waits),
		cmocka_unit_test(a_reset_lock_is_free),
		cmocka_unit_test(fork_stages_leave_a_lock_of_ours),
		cmocka_unit_test(fork_stages_wait_for_other_threads),
		cmocka_unit_test(a_lock_waited_for_is_still_ours),
		cmocka_unit_test(exempt_calls_do_nothing),
		cmocka_unit_test(debug_builds_check_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
