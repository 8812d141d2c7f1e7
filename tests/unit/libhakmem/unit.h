/*
 * What the unit tests of the library share. The heap under test is a set of
 * plain functions here: malloc, and with it cmocka's own memory, is the
 * system's. cmocka's assertions are for the main thread of the test; `must`
 * is for threads and for children.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_UNIT_H
#define TESTS_UNIT_LIBHAKMEM_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Ends the process with one line if `truth` does not hold. */
#define must(truth)                                                            \
	do {                                                                   \
		if (!(truth)) {                                                \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__,       \
				__LINE__, #truth);                             \
			_exit(99);                                             \
		}                                                              \
	} while (0)

/* Runs `body` in a child; its wait status. A hung child is killed. */
static inline int in_child(void (*body)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* cmocka would go on with its next test in the child */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGILL, SIG_DFL);
		signal(SIGFPE, SIG_DFL);
		alarm(300);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define assert_child_passes(body) assert_int_equal(in_child(body), 0)

#define assert_child_dies(body, signal_number)                                 \
	do {                                                                   \
		int died_ = in_child(body);                                    \
		assert_true(WIFSIGNALED(died_));                               \
		assert_int_equal(WTERMSIG(died_), signal_number);              \
	} while (0)

/* Numbers that are the same in every run (splitmix64). */
static inline uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

/* Uniform in 0 .. below-1, near enough. */
static inline size_t draw_below(uint64_t *state, size_t below)
{
	return (size_t)(draw(state) % below);
}

/* A pointer that the compiler knows nothing of. */
static inline void *opaque(const void *ptr)
{
	__asm__("" : "+r"(ptr));
	return (void *)(uintptr_t)ptr;
}

static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void sleep_ms(unsigned ms)
{
	struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&pause, &pause) != 0)
		;
}

#endif
