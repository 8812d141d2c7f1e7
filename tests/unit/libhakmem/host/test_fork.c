#include "libhakmem/host/fork.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/memory/central.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/base/meta.h"
#include "libhakmem/profile/profile.h"
#include "libhakmem/stream/publish.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/heap/thread.h"
#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

#define THREADS 3
#define FORKS	(SANITIZED ? 10 : 40)

static void allocate_once(void)
{
	heap_free(heap_malloc(10));
	heap_free(heap_malloc(5000));
	heap_free(heap_malloc(100000));
}

static int boot(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	/* a handler that was there first runs when all locks are held */
	pthread_atfork(allocate_once, allocate_once, allocate_once);
	fork_watch();
	thread_watch_exits();
	sampler_init(2000, 0); /* the table of samples is used, too */
	thread_cache();
	return 0;
}

static bool stopping;

static void churn_once(uint64_t *random, void *held[64])
{
	size_t at = draw_below(random, 64);
	size_t n = draw_below(random, (size_t)1 << draw_below(random, 18));

	if (held[at]) {
		heap_free(held[at]);
		held[at] = NULL;
	} else {
		held[at] = heap_malloc(n);
		must(held[at] != NULL);
		memset(held[at], 1, n);
	}
}

static void *churn(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	void *held[64] = {NULL};

	for (int i = 0; !__atomic_load_n(&stopping, __ATOMIC_RELAXED); i++) {
		churn_once(&random, held);
		if (i % 20000 == 0)
			heap_trim();
	}
	for (int i = 0; i < 64; i++)
		heap_free(held[i]);
	return NULL;
}

static void *churn_a_little(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	void *held[64] = {NULL};

	for (int i = 0; i < 1000; i++)
		churn_once(&random, held);
	for (int i = 0; i < 64; i++)
		heap_free(held[i]);
	return NULL;
}

static uint64_t balance(void)
{
	struct thread_sums sums;
	uint64_t live = 0;

	thread_sum(&sums);
	for (unsigned i = 0; i < sizeclass_count; i++)
		live += sums.allocs[i] - sums.frees[i];
	return live;
}

static void live_in_child(void)
{
	struct thread_sums sums;
	uint64_t random = 5, before = balance();
	void *held[64] = {NULL};
	pthread_t thread;

	thread_sum(&sums);
	must(sums.live_threads == 1);
	for (int i = 0; i < 3000; i++)
		churn_once(&random, held);
	for (int i = 0; i < 64; i++)
		heap_free(held[i]);
		/* threads, a trim and children of its own */
/* The sanitizers' own locks may be held for ever in such a child. */
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	pthread_create(&thread, NULL, churn_a_little, &random);
	pthread_join(thread, NULL);
#else
	churn_a_little(&random);
	(void)thread;
#endif
	heap_trim();
	must(balance() == before);
}

static void live_in_grandchild(void)
{
	int status;
	pid_t pid;

	live_in_child();
	pid = fork();
	if (pid == 0) {
		live_in_child();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Whatever the other threads were doing at that moment. */
static void children_of_a_busy_program_live(void **state)
{
	uint64_t seeds[THREADS] = {1, 2, 3};
	pthread_t threads[THREADS];

	(void)state;
	stopping = false;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, churn, &seeds[i]);
	for (int i = 0; i < FORKS; i++)
		assert_child_passes(i % 8 ? live_in_child : live_in_grandchild);
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(balance(), 0);
	assert_int_equal(profile_live_samples(), 0);
}

/* A child inherits what its parent held: counts go on from there. */
static char *inherited;

static void use_inherited(void)
{
	struct thread_sums sums;

	thread_sum(&sums);
	must(balance() == 1);
	for (int i = 0; i < 1000; i++)
		must(inherited[i] == 'p');
	inherited = heap_realloc(inherited, 5000);
	must(inherited[999] == 'p');
	heap_free(inherited);
	must(balance() == 0);
}

static void a_child_owns_what_it_inherits(void **state)
{
	(void)state;
	inherited = heap_malloc(1000);
	memset(inherited, 'p', 1000);
	assert_child_passes(use_inherited);
	assert_int_equal(balance(), 1);
	assert_int_equal(inherited[999], 'p');
	heap_free(inherited);
	assert_int_equal(balance(), 0);
}

static void end_and_allocate(void)
{
	lock_release(&meta_lock, LOCK_META);
	allocate_once();
}

static void leave_span(void)
{
	lock_release(&span_lock, LOCK_SPAN);
}

static void many_forks_in_a_row(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_child_passes(allocate_once);
	heap_free(heap_malloc(10));
}

/* A signal handler forks in the middle of our own work: here, of a critical
 * section. Both go on with it. */
static void a_fork_inside_a_critical_section(void **state)
{
	(void)state;
	lock_acquire(&span_lock, LOCK_SPAN);
	assert_child_passes(leave_span);
	lock_release(&span_lock, LOCK_SPAN);
	lock_acquire(&meta_lock, LOCK_META);
	assert_child_passes(end_and_allocate);
	end_and_allocate();
	allocate_once();
}

/* Each lock in turn is held by another thread for a while. */
static const enum lock_rank ranks[LOCK_RANKS] = {
	LOCK_INIT, LOCK_PUBLISH, LOCK_THREADS, LOCK_CENTRAL, LOCK_PROFILE,
	LOCK_SITE, LOCK_SPAN,	 LOCK_MODULE,  LOCK_META,
};
static int lock_stage; /* 1: held; 2: about to be released; 3: is */

static void *hold(void *arg)
{
	enum lock_rank rank = *(const enum lock_rank *)arg;
	struct lock *lock = fork_lock(rank, 0);

	lock_acquire(lock, rank);
	__atomic_store_n(&lock_stage, 1, __ATOMIC_RELEASE);
	sleep_ms(50);
	__atomic_store_n(&lock_stage, 2, __ATOMIC_RELEASE);
	lock_release(lock, rank);
	__atomic_store_n(&lock_stage, 3, __ATOMIC_RELEASE);
	return NULL;
}

static void find_the_lock_released(void)
{
	must(__atomic_load_n(&lock_stage, __ATOMIC_ACQUIRE) >= 2);
	allocate_once();
}

static void a_fork_waits_for_every_lock(void **state)
{
	(void)state;
	for (size_t i = 0; i < LOCK_RANKS; i++) {
		pthread_t thread;

		lock_stage = 0;
		pthread_create(&thread, NULL, hold,
			       (void *)(uintptr_t)&ranks[i]);
		pthread_detach(thread); /* a child could not join it */
		while (__atomic_load_n(&lock_stage, __ATOMIC_ACQUIRE) < 1)
			sleep_ms(1);
		assert_child_passes(find_the_lock_released);
		while (__atomic_load_n(&lock_stage, __ATOMIC_ACQUIRE) < 3)
			sleep_ms(1);
	}
}

static void every_lock_is_in_the_table(void **state)
{
	(void)state;
	for (enum lock_rank rank = 0; rank < LOCK_RANKS; rank++) {
		assert_non_null(fork_lock(rank, 0));
		for (enum lock_rank other = 0; other < rank; other++)
			assert_ptr_not_equal(fork_lock(rank, 0),
					     fork_lock(other, 0));
	}
	assert_ptr_equal(fork_lock(LOCK_CENTRAL, SIZECLASS_MAX - 1),
			 central_lock(SIZECLASS_MAX - 1));
	assert_null(fork_lock(LOCK_CENTRAL, SIZECLASS_MAX));
	assert_null(fork_lock(LOCK_META, 1));
}

static bool passed;

static void *pass_span(void *arg)
{
	lock_acquire(&span_lock, LOCK_SPAN);
	__atomic_store_n(&passed, true, __ATOMIC_RELEASE);
	lock_release(&span_lock, LOCK_SPAN);
	return arg;
}

/* What the handlers did to let others allocate is over in the child, too. */
static void lock_in_child(void)
{
	pthread_t thread;

	lock_acquire(&span_lock, LOCK_SPAN);
	pthread_create(&thread, NULL, pass_span, NULL);
	sleep_ms(50);
	must(!__atomic_load_n(&passed, __ATOMIC_ACQUIRE));
	lock_release(&span_lock, LOCK_SPAN);
	pthread_join(thread, NULL);
	must(passed);
}

static void locks_lock_in_child_and_parent(void **state)
{
	(void)state;
	passed = false;
#ifndef __SANITIZE_THREAD__
	assert_child_passes(lock_in_child);
#endif
	lock_in_child();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_owns_what_it_inherits),
		cmocka_unit_test(children_of_a_busy_program_live),
		cmocka_unit_test(many_forks_in_a_row),
		cmocka_unit_test(a_fork_inside_a_critical_section),
		cmocka_unit_test(a_fork_waits_for_every_lock),
		cmocka_unit_test(every_lock_is_in_the_table),
		cmocka_unit_test(locks_lock_in_child_and_parent),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
