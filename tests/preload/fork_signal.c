/*
 * fork inside a signal handler. From a handler that cut into plain code the
 * child may do everything; from one that cut into malloc itself it may only
 * end or exec, but parent and child must not hang on each other's locks.
 *
 * case: outside
 * args: outside
 * expect: exit 0
 * case: inside
 * args: inside
 * expect: exit 0
 */
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum { AT_ONCE = 50 };
static volatile int forks, ended;
static int inside;

static void on_alarm(int signal)
{
	int saved = errno;
	pid_t pid;

	(void)signal;
	if (forks - ended >= AT_ONCE)
		return;
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		for (size_t n = 1; !inside && n < 1000000; n *= 3)
			free(malloc(n));
		_exit(0);
	}
	forks++;
	errno = saved;
}

static void churn(void)
{
	static void *blocks[1000];

	for (size_t i = 0; i < 1000; i++)
		CHECK((blocks[i] = malloc(i * 37 % 9000)));
	for (size_t i = 0; i < 1000; i++)
		free(blocks[i * 7 % 1000]);
	free(malloc(200000));
	free(malloc(3000000));
}

int main(int argc, char **argv)
{
	struct itimerval every = {{0, 2000}, {0, 2000}};
	struct sigaction action = {.sa_handler = on_alarm,
				   .sa_flags = SA_RESTART};
	volatile unsigned spin = 0;
	int status;

	inside = argc > 1 && strcmp(argv[1], "inside") == 0;
	free(malloc(10));
	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!setitimer(ITIMER_REAL, &every, NULL));
	while (forks < (inside ? 600 : 50)) {
		if (inside)
			churn();
		spin++;
		for (; waitpid(-1, &status, WNOHANG) > 0; ended++)
			CHECK(status == 0);
	}
	every.it_value.tv_usec = 0;
	CHECK(!setitimer(ITIMER_REAL, &every, NULL));
	while (wait(&status) > 0)
		CHECK(status == 0);
	return 0;
}
