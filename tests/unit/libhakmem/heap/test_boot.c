#include "libhakmem/heap/boot.h"

#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/profile/sampler.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

#define THREADS 8

/* Each case wakes a fresh copy, in a child. */

static pthread_barrier_t together;

static void *wake(void *arg)
{
	void **out = arg;

	pthread_barrier_wait(&together);
	*out = heap_malloc(100);
	must(*out != NULL);
	must(boot_ready());
	memset(*out, 1, 100);
	return NULL;
}

static void first_calls_at_once(void)
{
	pthread_t threads[THREADS];
	void *ptr[THREADS];

	pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, wake, &ptr[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		must(arena_owns(ptr[i]));
		for (int k = 0; k < i; k++)
			must(ptr[i] != ptr[k]);
	}
	for (int i = 0; i < THREADS; i++)
		heap_free(ptr[i]);
}

static void threads_may_wake_it_together(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		assert_child_passes(first_calls_at_once);
}

static void any_call_wakes(void)
{
	static _Alignas(16) char foreign[64];
	pid_t pid;

	conf.corruption_abort = false;
	for (int call = 0; call < 8; call++) {
		int status = 0;

		pid = fork();
		if (pid > 0) {
			must(waitpid(pid, &status, 0) == pid && status == 0);
			continue;
		}
		switch (call) {
		case 0:
			must(heap_malloc(1));
			break;
		case 1:
			must(heap_calloc(3, 5));
			break;
		case 2:
			must(heap_calloc(3, 50000));
			break;
		case 3:
			must(heap_realloc(NULL, 7));
			break;
		case 4:
			must(heap_aligned(4096, 7));
			break;
		case 5:
			heap_free(opaque(NULL));
			heap_free(opaque(foreign + 16));
			break;
		case 6:
			must(heap_usable(opaque(foreign + 16)) == 0);
			break;
		default:
			must(heap_malloc(50 * MIB));
			must(!heap_trim());
		}
		must(heap_malloc(10));
		_exit(0);
	}
}

static void whichever_call_comes_first_wakes_it(void **state)
{
	(void)state;
	assert_child_passes(any_call_wakes);
}

static void wake_configured(void)
{
	uint64_t before = monotonic_ns();

	setenv("HAKMEM_HISTOGRAM", "12345", 1);
	setenv("HAKMEM_TICK_MS", "77", 1);
	errno = 77;
	must(boot_ready());
	must(errno == 77);
	must(conf.tick_ms == 77);
	must(sampler_histogram_interval() == 12345);
	must(header_secret & 1);
	must(boot_random() != 0);
	must(boot_time_ns() >= before && boot_time_ns() <= monotonic_ns());
	must(!boot_was_early());
	must(sizeclass_count > 0 && arena.base != 0);
}

static void it_reads_the_environment(void **state)
{
	(void)state;
	assert_child_passes(wake_configured);
}

static void wake_without_environment(void)
{
	environ = NULL;
	must(heap_malloc(10));
	must(boot_was_early());
	must(conf.tick_ms == 250);
}

static void it_may_be_too_early_for_an_environment(void **state)
{
	(void)state;
	assert_child_passes(wake_without_environment);
}

static void wake_twice(void)
{
	uintptr_t base;
	uint32_t secret;

	must(boot_ready());
	base = arena.base;
	secret = header_secret;
	must(boot_ready());
	lock_reset(&boot_lock);
	must(boot_ready());
	must(arena.base == base && header_secret == secret);
}

static void it_happens_once(void **state)
{
	(void)state;
	assert_child_passes(wake_twice);
}

/* The places of two processes differ, and so do their secrets. */
static int told[2];

static void tell(void)
{
	uintptr_t words[2];

	must(boot_ready());
	words[0] = arena.base;
	words[1] = header_secret;
	must(write(told[1], words, sizeof(words)) == sizeof(words));
}

static void processes_differ(void **state)
{
	uintptr_t one[2], two[2];

	(void)state;
	assert_int_equal(pipe(told), 0);
	assert_child_passes(tell);
	assert_child_passes(tell);
	assert_int_equal(read(told[0], one, sizeof(one)), sizeof(one));
	assert_int_equal(read(told[0], two, sizeof(two)), sizeof(two));
	assert_true(one[1] != two[1]);
#ifndef __SANITIZE_THREAD__
	assert_true(one[0] != two[0]);
#endif
}

/* No memory at all: every call refuses, none dies. */
static void wake_in_a_desert(void)
{
	struct rlimit limit = {MIB, MIB};

	must(setrlimit(RLIMIT_AS, &limit) == 0);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		must(!heap_malloc(100) && errno == ENOMEM);
		errno = 0;
		must(!heap_calloc(1, 100) && errno == ENOMEM);
		errno = 0;
		must(!heap_malloc(10 * MIB) && errno == ENOMEM);
		errno = 0;
		must(!heap_realloc(NULL, 5) && errno == ENOMEM);
		errno = 0;
		must(!heap_aligned(64, 100) && errno == ENOMEM);
		heap_free(opaque(NULL));
		must(heap_usable(opaque(&limit)) == 0);
		must(!boot_ready());
	}
}

static void without_memory_calls_are_refused(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_child_passes(wake_in_a_desert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_may_wake_it_together),
		cmocka_unit_test(whichever_call_comes_first_wakes_it),
		cmocka_unit_test(it_reads_the_environment),
		cmocka_unit_test(it_may_be_too_early_for_an_environment),
		cmocka_unit_test(it_happens_once),
		cmocka_unit_test(processes_differ),
		cmocka_unit_test(without_memory_calls_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
